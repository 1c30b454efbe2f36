"""The small WSGI door in front of Flask: the one hot route goes straight to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mockserver.service.door import VendorDoor, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class FastPath:
    """Answers every PATCH by itself and leaves the rest to Flask, which is made when it is first needed."""

    def __init__(self, door: VendorDoor, make_app: Callable[[], WSGIApplication]) -> None:
        self._door = door
        self._make_app = make_app
        self._app: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PATCH" and not environ["PATH_INFO"].startswith("/__admin"):
            return respond(self._door.answer(environ), environ, start_response)
        if self._app is None:
            self._app = self._make_app()
        return self._app(environ, start_response)
