"""The small WSGI door in front of Flask: the hot operations, the PATCH and the reads, go straight to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mockserver.service.door import VendorDoor, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_METHODS = frozenset(("GET", "PATCH"))


class FastPath:
    """Answers the hot operations as Flask would and leaves the rest to it; Flask is made when it is needed."""

    def __init__(self, door: VendorDoor, make_app: Callable[[], WSGIApplication]) -> None:
        self._door = door
        self._make_app = make_app
        self._app: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in _METHODS:
            head = self._door.head(environ)
            if head.operation is not None:
                return respond(self._door.answer(environ, head), environ, start_response)
        if self._app is None:
            self._app = self._make_app()
        return self._app(environ, start_response)
