"""From a mock to a running server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mockserver.server.server import Server
from mockserver.service.assembly import Mock
from mockserver.service.door import VendorDoor
from mockserver.service.reload import Reload
from mockserver.web.fastpath import FastPath, takes_long

if TYPE_CHECKING:
    from mockserver.server.tls import Tls


def make_server(
    mock: Mock,
    on_listening: Callable[[Server], None] | None = None,
    sockets: Sequence[socket.socket] = (),
    reload: Reload | None = None,
    tls: Tls | None = None,
) -> Server:
    """Return the production server for a mock; Flask is imported when the first request needs it."""

    def make_app() -> object:
        from mockserver.web.app import create_app

        return create_app(mock, fast=False, reload=reload)

    settings = mock.settings
    app = FastPath(VendorDoor(mock), make_app)  # type: ignore[arg-type]
    return Server(
        app,
        host=settings.host,
        port=settings.port,
        max_body=settings.control_max_body,
        on_listening=on_listening,
        sockets=sockets,
        refusal=app.refusal,
        takes_long=takes_long,
        beside=mock.worlds.beside,
        tls=tls,
    )
