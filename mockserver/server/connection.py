"""One client connection: bytes in, one request after the other through the application, answers out in order.

llhttp (through httptools) reads the bytes; `server_head` refuses what it lets pass although it is ambiguous.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httptools

from mockserver.server.delivery import FAULTS
from mockserver.server.heads import Refused, bad_request
from mockserver.server.wsgi import JSON_TYPE, respond, unknown_method

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from mockserver.server.server import Server

logger = logging.getLogger(__name__)

READ_SIZE = 65536
LINGER_S = 2.0
LINGER_BYTES = 8 << 20
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.BufferedProtocol):
    """The HTTP/1 side of one connection.

    `pending` means that an answer is delayed or being spoiled, `clogged` that the client does not read its answers;
    requests then wait in `queue`. `parser` is None once nothing more is read as HTTP.
    """

    transport: asyncio.Transport
    base_environ: WSGIEnvironment

    def __init__(self, server: Server) -> None:
        self.server = server
        self.parser: Any = httptools.HttpRequestParser(self)
        self.environ: WSGIEnvironment | None = None  # of the request that is being read
        self.headers: list[bytes] = []  # its names and values in turn, as sent
        self.in_body = False
        self.method: bytes | None = None  # one that the parser does not know
        self.target = b""
        self.body = io.BytesIO()
        self.read_size = 0  # bytes in this read
        self.earlier_size = 0  # bytes of this request in the reads before
        self.owes_continue = False
        self.queue: deque[WSGIEnvironment | bytes] = deque()  # requests, or a refusal
        self.pending = self.clogged = False
        self.closing = False  # no request is taken after those that are here
        self.half_closed = False  # the client sends no more
        self.stalled = self.lingering = False
        self.timer: asyncio.TimerHandle | None = None
        self.deadline = server.now + server.header_timeout_s

    # called by the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        self.base_environ = self.server.environ | {"REMOTE_ADDR": host, "REMOTE_PORT": str(port)}
        self.server.admit(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.parser = None
        self.queue.clear()
        if self.timer is not None:
            self.timer.cancel()
        self.server.dismiss(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.parser is None:
            return self._discard(nbytes)
        self.read_size = nbytes
        between = self.environ is None
        odd = self._read(self.server.view[:nbytes])
        if odd is not None:  # here, where no exception is under way that would hide a refusal's cause
            self._parse_unknown_method(bytes(self.server.view[:nbytes]), odd, between=between)
        if self.environ is not None:
            self.earlier_size += nbytes
            self._check_size()
        if self.queue:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Stay for an answer that is under way: a client may close its sending half early."""
        self.half_closed = self.closing = True
        return self.pending and not self.stalled

    def pause_writing(self) -> None:
        self.clogged = True
        self.deadline = self.server.now + self.server.body_timeout_s
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.clogged = False
        if not (self.pending or self.lingering):
            self._go_on()

    # called by the parser

    def on_message_begin(self) -> None:
        if self.in_body or self.parser is None:
            return
        self.environ = self.base_environ
        self.body = io.BytesIO()
        self.target = b""
        self.headers = []
        self.earlier_size = 0
        if not self.clogged:
            self.deadline = self.server.now + self.server.header_timeout_s

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:  # in the body it is a trailer: not merged (RFC 9110 6.5.1)
            self.headers += (name, value)

    def on_headers_complete(self) -> None:
        if self.environ is None or self.in_body:
            return
        self.in_body = True
        server, parser = self.server, self.parser
        method = self.method or parser.get_method()
        head = server.heads.read(method, parser.get_http_version(), self.target, self.headers)
        self.environ = environ = self.base_environ | head
        environ["wsgi.input"] = self.body
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            self.deadline = server.now + server.body_timeout_s
            expected = environ.get("HTTP_EXPECT", "").lower() == "100-continue"
            self.owes_continue = expected and environ["SERVER_PROTOCOL"] != "HTTP/1.0"
            self._send_continue()

    def on_body(self, body: bytes) -> None:
        if self.environ is None:
            return
        self.body.write(body)
        if self.body.tell() > self.server.max_body:
            raise self.server.heads.body_too_large()

    def on_message_complete(self) -> None:
        environ, parser = self.environ, self.parser
        if environ is None or parser is None or parser.should_upgrade():
            return
        self.environ = None
        self.in_body = self.owes_continue = False
        size = self.body.tell()
        if size:
            environ["CONTENT_LENGTH"] = str(size)
            self.body.seek(0)
        if not parser.should_keep_alive():
            self.closing = True
        if self.pending or self.clogged:
            self.queue.append(environ)
        else:
            self._answer(environ)

    # reading

    def _read(self, data: memoryview) -> Exception | None:
        """Parse what came; return the parser's word on a method that it doesn't know, refuse all else it can't read."""
        try:
            self._parse(data)
        except httptools.HttpParserInvalidMethodError as error:
            return error
        except httptools.HttpParserError as error:
            self._unreadable(error)
        return None

    def _parse(self, data: memoryview) -> None:
        while self.parser is not None and data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            if self.environ is not None:
                self._decline_upgrade(self.environ)

    def _parse_unknown_method(self, data: bytes, error: Exception, *, between: bool) -> None:
        # The parser knows a list of methods, the application answers any: it is told of a GET, in a request that starts
        # with what was read and is the connection's last.
        method = unknown_method(data) if between else None
        if method is None:
            return self._unreadable(error)
        self.parser, self.method, self.closing = httptools.HttpRequestParser(self), method, True
        if (another := self._read(memoryview(b"GET" + data[len(method) :]))) is not None:
            self._unreadable(another)

    def _decline_upgrade(self, environ: WSGIEnvironment) -> None:
        # Behind a head with an upgrade offer the parser takes everything for the other protocol, but Java's HttpClient
        # offers h2c and sends its body as HTTP/1.1: the parser is told the same framing again, without the offer.
        last = environ["SERVER_PROTOCOL"] == "HTTP/1.0" or "close" in environ.get("HTTP_CONNECTION", "").lower()
        lines = ["POST / HTTP/1.1", "Connection: close" if last else "Connection: keep-alive"]
        if "CONTENT_LENGTH" in environ:
            lines.append("Content-Length: " + environ["CONTENT_LENGTH"])
        elif "HTTP_TRANSFER_ENCODING" in environ:
            lines.append("Transfer-Encoding: chunked")
        self.parser.feed_data("\r\n".join([*lines, "\r\n"]).encode("ascii"))

    def _send_continue(self) -> None:
        if self.owes_continue and not (self.pending or self.clogged):
            self.owes_continue = False
            self.transport.write(CONTINUE)

    def _check_size(self) -> None:
        # The parser shows no header, chunk head or trailer before it is complete: so the raw bytes are bounded as well.
        bound = self.server.max_header + READ_SIZE
        if not self.in_body and self.earlier_size > bound:
            self._refuse(self.server.heads.header_too_large())
        elif self.earlier_size > bound + 8 * self.server.max_body:
            self._refuse(self.server.heads.body_too_large())

    def _unreadable(self, error: Exception) -> None:
        cause = error.__context__
        if not isinstance(cause, Refused):
            if isinstance(error, httptools.HttpParserCallbackError):
                raise error  # not the client's fault: the loop logs it and closes
            cause = bad_request(str(error))
        if self.parser is not None:  # None: these bytes are behind the connection's last request
            self._refuse(cause)

    # answering

    def _answer(self, environ: WSGIEnvironment) -> None:
        server = self.server
        head, body, last = respond(server.app, environ, server.date, self.closing and not self.queue)
        if last:
            self._take_no_more()
        effect = environ.get("mockserver.effect")
        if effect is not None and (effect.delay_s > 0 or effect.connection):
            deliver = FAULTS[effect.connection]
            self.pending = True
            if effect.delay_s > 0:
                return self.later(effect.delay_s, deliver, self, head, body)
            return deliver(self, head, body)
        self.deadline = server.now + server.idle_timeout_s
        self.transport.write(head + body)
        if last:
            self.transport.close()

    def later(self, delay_s: float, step: Callable[..., None], *args: object) -> None:
        """Take the next step of the pending answer in `delay_s` seconds."""
        self.timer = self.server.loop.call_later(delay_s, step, *args)

    def answered(self) -> None:
        """End the pending answer and go on with what came behind it."""
        self.pending = False
        self._go_on()

    def _go_on(self) -> None:
        while self.queue and not (self.pending or self.clogged):
            waiting = self.queue.popleft()
            if isinstance(waiting, bytes):
                return self._reject(waiting)
            self._answer(waiting)
        if self.pending or self.clogged:
            return
        server = self.server
        reading = self.environ is not None and not self.half_closed
        if reading:
            self.deadline = server.now + (server.body_timeout_s if self.in_body else server.header_timeout_s)
        else:
            self.deadline = server.now + server.idle_timeout_s
            if self.closing:
                return self.transport.close()
        self.transport.resume_reading()
        self._send_continue()

    # ending

    def _take_no_more(self) -> None:
        self.closing = True
        self.parser = self.environ = None
        self.earlier_size = 0
        self.queue.clear()

    def _refuse(self, refused: Refused) -> None:
        logger.info("Refused a request with %s: %s", refused.status, refused)
        body = json.dumps({"Message": str(refused)}, separators=(",", ":")).encode("ascii")
        head = f"HTTP/1.1 {refused.status}\r\nContent-Type: {JSON_TYPE}\r\nContent-Length: {len(body)}\r\n"
        answer = f"{head}{self.server.date}\r\nConnection: close\r\n\r\n".encode("ascii") + body
        self.parser = self.environ = None
        if self.pending or self.clogged:
            self.queue.append(answer)
        else:
            self._reject(answer)

    def _reject(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the sending half, then drop what still comes: closing at once would reset what was sent."""
        self._take_no_more()
        self.pending = self.stalled = False
        self.deadline = self.server.now + LINGER_S
        if self.half_closed:
            return self.transport.close()
        self.lingering = True
        with contextlib.suppress(OSError):  # the client is gone already
            self.transport.write_eof()
        self.transport.resume_reading()

    def _discard(self, nbytes: int) -> None:
        self.earlier_size += nbytes
        if self.earlier_size > LINGER_BYTES:
            self.transport.abort()

    def turn_away(self, message: str) -> None:
        """Answer 503 to a connection that the server has no room for."""
        self._refuse(Refused("503 Service Unavailable", message))

    def stall(self) -> None:
        """Take no more, but notice when the client gives up."""
        self._take_no_more()
        self.stalled = True
        self.transport.resume_reading()

    def break_off(self) -> None:
        """Reset the connection; what is not sent yet, also by the system, is dropped."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def expire(self) -> None:
        """End a connection whose deadline has passed."""
        if self.lingering or self.clogged or self.transport.is_closing():
            self.break_off()
        elif self.environ is not None:
            self._refuse(Refused("408 Request Timeout", "The request did not arrive in time."))
        else:
            self.transport.close()

    def shut_down(self) -> None:
        """Answer what is here, then close; an answer that will never come is not waited for."""
        self.closing = True
        if self.stalled or self.lingering:
            self.transport.abort()
        elif self.environ is None and not self.pending and not self.queue:
            self.transport.close()
