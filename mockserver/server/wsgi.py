"""The gateway between HTTP and WSGI (PEP 3333): a request's parts to environ, an application's answer to bytes."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

import httptools
import orjson

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

CRASHED = "500 Internal Server Error"
CRASHED_BODY = b'{"Message":"An error has occurred."}'
JSON_TYPE = "application/json; charset=utf-8"
SERVER_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})


def server_environ(scheme: str, host: str, port: int, *, multiprocess: bool) -> WSGIEnvironment:
    """Return what every request of one server has in common."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,  # a request that takes long is answered beside the others
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "mockserver.waits": True,
    }


def plain_refusal(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Refuse in the vendor's error shape what the connection can't serve, "mockserver.refusal"."""
    refusal = environ["mockserver.refusal"]
    status = HTTPStatus(refusal.status)
    start_response(f"{status.value} {status.phrase}", [("Content-Type", JSON_TYPE)])
    return [orjson.dumps({"Message": str(refusal)})]


def respond(app: WSGIApplication, environ: WSGIEnvironment, date: str, last: bool) -> tuple[bytes, bytes, bool]:
    """Run the application; return header section, body, and whether the connection ends with this answer.

    `date` is a whole Date header, `last` asks for the end. An exception becomes a 500 and a traceback in the log.
    """
    try:
        status, headers, body = _run(app, environ)
        return _answer(environ, status, headers, body, date, last)
    except Exception:
        logger.exception("The application failed on %s %s", environ["REQUEST_METHOD"], environ["REQUEST_URI"])
        return _answer(environ, CRASHED, [("Content-Type", JSON_TYPE)], CRASHED_BODY, date, last)


def _run(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    started: tuple[str, list[tuple[str, str]]] | None = None
    written: list[bytes] = []

    def start_response(
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
    ) -> Callable[[bytes], object]:
        nonlocal started
        if started is not None and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info")
        started = status, headers  # nothing is sent before the application has returned
        return written.append

    result = app(environ, start_response)
    body = b"".join(result) if type(result) is list else _join(result)
    if started is None:
        raise RuntimeError("the application returned without calling start_response")
    return *started, b"".join([*written, body]) if written else body


def _join(result: Iterable[bytes]) -> bytes:
    try:
        return b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _answer(
    environ: WSGIEnvironment, status: str, headers: list[tuple[str, str]], body: bytes, date: str, last: bool
) -> tuple[bytes, bytes, bool]:
    lines = ["HTTP/1.1 " + status]
    declared: str | None = None
    for name, value in headers:
        lower = name.lower()
        if lower not in SERVER_HEADERS:
            lines.append(f"{name}: {value}")
        elif lower == "content-length":
            declared = value
        elif lower == "date":
            date = f"{name}: {value}"
        elif lower == "connection" and value.lower() == "close":
            last = True
    length, body = _framing(environ["REQUEST_METHOD"], status, declared, body)
    if length:
        lines.append("Content-Length: " + length)
    lines.append(date)
    if last:
        lines.append("Connection: close")
    elif environ["SERVER_PROTOCOL"] == "HTTP/1.0":
        lines.append("Connection: keep-alive")
    return _encode(lines), body, last


def _framing(method: str, status: str, declared: str | None, body: bytes) -> tuple[str | None, bytes]:
    if status.startswith("204"):
        return None, b""
    if method == "HEAD" or status.startswith("304"):
        return declared, b""
    length = str(len(body))
    if declared is not None and declared != length:
        raise ValueError(f"the application declared Content-Length {declared} and returned {length} bytes")
    return length, body


def _encode(lines: list[str]) -> bytes:
    text = "\r\n".join([*lines, "\r\n"])
    if not text.count("\n") == text.count("\r") == len(lines) + 1:
        raise ValueError("the application put a line break into its status or a header")
    return text.encode("latin-1")


def method_at_start(data: bytes) -> re.Match[bytes] | None:
    """Find a request's method, [1], which may end with what came so far, without the space behind it, [2]."""
    return re.match(rb"[\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32})( |\Z)", data)


def is_known_method(method: bytes) -> bool:
    """Tell whether the parser reads requests with this method."""
    try:
        httptools.HttpRequestParser(object()).feed_data(method + b" /")
    except httptools.HttpParserInvalidMethodError:
        return False
    return True
