"""Addresses to listen on, and how a client on this machine calls them."""

from __future__ import annotations

import contextlib
import errno
import socket

from mockserver.errors import UsageError

BACKLOG = 1024
LAST_PORT = 65535
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
LOCALHOST = ("127.0.0.1", "::1")
NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
ATTEMPTS = 20  # to find a port that is free in both families


def listen(host: str, port: int, *, reuse_port: bool = False) -> list[socket.socket]:
    """Return listening sockets, all on one port: for localhost one of each family; raise UsageError if there are none.

    With `reuse_port` other sockets may share the address, if all of them say so.
    """
    try:
        if not 0 <= port <= LAST_PORT:
            raise OSError(f"a port is a number from 0 to {LAST_PORT}")
        return _both_families(port, reuse_port) if host == "localhost" else [_socket(host, port, reuse_port)]
    except OSError as error:
        hint = "Choose another address, or port 0 for any free port."
        raise UsageError(f"can't listen on {host}:{port}: {error}", hint=hint) from error


def shown_host(host: str) -> str:
    """Return what a client on this machine writes into a URL for a host that is listened on."""
    host = LOOPBACK.get(host, host)
    return f"[{host}]" if ":" in host else host


def _both_families(port: int, reuse_port: bool) -> list[socket.socket]:
    for attempt in range(ATTEMPTS):
        with contextlib.ExitStack() as unwanted:
            sockets = [unwanted.enter_context(_socket(LOCALHOST[0], port, reuse_port))]
            try:
                sockets.append(unwanted.enter_context(_socket(LOCALHOST[1], sockets[0].getsockname()[1], reuse_port)))
            except OSError as problem:
                if problem.errno == errno.EADDRINUSE and port == 0 and attempt < ATTEMPTS - 1:
                    continue
                if problem.errno not in NO_SUCH_FAMILY:
                    raise
            unwanted.pop_all()
            return sockets
    raise AssertionError("the last attempt returns or raises")


def _socket(host: str, port: int, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
