"""Addresses to listen on, and how a client on this machine calls them."""

from __future__ import annotations

import errno
import socket

from mockserver.errors import UsageError

BACKLOG = 1024
LAST_PORT = 65535
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
LOCALHOST = ("127.0.0.1", "::1")
NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


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
    first = _socket(LOCALHOST[0], port, reuse_port)
    try:
        return [first, _socket(LOCALHOST[1], first.getsockname()[1], reuse_port)]
    except OSError as problem:
        if problem.errno in NO_SUCH_FAMILY:
            return [first]
        first.close()
        raise


def _socket(host: str, port: int, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
