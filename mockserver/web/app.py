"""The Flask application: the vendor's surface, the token endpoint, and the control surface."""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from mockserver.errors import ApiError
from mockserver.service.assembly import Mock, assemble
from mockserver.service.door import HostNotAllowed, VendorDoor, host_refusal, printable
from mockserver.service.reload import Reload
from mockserver.service.request import answer_format
from mockserver.settings import Settings
from mockserver.web.api import vendor_api, vendor_response
from mockserver.web.fastpath import FastPath
from mockserver.web.guard import admin_error
from mockserver.web.surface import control_surface
from mockserver.web.token_endpoint import token_endpoint

ADMIN_PREFIX = "/__admin"
_OWN_PATHS = (ADMIN_PREFIX, "/metrics", "/openapi.json", "/ready")
_log = logging.getLogger(__name__)


def create_app(mock: Mock | None = None, *, fast: bool = True, reload: Reload | None = None) -> Flask:
    """Return the application, plain WSGI for any gateway; `fast` puts the door for the hot route in front."""
    mock = mock or assemble(Settings())
    door = VendorDoor(mock)
    app = Flask("mockserver", static_folder=None)
    # The vendor answers OPTIONS with 405 (library), and a preflight must not succeed anywhere.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["MAX_CONTENT_LENGTH"] = mock.settings.control_max_body
    app.url_map.merge_slashes = False  # where Flask would redirect, the vendor has no route (library)
    app.register_blueprint(control_surface(mock, door, reload or Reload(mock)))
    app.register_blueprint(token_endpoint(mock, door))
    app.register_blueprint(vendor_api(door))
    _register_refusals(app, mock, door)
    _register_host_check(app, mock, door)
    if fast:
        flask_app = app.wsgi_app
        app.wsgi_app = FastPath(door, lambda: flask_app)  # type: ignore[method-assign]
    return app


def _register_refusals(app: Flask, mock: Mock, door: VendorDoor) -> None:
    @app.errorhandler(HTTPException)
    def not_ours(problem: HTTPException) -> Response:
        if is_ours(request.path):
            return admin_error(problem.code or 500, str(problem.description))
        return vendor_response(door)

    @app.errorhandler(Exception)
    def bug(problem: Exception) -> Response:
        _log.error("internal error", exc_info=problem)
        if is_ours(request.path):
            return admin_error(500, "internal error; the server's log has the traceback", rule="internal-error")
        return _rendered(mock, ApiError("An error has occurred.", rule="internal-error"))

    @app.errorhandler(ApiError)
    def refused(refusal: ApiError) -> Response:
        return _refused(mock, refusal)


def _register_host_check(app: Flask, mock: Mock, door: VendorDoor) -> None:
    @app.before_request
    def refuse_foreign_host() -> None:
        # What the door answers it refuses itself.
        doors_own = request.blueprint in (None, "vendor") and not is_ours(request.path)
        if not doors_own and not door.host_allowed(request.headers.get("Host")):
            raise host_refusal(request.headers.get("Host"))

    @app.errorhandler(HostNotAllowed)
    def refused(refusal: HostNotAllowed) -> Response:
        if mock.settings.log != "off":
            _log.info("%s", printable(f"{request.method} {request.path} -> 421 {refusal.why} {refusal.hint}"))
        answer = _refused(mock, refusal)
        if not mock.settings.pure:
            answer.headers["X-Mock-Explain"] = refusal.rule
        return answer


def is_ours(path: str) -> bool:
    """Tell whether a path belongs to the control surface."""
    return path in _OWN_PATHS or path.startswith(f"{ADMIN_PREFIX}/")


def _refused(mock: Mock, refusal: ApiError) -> Response:
    if is_ours(request.path):
        return admin_error(refusal.status, refusal.why or str(refusal), refusal.hint, refusal.rule)
    return _rendered(mock, refusal)


def _rendered(mock: Mock, refusal: ApiError) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = mock.service.refuse(refusal, answer_format(headers))
    return Response(answer.body, answer.status, answer.headers)
