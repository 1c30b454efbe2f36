"""A request's head as sent, method, target and headers, to what a WSGI application is told of it.

What the parser lets pass although RFC 9112 calls it ambiguous is refused here. Clients send the same head again and
again, so what its bytes say is worked out once and kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from mockserver.errors import ApiError, BadRequest, HeaderTooLarge, RequestTooLarge
from mockserver.settings import KEPT_HEADS, LONGEST_KEPT_HEAD

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

KNOWN_NAMES = 1024
LINE_EXTRA = len(": \r\n")
HTTP_1_0_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})

# What frames a request in another way than by Content-Length, or asks for an answer before its body.
_OTHER_FRAMING = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE", "HTTP_EXPECT"})

_environ_keys: dict[bytes, str] = {}


def bad_request(problem: str) -> ApiError:
    """Return the refusal of bytes that are no request, or not surely the one that their sender meant."""
    return BadRequest(f"The request is not valid HTTP: {problem}.", rule="http-invalid")


class Heads:
    """What heads say, as entries of a WSGI environment; bodies and head sections are bounded in bytes.

    `kept` has the last ones by their bytes, `plain` those of them behind which so many bytes of body come as
    Content-Length says, or none, and then the next request.
    """

    def __init__(self, max_header: int, max_body: int) -> None:
        self.max_header = max_header
        self.max_body = max_body
        self.kept: dict[bytes, WSGIEnvironment] = {}
        self.plain: dict[bytes, WSGIEnvironment] = {}

    def read(
        self, sent: bytes, method: bytes, version: str, target: bytes, headers: list[bytes], *, goes_on: bool = False
    ) -> WSGIEnvironment:
        """Return what a new head says, not to be changed; raise ApiError for one that might be read in two ways.

        `sent` are its bytes, empty if they came in pieces; `headers` holds names and values in turn; `goes_on` tells
        whether the connection does. The entry "mockserver.head" is a dictionary in which the application may note what
        it finds out of the head, for as long as the head is kept; a long head is not, and has none.
        """
        size = sum(map(len, (method, version, target, *headers)))
        if size + LINE_EXTRA * len(headers) // 2 > self.max_header:
            raise self.header_too_large()
        entries = self._entries(method, version, target, headers)
        if 0 < len(sent) <= LONGEST_KEPT_HEAD:
            entries["mockserver.head"] = {}
            bounded = int(entries.get("CONTENT_LENGTH", 0)) <= self.max_body
            if len(self.kept) >= KEPT_HEADS:
                self.kept.clear()
                self.plain.clear()
            self.kept[sent] = entries
            if goes_on and bounded and entries.keys().isdisjoint(_OTHER_FRAMING):
                self.plain[sent] = entries
        return entries

    def _entries(self, method: bytes, version: str, target: bytes, headers: list[bytes]) -> WSGIEnvironment:
        environ: WSGIEnvironment = {"REQUEST_METHOD": method.decode("ascii")}
        for name, value in zip(headers[::2], headers[1::2], strict=True):
            _add_header(environ, name, value)
        _check_version(version, method, environ)
        _split_target(target.decode("ascii"), environ)
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        if coding is not None and (version == "1.0" or coding.lower() != "chunked"):
            raise bad_request("the only transfer coding is chunked, and only in HTTP/1.1")
        return environ

    def header_too_large(self) -> ApiError:
        """Return the refusal of a head section over its bound."""
        text = f"The header section is larger than {self.max_header} bytes."
        return HeaderTooLarge(text, rule="header-too-large", hint="Send fewer or shorter headers.")

    def body_too_large(self) -> ApiError:
        """Return the refusal of a body over its bound."""
        return RequestTooLarge(f"The request body is larger than {self.max_body} bytes.", rule="body-too-large")


def told(method: bytes, target: bytes, headers: list[bytes]) -> WSGIEnvironment:
    """Return what is known of a head that can't be served: as sent, of repeated headers the first."""
    environ: WSGIEnvironment = {"REQUEST_METHOD": method.decode("latin-1"), "RAW_URI": target.decode("latin-1")}
    for name, value in zip(headers[::2], headers[1::2], strict=True):
        environ.setdefault(_environ_key(name), value.rstrip().decode("latin-1"))
    environ.pop("", None)
    return environ


def _check_version(version: str, method: bytes, environ: WSGIEnvironment) -> None:
    if version == "1.1":
        if "HTTP_HOST" not in environ:
            raise bad_request("the Host header is missing")
    elif version != "1.0" or method not in HTTP_1_0_METHODS:  # the parser knows RTSP/1.0 and ICE/1.0 too
        raise bad_request("the request line must end in HTTP/1.1 or HTTP/1.0")
    else:
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    if method == b"CONNECT":
        raise bad_request("CONNECT is for proxies")


def _environ_key(name: bytes) -> str:
    """Return the WSGI key of a header, or "" for a name with an underscore, which is dropped.

    X_Key would land on the key of X-Key, and so slip past a proxy that guards the name with the hyphen.
    """
    if b"_" in name:
        return ""
    key = name.decode("ascii").upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = "HTTP_" + key
    if len(_environ_keys) < KNOWN_NAMES:
        _environ_keys[name] = key
    return key


def _add_header(environ: WSGIEnvironment, name: bytes, value: bytes) -> None:
    """Enter a header; a repeated one is joined (RFC 9110 5.2), a second Host refused."""
    key = _environ_keys.get(name) or _environ_key(name)
    text = value.rstrip().decode("latin-1")
    if key not in environ:
        if key:
            environ[key] = text
    elif key == "HTTP_HOST":
        raise bad_request("it has two Host headers")
    else:
        environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + text


def _split_target(target: str, environ: WSGIEnvironment) -> None:
    """Put a request target into `environ`, which has the method already: from here on it is a path and a query."""
    if target[0] != "/":
        target = _origin_form(target, environ)
    if "#" in target:
        raise bad_request("the request target has a fragment")
    environ["RAW_URI"] = environ["REQUEST_URI"] = target
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def _origin_form(target: str, environ: WSGIEnvironment) -> str:
    if target == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return "/"  # about the server as a whole: what a proxy was asked as http://host (RFC 9112 3.2.4)
    scheme, _, rest = target.partition("://")
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    if scheme.lower() != "http" or not authority:
        raise bad_request("the request target must be a path or an http:// address")
    if "@" in authority:
        raise bad_request("the request target holds a user or a password")  # RFC 9110 4.2.4
    environ["HTTP_HOST"] = authority  # RFC 9112 3.2.2: it replaces the Host header
    path = rest[len(authority) :]
    return path if path.startswith("/") else f"/{path}"
