"""`POST /oauth/token`: client credentials in, a bearer token out (the endpoint's path is assumed)."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from mockserver.auth.tokens import TOKEN_RESPONSE_HEADERS, OAuthError, token_request
from mockserver.service.assembly import Mock
from mockserver.service.door import VendorDoor, method_refusal

_OTHER_METHODS = ("GET", "PUT", "DELETE", "OPTIONS", "TRACE")
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


def token_endpoint(mock: Mock, door: VendorDoor) -> Blueprint:
    """Return the blueprint of the token endpoint; lifetimes follow the clock of the request's world."""
    oauth = Blueprint("oauth", __name__)

    @oauth.post("/oauth/token")
    @oauth.post("/Profiles/oauth/token")
    def token() -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = token_request(
            _form(),
            request.headers.get("Authorization"),
            {client.client_id: client for client in mock.fixtures.clients.values()},
            now=door.world(headers, None).clock.now(),
            lifetime_s=mock.settings.token_lifetime_s,
            key=mock.service.policy.token_key,
        )
        response = jsonify(answer)
        response.headers.update(TOKEN_RESPONSE_HEADERS)
        return response

    @oauth.route("/oauth/token", methods=_OTHER_METHODS)
    @oauth.route("/Profiles/oauth/token", methods=_OTHER_METHODS)
    def wrong_method() -> Response:
        raise method_refusal(request.method, allowed="POST")

    @oauth.errorhandler(OAuthError)
    def refused(refusal: OAuthError) -> Response:
        response = jsonify(refusal.body)
        response.status_code = refusal.status
        response.headers.update(refusal.headers)
        return response

    return oauth


def _form() -> dict[str, str]:
    """Return the form's fields; RFC 6749 refuses a repeated one."""
    if request.get_data(cache=True) and request.mimetype not in _FORM_TYPES:
        sent = request.mimetype or "a body without Content-Type"
        raise OAuthError("invalid_request", f"Send a form ({_FORM_TYPES[0]}), not {sent}.")
    for name, values in request.form.lists():
        if len(values) > 1:
            raise OAuthError("invalid_request", f"The parameter {name} is repeated; send it once.")
    return request.form.to_dict()
