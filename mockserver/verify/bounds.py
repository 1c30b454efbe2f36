"""The bounds of one exchange: its time, whatever the server does, and the size and depth of the answer."""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

from mockserver.errors import Inconclusive

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Far more than any profile takes, with its head; and far deeper than any is, though not too deep for recursion.
MOST_BYTES = 8 * 1024 * 1024
DEEPEST = 100
_PIECE = 16 * 1024
# A text, what opens a level, and what closes one.
_LEVELS = re.compile(rb'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)


def is_too_deep(text: bytes, deepest: int = DEEPEST) -> bool:
    """Say whether JSON is nested so deep that whatever walks it could fail; of XML, nobody walks all levels."""
    plain = text.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n")  # UTF-16 reads as ASCII then
    if plain.startswith(b"<") or plain.count(b"[") + plain.count(b"{") <= deepest:
        return False
    depth = 0
    for level in _LEVELS.finditer(plain):
        depth += bool(level[1]) - bool(level[2])
        if depth > deepest:
            return True
    return False


class Bounds:
    """The deadline of one exchange, which each of its steps keeps, and the largest size of its answer."""

    def __init__(self, connection: http.client.HTTPConnection, within_s: float) -> None:
        self._connection = connection
        self._ends_at = monotonic() + within_s

    def open(self) -> None:
        """Connect, unless a kept connection is there."""
        if self._connection.sock is None:
            usual, self._connection.timeout = self._connection.timeout, self._left_s()
            try:
                self._connection.connect()
            finally:
                self._connection.timeout = usual
        self._connection.sock.settimeout(self._left_s())

    def pieces(self, body: bytes) -> Iterator[bytes]:
        """Yield the body in pieces, since TLS allows each of its records the whole time."""
        for start in range(0, len(body), _PIECE):
            self._connection.sock.settimeout(self._left_s())
            yield body[start : start + _PIECE]

    @contextmanager
    def answers(self, sock: socket.socket) -> Iterator[io.BufferedReader]:
        """Give what answers to several requests can be read from, one after the other."""
        stream = _Stream(_Bounded(sock, self._left_s))
        try:
            yield stream
        finally:
            io.BufferedReader.close(stream)

    def response(
        self, sock: socket.socket, *rest: Any, stream: io.BufferedReader | None = None, **named: Any
    ) -> http.client.HTTPResponse:
        """Return a response that is read within the bounds."""
        response = http.client.HTTPResponse(sock, *rest, **named)
        response.fp.close()
        response.fp = stream or io.BufferedReader(_Bounded(sock, self._left_s))
        return response

    def _left_s(self) -> float:
        left_s = self._ends_at - monotonic()
        if left_s <= 0:
            raise TimeoutError("the answer was not whole in time")
        return left_s


class _Stream(io.BufferedReader):
    """Stays open at the end of an answer: behind it there may be the next one."""

    def close(self) -> None:
        pass


class _Bounded(io.RawIOBase):
    """What a socket receives, head and chunks included, as long as there is time and no more than a profile takes."""

    def __init__(self, sock: socket.socket, left_s: Callable[[], float]) -> None:
        self._sock, self._left_s, self._bytes_left = sock, left_s, MOST_BYTES
        self._raw = sock.makefile("rb", 0)  # keeps the socket open while http.client closes the connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._left_s())
        size = self._raw.readinto(buffer) or 0
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise Inconclusive("the target's answer is larger than any profile")
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
