"""Servers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver.server.server import Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that are stopped after the test."""
    running: list[Server] = []

    def start(app: Any, *, settings: dict[str, float] | None = None, **arguments: Any) -> Server:
        server = Server(app, **arguments)
        for name, value in (settings or {}).items():
            setattr(server, name, value)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop(timeout_s=0)  # nobody reads the answers that are still under way
