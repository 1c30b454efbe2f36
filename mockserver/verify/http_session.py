"""A session without bounds, for servers on this machine that hold nothing real: the mock, or a copy of it."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from urllib.parse import quote, urlsplit

from mockserver.verify.authorization import authorization
from mockserver.verify.calls import Account, Call, Reply


def request_target(call: Call) -> str:
    """Return the path that a call goes to, below the target's base."""
    if call.path is not None:
        return call.path
    client, kind, value = (quote(part, safe="~") for part in call.key)
    return f"/{client}/Profile/AlternateIdType/{kind}/AlternateId/{value}"


def signed_headers(call: Call, accounts: Mapping[str, Account]) -> list[tuple[str, str]]:
    """Return a call's headers, with a fresh signature if it wants one and there is an account for its client."""
    client_id = call.key[0]
    account = accounts.get(client_id.partition("~")[0])
    if not call.signed or account is None:
        return list(call.headers)
    return [("Authorization", authorization(account, client_id, datetime.now(UTC))), *call.headers]


class HttpSession:
    """Sends each call over one kept connection; raises OSError when the server can't be reached or breaks off."""

    def __init__(self, url: str, accounts: Mapping[str, Account], *, timeout_s: float = 10) -> None:
        parts = urlsplit(url)
        self._accounts = accounts
        self._base = parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=timeout_s)

    def send(self, call: Call) -> Reply:
        """Send one call; a kept connection that the server has closed meanwhile is opened anew."""
        started = monotonic()
        reused = self._connection.sock is not None
        try:
            return self._exchange(call, started)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()
            if not reused:
                raise
            return self._exchange(call, started)
        except http.client.HTTPException as problem:
            self._connection.close()
            raise ConnectionError(f"the answer is not HTTP: {type(problem).__name__}") from problem
        except OSError:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, call: Call, started: float) -> Reply:
        connection = self._connection
        headers = signed_headers(call, self._accounts)
        names_host = any(name.lower() == "host" for name, _ in headers)
        target = self._base + request_target(call)
        connection.putrequest(call.method, target, skip_host=names_host, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value.encode("utf-8"))
        chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)
        if not chunked and (call.body or call.method in ("PATCH", "POST", "PUT")):
            connection.putheader("Content-Length", str(len(call.body)))
        connection.endheaders(call.body or None)
        if connection.sock is not None and connection.sock.family != socket.AF_UNIX:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = connection.getresponse()
        body = response.read()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, names, body, monotonic() - started)
