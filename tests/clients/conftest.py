"""Mocks for applications in other languages, on http and on https, with one CA."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.server.tls import tls_of
from mockserver.service.assembly import Mock
from mockserver.settings import Settings


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Serve a mock until the session ends, by http unless the settings say otherwise."""
    state = tmp_path_factory.mktemp("state")
    with contextlib.ExitStack() as running:

        def start(mock: Mock, **https: Any) -> Server:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("XDG_STATE_HOME", str(state))
                tls = tls_of(Settings(**https))
            server = make_server(mock, tls=tls)
            server.drip_total_s = 0.1
            return running.enter_context(server)

        yield start
