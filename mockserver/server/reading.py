"""What a connection reads: bytes to complete requests, one after the other.

llhttp (through httptools) reads the bytes; `heads` refuses what it lets pass although it is ambiguous.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

import httptools

from mockserver.server.bounds import READ_SIZE, Serving
from mockserver.server.heads import Refused, bad_request
from mockserver.server.wsgi import unknown_method

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Answering(Protocol):
    """What the reading of a connection asks of its answering side."""

    server: Serving
    closing: bool
    clogged: bool
    deadline: float

    @property
    def busy(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def take(self, environ: WSGIEnvironment) -> None: ...
    def refuse(self, refused: Refused) -> None: ...


class Reader:
    """Reads the requests of one connection and hands each to its answering side.

    `environ` is that of the request that is being read, None between two. `parser` is None once nothing more is read.
    """

    def __init__(self, answers: Answering, base_environ: WSGIEnvironment) -> None:
        self.answers = answers
        self.server = answers.server
        self.bounds = answers.server.bounds
        self.base_environ = base_environ
        self.parser: Any = httptools.HttpRequestParser(self)
        self.environ: WSGIEnvironment | None = None
        self.headers: list[bytes] = []  # names and values in turn, as sent
        self.in_body = False
        self.method: bytes | None = None  # one that the parser does not know
        self.target = b""
        self.body = io.BytesIO()
        self.earlier_size = 0  # bytes of this request in the reads before
        self.owes_continue = False

    def read(self, data: memoryview) -> None:
        """Take in what came, which may be part of a request, or several."""
        between = self.environ is None
        odd = self._feed(data)
        if odd is not None:  # here, where no exception is under way that would hide a refusal's cause
            self._parse_unknown_method(bytes(data), odd, between=between)
        if self.environ is not None:
            self.earlier_size += len(data)
            self._check_size()

    def stop(self) -> None:
        """Read nothing more as HTTP."""
        self.parser = self.environ = None

    def send_continue(self) -> None:
        """Ask for the body of a client that waits to be asked, once its turn has come."""
        if self.owes_continue and not self.answers.busy:
            self.owes_continue = False
            self.answers.write(CONTINUE)

    # called by the parser

    def on_message_begin(self) -> None:
        if self.in_body or self.parser is None:
            return
        self.environ = self.base_environ
        self.body = io.BytesIO()
        self.target = b""
        self.headers = []
        self.earlier_size = 0
        answers = self.answers
        if not answers.clogged:
            answers.deadline = self.server.now + self.bounds.header_timeout_s

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
            self.answers.deadline = server.now + self.bounds.body_timeout_s
            if environ.get("HTTP_EXPECT", "").lower() == "100-continue" and environ["SERVER_PROTOCOL"] != "HTTP/1.0":
                self.owes_continue = True
                self.send_continue()

    def on_body(self, body: bytes) -> None:
        if self.environ is None:
            return
        self.body.write(body)
        if self.body.tell() > self.bounds.max_body:
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
            self.answers.closing = True
        self.answers.take(environ)

    # parsing

    def _feed(self, data: memoryview) -> Exception | None:
        """Parse what came; return the parser's word on a method that it doesn't know, refuse all else it can't read."""
        try:
            while self.parser is not None and data:
                try:
                    self.parser.feed_data(data)
                    return None
                except httptools.HttpParserUpgrade as upgrade:
                    data = data[upgrade.args[0] :]
                if self.environ is not None:
                    self._decline_upgrade(self.environ)
        except httptools.HttpParserInvalidMethodError as error:
            return error
        except httptools.HttpParserError as error:
            self._unreadable(error)
        return None

    def _parse_unknown_method(self, data: bytes, error: Exception, *, between: bool) -> None:
        # The parser knows a list of methods, the application answers any: it is told of a GET, in a request that starts
        # with what was read and is the connection's last.
        method = unknown_method(data) if between else None
        if method is None:
            return self._unreadable(error)
        self.parser, self.method, self.answers.closing = httptools.HttpRequestParser(self), method, True
        if (another := self._feed(memoryview(b"GET" + data[len(method) :]))) is not None:
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

    def _check_size(self) -> None:
        # The parser shows no header, chunk head or trailer before it is complete: so the raw bytes are bounded as well.
        bounds = self.bounds
        bound = bounds.max_header + READ_SIZE
        if not self.in_body and self.earlier_size > bound:
            self.answers.refuse(self.server.heads.header_too_large())
        elif self.earlier_size > bound + 8 * bounds.max_body:
            self.answers.refuse(self.server.heads.body_too_large())

    def _unreadable(self, error: Exception) -> None:
        cause = error.__context__
        if not isinstance(cause, Refused):
            if isinstance(error, httptools.HttpParserCallbackError):
                raise error  # not the client's fault: the loop logs it and closes
            cause = bad_request(str(error))
        if self.parser is not None:  # None: these bytes are behind the connection's last request
            self.answers.refuse(cause)
