"""One HTTP exchange, and a session with no bound but time: for servers on this machine that hold nothing real."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import Inconclusive
from mockserver.verify.authorization import signed_headers
from mockserver.verify.bounds import MOST_BYTES, Bounds, is_too_deep
from mockserver.verify.calls import Account, Call, Reply

HeaderRows = Sequence[tuple[str, str]]


class TimeOver(Inconclusive):
    """The time of the run is over: nothing more is sent for its cases."""


class TooDeep(Inconclusive):
    """An answer is nested deeper than any profile."""


def exchange(
    connection: HTTPConnection, call: Call, headers: HeaderRows, base: str = "", *, within_s: float = math.inf
) -> Reply:
    """Send a call below a base path and read its answer; raise OSError or HTTPException where none comes whole.

    All of it has the connection's timeout, or `within_s` if that is less, however slowly or endlessly the server
    answers. Raises Inconclusive for an answer that is larger or deeper than any profile.
    """
    started = monotonic()
    bounds = Bounds(connection, min(connection.timeout or math.inf, within_s))
    bounds.open()
    _ask(connection, call, headers, base, bounds.pieces(call.body) if call.body else None)
    connection.response_class = bounds.response  # type: ignore[assignment]  # a callable will do
    return _answer(connection.getresponse, started)


def _ask(
    connection: HTTPConnection, call: Call, headers: HeaderRows, base: str, body: bytes | Iterator[bytes] | None
) -> None:
    named = {name.lower() for name, _ in headers}
    connection.putrequest(call.method, base + call.target, skip_host="host" in named, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode("utf-8"))
    if "transfer-encoding" not in named and (call.body or call.method in ("PATCH", "POST", "PUT")):
        connection.putheader("Content-Length", str(len(call.body)))
    connection.endheaders(body)


def _answer(respond: Callable[[], HTTPResponse], started: float) -> Reply:
    try:
        response = respond()
        body = response.read(MOST_BYTES)
    except ValueError as problem:
        # A negative size of a chunk, for one.
        raise HTTPException(str(problem)) from problem
    if response.length:
        raise IncompleteRead(body)
    if is_too_deep(body):
        raise TooDeep("the target's answer is nested deeper than any profile")
    names = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, names, body, monotonic() - started)


class _Packet:
    """Takes what would be sent over a socket."""

    content = b""

    def sendall(self, data: bytes) -> None:
        self.content += bytes(data)


def _begun(bounds: Bounds, sock: socket.socket, **named: Any) -> HTTPResponse:
    response = bounds.response(sock, **named)
    response.begin()
    return response


class HttpSession:
    """Sends each call over a kept connection; raises OSError when the server can't be reached or breaks off.

    Calls on different connections may be sent at the same time.

    `time_s` after it was made, it raises TimeOver.
    """

    def __init__(
        self, url: str, accounts: Mapping[str, Account], *, timeout_s: float = 10, time_s: float | None = None
    ) -> None:
        parts = urlsplit(url)
        self.used = 0
        self._accounts = accounts
        self._base = parts.path.rstrip("/")
        self._time_s = math.inf if time_s is None else time_s
        self._started = monotonic()
        self._new = partial(HTTPConnection, parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)
        self._connections: dict[int, HTTPConnection] = {}

    def send(self, call: Call) -> Reply:
        """Send one call; a kept connection that the server has closed meanwhile is opened anew."""
        self.used += call.copies
        connection = self._connections.setdefault(call.connection, self._new())
        reused = connection.sock is not None
        try:
            return self._exchange(connection, call)
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            connection.close()
            if not reused:
                raise
            return self._exchange(connection, call)
        except HTTPException as problem:
            connection.close()
            raise ConnectionError(f"the answer is not HTTP: {type(problem).__name__}") from problem
        except (OSError, Inconclusive):
            connection.close()
            self._left_s()
            raise

    def _in_one_packet(self, call: Call) -> Reply:
        """Send copies of a call at once over a new connection, and read an answer to each; return the last."""
        packet, started = _Packet(), monotonic()
        for _ in range(call.copies):
            writing = self._new()
            writing.sock = packet  # all that writing asks of a socket
            _ask(writing, call, self._signed(call), self._base, call.body)
        connection = self._new()
        bounds = Bounds(connection, min(connection.timeout or math.inf, self._left_s()))
        bounds.open()
        with connection.sock as sock, bounds.answers(sock) as stream:
            sock.sendall(packet.content)
            begin = partial(_begun, bounds, sock, method=call.method, stream=stream)
            return [_answer(begin, started) for _ in range(call.copies)][-1]

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()

    def _exchange(self, connection: HTTPConnection, call: Call) -> Reply:
        if call.copies > 1:
            return self._in_one_packet(call)
        return exchange(connection, call, self._signed(call), self._base, within_s=self._left_s())

    def _signed(self, call: Call) -> list[tuple[str, str]]:
        return signed_headers(call, self._accounts, datetime.now(UTC))

    def _left_s(self) -> float:
        left_s = self._started + self._time_s - monotonic()
        if left_s <= 0:
            raise TimeOver(f"the time of {self._time_s:g} s is over")
        return left_s
