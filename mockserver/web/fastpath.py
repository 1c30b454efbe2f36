"""The small WSGI door in front of Flask: the hot operations, the PATCH and the reads, go straight to the service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mockserver.errors import ApiError
from mockserver.service.door import VendorDoor, respond

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_METHODS = frozenset(("GET", "PATCH"))
_LONG_BODY = 16 * 1024  # a patch of so many bytes, or what is prepared with them, may take tens of milliseconds
# What reads all requests, profiles or worlds, however short the question is.
_LONG_PATHS = frozenset({"/__admin/profiles", "/__admin/namespaces", "/metrics"})
_LONG_FOLDERS = tuple(f"/__admin/{name}" for name in ("requests", "verify", "try", "faults/plan", "reasons"))
# A few rows of one world, as the workbench asks for them under load: handing them over would cost more than they do.
_FEW_ROWS = re.compile(r"view=rows&limit=1?[0-9]{1,2}(?:&(?!all=)[^&]*)*")


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
        return self._slow(environ, start_response)

    def refusal(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what the server can't take; a body that is too large is refused where the request leads."""
        refusal: ApiError = environ["mockserver.refusal"]
        if refusal.rule == "body-too-large":
            return self(environ, start_response)
        return respond(self._door.refuse(refusal, environ), environ, start_response)

    def _slow(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._app is None:
            self._app = self._make_app()
        return self._app(environ, start_response)


def takes_long(environ: WSGIEnvironment) -> bool:
    """Tell, before a request is answered, whether others should not have to wait for it."""
    path: str = environ["PATH_INFO"]
    if int(environ.get("CONTENT_LENGTH") or 0) > _LONG_BODY:
        return True
    if path not in _LONG_PATHS and not path.startswith(_LONG_FOLDERS):
        return path.rstrip("/")[-5:].lower() == "/tags"
    return path != "/__admin/requests" or _FEW_ROWS.fullmatch(environ.get("QUERY_STRING", "")) is None
