"""OAuth 2.0 client credentials: from an application's credentials to a bearer token, and from the token to a user.

Documented: the grant, the credentials in a Basic header or in the body, the scope `<ClientId>/<UserId>`, a bearer token
in the answer. Assumed: everything else, which here follows RFC 6749 and RFC 6750. A token is stateless: its content is
readable, signed with the server's `key`, and opaque to the client.
"""

from __future__ import annotations

import hmac
import json
import math
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from mockserver.auth.signing import CHALLENGE, Client, OAuthClient, User, refusal, utf8
from mockserver.errors import MockServerError, Unauthorized

# RFC 6749, section 5.1: an answer with a token must not be kept by caches.
TOKEN_RESPONSE_HEADERS: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

_FORMAT: Final = "mpt1"
_FORM: Final = "send a form (application/x-www-form-urlencoded) with grant_type=client_credentials"


class OAuthError(MockServerError):
    """A refused token request, answered as JSON with the members of `body` (RFC 6749, section 5.2)."""

    def __init__(self, error: str, error_description: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{error}: {error_description}")
        self.status = 401 if error == "invalid_client" else 400
        self.error = error
        self.error_description = error_description
        self.headers = TOKEN_RESPONSE_HEADERS | dict(headers or {})

    @property
    def body(self) -> dict[str, str]:
        """The members of the JSON answer."""
        return {"error": self.error, "error_description": self.error_description}


class _Presented(NamedTuple):
    client_id: str
    secrets: tuple[str, ...]
    in_header: bool


def token_request(
    form: Mapping[str, str],
    authorization: str | None,
    clients: Mapping[str, Client],
    *,
    now: datetime,
    lifetime_s: int,
    key: bytes,
) -> dict[str, object]:
    """Return the members of the answer to a token request; raise OAuthError if it is refused.

    `form` is the decoded body, `clients` every account by its clientId.
    """
    if not form.get("grant_type"):
        raise OAuthError("invalid_request", f"The parameter grant_type is missing; {_FORM}.")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "The grant_type is not supported; write client_credentials.")
    oauth_client = _authenticated(_presented(form, authorization), clients)
    client_id, user_id = _granted(form.get("scope", ""), oauth_client, clients)
    token = issue(oauth_client, client_id, user_id, now=now, lifetime_s=lifetime_s, key=key)
    return {"access_token": token, "token_type": "bearer", "expires_in": lifetime_s}


def issue(
    oauth_client: OAuthClient, client_id: str, user_id: str, *, now: datetime, lifetime_s: int, key: bytes
) -> str:
    """Return a bearer token that lets the application act as one user for `lifetime_s` seconds."""
    content = {"app": oauth_client.client_id, "client": client_id, "user": user_id}
    payload = json.dumps(content | {"expires": math.floor(now.timestamp()) + lifetime_s}, separators=(",", ":"))
    signed = f"{_FORMAT}.{_base64url(payload.encode())}"
    return f"{signed}.{_seal(signed, key)}"


def read(token: str, *, now: datetime, key: bytes) -> tuple[str, str]:
    """Return (clientId, UserId) of a token; raise Unauthorized if it is not one of ours or has expired."""
    signed, _, seal = token.rpartition(".")
    if not hmac.compare_digest(utf8(_seal(signed, key)), utf8(seal)):
        raise _token_refusal(
            "oauth-token-invalid",
            "The bearer token was not issued by this server, or it was changed on its way.",
            "Ask the token endpoint for a token; one from another server, or from before a change of key, is void.",
        )
    encoded = signed.rpartition(".")[2]
    content = json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    if now.timestamp() >= content["expires"]:
        raise _token_refusal(
            "oauth-token-expired",
            f"The bearer token expired {math.ceil(now.timestamp() - content['expires'])} s ago.",
            "Ask the token endpoint for a new one; expires_in says how long it lasts.",
        )
    return content["client"], content["user"]


def bearer_token(header: str | None) -> str | None:
    """Return the token of an Authorization header, None if its scheme is not Bearer (in any letter case)."""
    scheme, _, token = (header or "").strip(" \t").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else None


