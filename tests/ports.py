"""A port for a server that can't choose one by itself."""

from __future__ import annotations

import random
import socket

# Below those that systems hand out: one of these would be somebody's before the server has it, or while it is away.
_HANDED_OUT_TO_NOBODY = range(20_000, 32_000)


def own_port() -> int:
    """Return a port that nobody else is given, by the system or here."""
    while True:
        port = random.SystemRandom().choice(_HANDED_OUT_TO_NOBODY)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
