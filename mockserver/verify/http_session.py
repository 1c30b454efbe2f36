"""One HTTP exchange, and a session without bounds: for servers on this machine that hold nothing real."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from urllib.parse import urlsplit

from mockserver.errors import Inconclusive
from mockserver.verify.authorization import signed_headers
from mockserver.verify.calls import Account, Call, Reply

# Far more than any profile takes.
MOST_BYTES = 8 * 1024 * 1024


def exchange(
    connection: http.client.HTTPConnection, call: Call, headers: Sequence[tuple[str, str]], base: str = ""
) -> Reply:
    """Send a call below a base path and read its answer; raise OSError or HTTPException where none comes whole."""
    started = monotonic()
    named = {name.lower() for name, _ in headers}
    connection.putrequest(call.method, base + call.target, skip_host="host" in named, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode("utf-8"))
    if "transfer-encoding" not in named and (call.body or call.method in ("PATCH", "POST", "PUT")):
        connection.putheader("Content-Length", str(len(call.body)))
    connection.endheaders(call.body or None)
    if connection.sock is not None and connection.sock.family != socket.AF_UNIX:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    response = connection.getresponse()
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise Inconclusive("the target's answer is larger than any profile")
    if response.length:
        raise http.client.IncompleteRead(body)
    names = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, names, body, monotonic() - started)


class HttpSession:
    """Sends each call over one kept connection; raises OSError when the server can't be reached or breaks off."""

    def __init__(self, url: str, accounts: Mapping[str, Account], *, timeout_s: float = 10) -> None:
        parts = urlsplit(url)
        self._accounts = accounts
        self._base = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)

    def send(self, call: Call) -> Reply:
        """Send one call; a kept connection that the server has closed meanwhile is opened anew."""
        reused = self._connection.sock is not None
        try:
            return self._exchange(call)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            if not reused:
                raise
            return self._exchange(call)
        except http.client.HTTPException as problem:
            self._connection.close()
            raise ConnectionError(f"the answer is not HTTP: {type(problem).__name__}") from problem
        except OSError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, call: Call) -> Reply:
        headers = signed_headers(call, self._accounts, datetime.now(UTC))
        return exchange(self._connection, call, headers, self._base)