def authenticate(token: str, *, client: Client | None, now: datetime, key: bytes) -> User:
    """Return the user for whom a bearer token was issued, if it opens `client`, the account that the URL names.

    Raises Unauthorized.
    """
    client_id, user_id = read(token, now=now, key=key)
    if client is None:
        raise refusal("auth-client-unknown")
    if client.client_id != client_id:
        raise _token_refusal(
            "oauth-token-invalid",
            f"The bearer token was issued for client {client_id!r}, the URL names {client.client_id!r}.",
            "Ask for a token with the scope <ClientId>/<UserId> of the client in the URL.",
        )
    if user_id not in client.users:
        raise refusal("auth-user-unknown")
    return client.users[user_id]


def _presented(form: Mapping[str, str], authorization: str | None) -> _Presented:
    """Read the application's credentials from the one place in which they are."""
    in_body = form.get("client_secret")
    if authorization is None or not authorization.strip():
        if not in_body or not form.get("client_id"):
            raise OAuthError("invalid_client", "Send client_id and client_secret, in a Basic header or in the body.")
        return _Presented(form["client_id"], (in_body,), in_header=False)
    if in_body:
        raise OAuthError("invalid_request", "Send the credentials in the Basic header or in the body, not in both.")
    presented = _basic(authorization)
    if form.get("client_id", presented.client_id) != presented.client_id:
        raise OAuthError("invalid_request", "The client_id in the body is not the one in the Basic header.")
    return presented


def _basic(authorization: str) -> _Presented:
    scheme, _, encoded = authorization.strip().partition(" ")
    try:
        text = b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        text = ""
    client_id, colon, secret = text.partition(":")
    if not (client_id and colon and secret):
        raise _invalid_client("Write Authorization: Basic and the Base64 of client_id:client_secret.", in_header=True)
    # RFC 6749 wants both parts form-encoded first, the vendor shows them plain: either is read.
    return _Presented(unquote_plus(client_id), (secret, unquote_plus(secret)), in_header=True)


def _authenticated(presented: _Presented, clients: Mapping[str, Client]) -> OAuthClient:
    """Find the application and compare its secret; an unknown one costs a comparison too."""
    applications = (app for client in clients.values() for app in client.oauth_clients.values())
    known = next((app for app in applications if app.client_id == presented.client_id), None)
    expected = utf8(known.secret if known else "no application has this secret")
    matches = False
    for secret in presented.secrets:
        matches |= hmac.compare_digest(utf8(secret), expected)
    if known is None or not matches:
        raise _invalid_client("The client_id is unknown or the client_secret is wrong.", in_header=presented.in_header)
    return known


def _granted(scope: str, oauth_client: OAuthClient, clients: Mapping[str, Client]) -> tuple[str, str]:
    """Return the clientId and UserId that the scope names, if the application may act for that user."""
    client_id, slash, user_id = scope.partition("/")
    if not (client_id and slash and user_id):
        example = _example_scope(oauth_client, clients)
        raise OAuthError("invalid_scope", f"Send the scope as ClientId/UserId{example}.")
    # A token is for the account, whatever world asked for it.
    client = clients.get(client_id) or clients.get(client_id.partition("~")[0])
    if client is None or client.oauth_clients.get(oauth_client.client_id) != oauth_client:
        raise OAuthError("invalid_scope", "The scope names a ClientId for which this client_id may not act.")
    if user_id not in oauth_client.user_ids or user_id not in client.users:
        raise OAuthError("invalid_scope", "The scope names a UserId for which this client_id may not act.")
    return client.client_id, user_id


def _example_scope(oauth_client: OAuthClient, clients: Mapping[str, Client]) -> str:
    """Write a scope that the application may ask for; it has proved who it is."""
    for client in clients.values():
        for user_id in client.users if client.oauth_clients.get(oauth_client.client_id) == oauth_client else ():
            if user_id in oauth_client.user_ids:
                return f", as in scope={client.client_id}/{user_id}"
    return ""


def _invalid_client(description: str, *, in_header: bool) -> OAuthError:
    # RFC 6749, section 5.2: a client that tried the Authorization header is told which scheme to use there.
    challenge = {"WWW-Authenticate": 'Basic realm="https://pm.mypreferences.com"'} if in_header else {}
    return OAuthError("invalid_client", description, headers=challenge)


def _token_refusal(rule: str, why: str, hint: str) -> Unauthorized:
    """Return a 401 with the vendor's general text; that it has no other for bearer tokens is assumed."""
    return Unauthorized("Unable to authenticate request", rule=rule, why=why, hint=hint, headers=CHALLENGE)


def _seal(signed: str, key: bytes) -> str:
    return _base64url(hmac.digest(key, utf8(signed), "sha256"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")
