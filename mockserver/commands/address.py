"""Why an address can't be listened on, and whether a mock of ours is what listens there."""

from __future__ import annotations

import errno
import json
import socket

from mockserver.errors import UsageError
from mockserver.package import from_checkout

_PATIENCE_S = 1.0
_MOST_BYTES = 65_536
# The server's own error for a name that can't be resolved keeps the resolver's number, not its class.
_NO_ADDRESS = (errno.EADDRNOTAVAIL, socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_FAMILY)
_ANY_PORT = "--port 0 (make serve ARGS='--port 0')" if from_checkout() else "--port 0"


def shown_address(host: str, port: int) -> str:
    """Return host and port as they stand in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def cannot_listen(host: str, port: int, problem: OSError, running: str | None) -> UsageError:
    """Return the refusal that says what is in the way, and what to use instead; `running` is the mock there."""
    place = shown_address(host, port)
    if problem.errno == errno.EADDRINUSE:
        there = f": {running} already runs there" if running else ""
        return UsageError(f"{place} is in use{there}", hint=f"use {_ANY_PORT}")
    if problem.errno in (errno.EACCES, errno.EPERM):
        hint = f"ports below 1024 are often reserved: use --port 8080, or {_ANY_PORT}"
        return UsageError(f"listening on {place} is not allowed", hint=hint)
    if problem.errno in _NO_ADDRESS:
        hint = "use --host 127.0.0.1 for this machine alone, --host 0.0.0.0 for every address of it"
        return UsageError(f"{host} is no address of this machine", hint=hint)
    return UsageError(f"can't listen on {place}: {problem.strerror}", hint=f"use {_ANY_PORT}")


def running_mock(host: str, port: int, problem: OSError) -> str | None:
    """Return what is known of a mock of ours that is in the way; None if something else is."""
    if problem.errno != errno.EADDRINUSE:
        return None
    from http.client import HTTPConnection, HTTPException

    from mockserver.server.listening import LOOPBACK

    connection = HTTPConnection(LOOPBACK.get(host, host), port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/__admin/health")
        answer = json.loads(connection.getresponse().read(_MOST_BYTES))
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()
    return _described(answer) if isinstance(answer, dict) else None


def _described(answer: dict[str, object]) -> str | None:
    if answer.get("message") == "The mock server is running.":
        return f"a MyPreferences mock ({answer.get('version')})"
    # One with a token tells strangers no more than that.
    return "a MyPreferences mock" if answer.get("reason") == "admin-token-missing" else None
