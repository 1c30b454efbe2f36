"""What a connection reads: bytes to complete requests, one after the other.

llhttp (through httptools) reads the bytes; `heads` refuses what it lets pass although it is ambiguous. A request that
comes whole behind a head that came before needs no parser.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

import httptools

from mockserver.errors import ApiError
from mockserver.server.bounds import READ_SIZE, Serving
from mockserver.server.heads import bad_request, told
from mockserver.server.wsgi import is_known_method, method_at_start

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD_END = b"\r\n\r\n"
LONGEST_START = 64  # of a request, kept until its method is known
TLS_RECORD = b"\x16\x03"


class Answering(Protocol):
    """What the reading of a connection asks of its answering side."""

    server: Serving
    closing: bool
    clogged: bool
    deadline: float
    since: float

    @property
    def busy(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def take(self, environ: WSGIEnvironment) -> None: ...
    def refuse(self, refusal: ApiError) -> None: ...


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
        self.begun = b""  # of a request whose method is not known yet, `unread` if the parser has to see it again
        self.unread = False
        self.last_head, self.last_environ = base_environ, base_environ  # of the last request that needed no parser
        self.begins = 0  # requests that began since the start of `begun`
        self.head = b""  # bytes of the head with which this read begins, if it begins with one
        self.target = b""
        self.body = io.BytesIO()
        self.earlier_size = 0  # bytes of this request in the reads before
        self.owes_continue = False

    def read(self, data: memoryview) -> None:
        """Take in what came, which may be part of a request, or several."""
        if self.environ is None:
            head, end, body = bytes(data).partition(HEAD_END)
            known = self.server.heads.plain.get(head) if end else None
            if known is not None and known.get("CONTENT_LENGTH", "0") == str(len(body)):
                return self._take_whole(known, body)
            self.begun, self.begins, self.head = b"", 0, head if end else b""
        elif self.unread:
            return self._read_again(data)
        else:
            self.head = b""
        odd = self._feed(data)
        if odd is not None:  # here, where no exception is under way that would hide a refusal's cause
            self._read_method(self.begun + bytes(data), odd)
        elif self.environ is not None and not self.target and len(self.begun) < LONGEST_START:
            self.begun += bytes(data)
        if self.environ is not None:
            self.earlier_size += len(data)
            self._check_size()

    def told(self) -> WSGIEnvironment:
        """Return what is known of the request that is being read, for the answer that refuses it; `-` if nothing is."""
        environ, body = self.environ, self.body
        if environ is None:
            environ, body = self.base_environ | told(b"-", b"-", []), io.BytesIO()
        elif "RAW_URI" not in environ:
            method = self.method or (self.parser.get_method() if self.target else b"-")
            environ = environ | told(method, self.target or b"-", self.headers)
        body.seek(0)
        return environ | {"wsgi.input": body}

    def stop(self) -> None:
        """Read nothing more as HTTP."""
        self.parser = self.environ = None

    def send_continue(self) -> None:
        """Ask for the body of a client that waits to be asked, once its turn has come."""
        if self.owes_continue and not self.answers.busy:
            self.owes_continue = False
            self.answers.write(CONTINUE)

    def _take_whole(self, head: WSGIEnvironment, body: bytes) -> None:
        if head is not self.last_head:  # most clients send the same one on a connection, again and again
            self.last_head, self.last_environ = head, self.base_environ | head
        environ = self.last_environ.copy()
        environ["wsgi.input"] = io.BytesIO(body)
        self.answers.since = self.server.now
        self.answers.take(environ)

    # -- called by the parser ------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.in_body or self.parser is None:
            return
        self.begins += 1
        self.environ = self.base_environ
        self.body = io.BytesIO()
        self.target = b""
        self.headers = []
        self.earlier_size = 0
        answers = self.answers
        answers.since = self.server.now
        if not answers.clogged:
            answers.deadline = answers.since + self.bounds.header_timeout_s

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:  # in the body it is a trailer: not merged (RFC 9110 6.5.1)
            self.headers += (name, value)

    def on_headers_complete(self) -> None:
        if self.environ is None or self.in_body:
            return
        self.in_body = True
        server, sent = self.server, self.head if self.begins == 1 else b""
        self.environ = environ = self.base_environ | (server.heads.kept.get(sent) or self._read_head(sent))
        environ["wsgi.input"] = self.body
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            if int(environ.get("CONTENT_LENGTH", 0)) > self.bounds.max_body:
                raise server.heads.body_too_large()
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

    def _read_head(self, sent: bytes) -> WSGIEnvironment:
        parser, heads = self.parser, self.server.heads
        method, version = self.method or parser.get_method(), parser.get_http_version()
        return heads.read(sent, method, version, self.target, self.headers, goes_on=parser.should_keep_alive())

    # -- parsing -------------------------------------------------------------------------------------------------------

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
            self._unreadable(error, bytes(data))
        return None

    def _read_method(self, data: bytes, error: Exception) -> None:
        # The parser knows a list of methods in capitals, Web API any letter case, the application any method. Of one
        # that is in no list the parser is told as a GET, in a request that is the connection's last.
        if self.parser is None:  # these bytes are behind the connection's last request
            return
        found = method_at_start(data) if self.begins == 1 else None
        if found is None:
            return self._unreadable(error, data)
        self.parser = httptools.HttpRequestParser(self)
        if not found[2]:
            self.begun, self.unread = data, True
            return
        method = found[1].upper()
        if not is_known_method(method):
            self.method, self.answers.closing, method = found[1], True, b"GET"
        if (another := self._feed(memoryview(method + data[found.end(1) :]))) is not None:
            self._unreadable(another, data)

    def _read_again(self, data: memoryview) -> None:
        # What came late of a method gives its request no more time.
        whole, deadline = memoryview(self.begun + bytes(data)), self.answers.deadline
        self.environ, self.unread = None, False
        self.read(whole)
        if self.environ is not None and not self.in_body:
            self.answers.deadline = deadline

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

    def _unreadable(self, error: Exception, data: bytes) -> None:
        cause = error.__context__
        if not isinstance(cause, ApiError):
            if isinstance(error, httptools.HttpParserCallbackError):
                raise error  # not the client's fault: the loop logs it and closes
            cause = bad_request(_problem(error, data))
        if self.parser is not None:  # None: these bytes are behind the connection's last request
            self.answers.refuse(cause)


def _problem(error: Exception, data: bytes) -> str:
    """Return in plain words what is wrong with bytes that the parser can't read."""
    if data.startswith(TLS_RECORD):
        return "these are bytes of TLS, and this port speaks plain HTTP: write http:// instead of https://"
    if isinstance(error, httptools.HttpParserInvalidURLError) and not data.isascii():
        return "the request target holds a letter beyond ASCII: percent-encode it, \u00e9 is %C3%A9"
    return str(error)
