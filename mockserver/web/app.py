"""The Flask application: the vendor's surface, the token endpoint, and the control surface."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from traceback import format_exception

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import Rule

from mockserver.errors import ApiError
from mockserver.journal.lines import printable
from mockserver.service.assembly import Mock, assemble
from mockserver.service.body import body_too_large
from mockserver.service.door import HostNotAllowed, VendorDoor, host_refusal
from mockserver.service.reload import Reload
from mockserver.service.request import answer_format
from mockserver.settings import Settings
from mockserver.web.api import vendor_api, vendor_response
from mockserver.web.fastpath import FastPath
from mockserver.web.guard import admin_error, guard
from mockserver.web.surface import control_surface
from mockserver.web.token_endpoint import token_endpoint
from mockserver.web.workbench import workbench

ADMIN_PREFIX = "/__admin"
_OWN_PATHS = (ADMIN_PREFIX, "/metrics", "/openapi.json", "/ready")
# The journal is redacted entry by entry, where its bodies are not in Base64 yet; profiles are shown as they are;
# the workbench's files hold nothing.
_REDACTED_OR_EXEMPT = (f"{ADMIN_PREFIX}/requests", f"{ADMIN_PREFIX}/profiles", f"{ADMIN_PREFIX}/ui")
_log = logging.getLogger(__name__)


class _Rule(Rule):
    """A route of which nobody asks how its addresses are written: that is compiled when somebody does."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return lambda rule, **values: Rule._compile_builder(rule, append_unknown)(rule, **values)


def create_app(mock: Mock | None = None, *, fast: bool = True, reload: Reload | None = None) -> Flask:
    """Return the application, plain WSGI for any gateway; `fast` puts the door for the hot route in front."""
    mock = mock or assemble(Settings())
    door = VendorDoor(mock)
    app = Flask("mockserver", static_folder=None)
    app.url_rule_class = _Rule
    # The vendor answers OPTIONS with 405 (library), and a preflight must not succeed anywhere.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # where Flask would redirect, the vendor has no route (library)
    app.register_blueprint(control_surface(mock, door, reload or Reload(mock)))
    app.register_blueprint(token_endpoint(mock, door))
    app.register_blueprint(vendor_api(door))
    _bound_bodies(app, mock)
    app.after_request(_finished)
    _register_refusals(app, mock, door)
    _register_host_check(app, mock, door)
    app.register_blueprint(workbench(pure=mock.settings.pure))
    _register_border(app, mock)
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
        _log.error("internal error:\n%s", mock.service.secrets.text("".join(format_exception(problem))))
        if is_ours(request.path):
            return admin_error(500, "internal error; the server's log has the traceback", rule="internal-error")
        return _rendered(mock, ApiError("An error has occurred.", rule="internal-error"))

    @app.errorhandler(ApiError)
    def refused(refusal: ApiError) -> Response:
        mock.metrics.note_bound(refusal)
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


def _bound_bodies(app: Flask, mock: Mock) -> None:
    settings = mock.settings
    app.config["MAX_CONTENT_LENGTH"] = settings.control_max_body

    @app.before_request
    def bound() -> None:
        if not is_ours(request.path):
            request.max_content_length = settings.max_body

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(problem: RequestEntityTooLarge) -> Response:
        if not is_ours(request.path):
            return _rendered(mock, body_too_large(request.content_length, settings.max_body))
        why = f"the control surface reads bodies of at most {settings.control_max_body} bytes"
        return admin_error(problem.code or 413, why, "send less, or start with a larger --max-body", "body-too-large")


def _finished(response: Response) -> Response:
    if is_ours(request.path):
        response.headers["X-Content-Type-Options"] = "nosniff"
    if request.method == "HEAD" and response.status_code >= HTTPStatus.BAD_REQUEST:
        # A refusal may name the method, and would state another length than that of GET.
        response.automatically_set_content_length = False
        response.headers.pop("Content-Length", None)
    return response


def _register_border(app: Flask, mock: Mock) -> None:
    """Guard what is not the vendor's, wrong paths included, and let no secret out there."""

    @app.before_request
    def refuse_who_may_not_ask() -> None:
        if is_ours(request.path) and request.blueprint != "workbench":
            guard(mock)

    @app.after_request
    def nothing_to_hide(response: Response) -> Response:
        refused = response.status_code >= 400
        if is_ours(request.path) and (refused or not request.path.startswith(_REDACTED_OR_EXEMPT)):
            response.set_data(mock.service.secrets.body(response.get_data(), quotes_url=refused))
        return response


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
