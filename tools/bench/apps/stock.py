"""A Flask view tuned as far as stock Flask goes: orjson, a patch in place with undo, no session, nothing else."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface
from jsonpatch import JsonPatch

from tools.bench.apps.naive import ROUTE


class NoSession(SessionInterface):
    """Opens and saves nothing."""

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """Return a session without a store."""
        return NullSession()

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Do nothing."""


def stock_app(document: dict[str, Any]) -> Flask:
    """Return the application around one profile, which each request changes."""
    app = Flask("stock")
    app.session_interface = NoSession()

    @app.patch(ROUTE)
    def patch_profile(client: str, alternate_id_type: str, alternate_id: str) -> Response:
        operations = orjson.loads(request.get_data(cache=False))
        JsonPatch(operations).apply(document, in_place=True, atomic=True)
        return Response(orjson.dumps(document), content_type="application/json; charset=utf-8")

    return app
