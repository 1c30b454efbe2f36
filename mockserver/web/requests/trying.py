"""Requests tried without effect, and sent again: signed by the server, which has its users' keys."""

from __future__ import annotations

from io import BytesIO
from itertools import count
from typing import Any, Final

import orjson
from flask import Blueprint, Response
from msgspec.structs import replace

from mockserver.auth.signing import Client, issued_now, sign
from mockserver.journal import view
from mockserver.journal.log import REQUEST_ID, Exchange
from mockserver.journal.redaction import REDACTED
from mockserver.patch.dialect import DIALECTS
from mockserver.profile.keys import fold
from mockserver.service.assembly import Mock
from mockserver.service.door import VendorDoor
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route, profile_target
from mockserver.service.sample import sample_user
from mockserver.service.service import Service
from mockserver.service.trial import dry_run
from mockserver.state.world import World
from mockserver.web.guard import AdminRefusal, body_json, chosen_world, chosen_worlds, json_response

_PATCH_TYPE: Final = "application/json-patch+json"
# What belongs to the connection, or was never kept.
_NOT_AGAIN: Final = frozenset(("authorization", "host", "content-length", "transfer-encoding", "connection", "expect"))


def register(admin: Blueprint, mock: Mock, door: VendorDoor) -> None:
    @admin.post("/__admin/try")
    def try_request() -> Response:
        """Tell what a request would be answered and change, operation by operation, without sending it."""
        document, world = body_json(), chosen_world(mock)
        return json_response(_tried(mock, world, _described(mock, world, document), document))

    @admin.post("/__admin/send")
    def send_request() -> Response:
        """Really send a request that is described as for a try: {"sign": true} signs it by the server's keys."""
        document, world = body_json(), chosen_world(mock)
        return _sent(door, world, _described(mock, world, document))

    @admin.post("/__admin/requests/<exchange_id>/try")
    def try_again(exchange_id: str) -> Response:
        """Tell what one request would be answered now, with another body or in other dialects; signed anew."""
        document, (world, exchange) = body_json(), _kept_request(mock, exchange_id)
        return json_response(_tried(mock, world, _again(mock, exchange, world, document), document))

    @admin.post("/__admin/requests/<exchange_id>/resend")
    def resend(exchange_id: str) -> Response:
        """Send one request again, also with another body; signed anew for its user."""
        document, (world, exchange) = body_json(), _kept_request(mock, exchange_id)
        return _sent(door, world, _again(mock, exchange, world, document))


def _sent(door: VendorDoor, world: World, sent: Request) -> Response:
    """Send a request to its world, and tell what became of it; a pure mock without a journal knows no id of it."""
    head = sent.head
    if not door.pure:
        head = Head(head.method, head.target, {**head.headers, "x-mock-namespace": world.name}, head.route)
    environ = {"wsgi.input": BytesIO(sent.body), "CONTENT_LENGTH": str(len(sent.body))}
    answer = door.answer(environ, head)
    kept = [exchange.id for exchange in world.journal.entries(limit=1)]
    number = dict(answer.headers).get(REQUEST_ID) or (kept[0] if kept else None)
    return json_response({"id": number, "status": answer.status, "reason": answer.story.reason}, 201)


def find_request(mock: Mock, exchange_id: str) -> Exchange:
    """Return a request of the chosen worlds as people may see it; raise AdminRefusal if there is none of that id."""
    return shown(mock, _kept_request(mock, exchange_id)[1])


def shown(mock: Mock, exchange: Exchange) -> Exchange:
    """Return a kept exchange as people may see it, called as this server is."""
    return view.shown(exchange, mock.service.secrets, "https" if mock.settings.https else "http")


def _kept_request(mock: Mock, exchange_id: str) -> tuple[World, Exchange]:
    for world in chosen_worlds(mock):
        if (exchange := world.journal.get(exchange_id)) is not None:
            return world, exchange
    raise AdminRefusal(404, f"there is no request {exchange_id!r} in this world", "try ?all=true")


def _tried(mock: Mock, world: World, sent: Request, document: dict[str, Any]) -> dict[str, Any]:
    names = document.get("dialects")
    clean = mock.service.secrets.content
    if names is None:
        return clean(dry_run(mock, world, sent))  # type: ignore[no-any-return]
    if not isinstance(names, list) or not names or any(name not in list(DIALECTS) for name in names):
        raise AdminRefusal(422, "dialects names none of the dialects", f"send a list of {', '.join(DIALECTS)}")
    return {"dialects": {name: clean(dry_run(_speaking(mock, name), world, sent)) for name in names}}


def _speaking(mock: Mock, dialect: str) -> Mock:
    """Return the mock as it would be with another dialect."""
    service = mock.service
    if service.policy.dialect.name == dialect:
        return mock
    other = replace(DIALECTS[dialect], zone=service.policy.dialect.zone)
    policy = replace(service.policy, dialect=other, log="off")
    return replace(mock, service=Service(mock.tree, mock.fixtures, policy, count(1), service.secrets))


def _again(mock: Mock, exchange: Exchange, world: World, document: dict[str, Any]) -> Request:
    """Return a request of the journal as it is sent again: its head without what is redacted, and a fresh signature."""
    headers = {
        name.lower(): value
        for name, value in exchange.headers
        if name.lower() not in _NOT_AGAIN and REDACTED not in value
    }
    route = match_route(exchange.target, slashes_in_ids=mock.service.policy.dialect.follows_page)
    body = _body(document, "") if "body" in document else exchange.body
    return _signed(mock, world, Request(Head(exchange.method, exchange.target, headers, route), body), exchange.user)


def _signed(mock: Mock, world: World, sent: Request, user_id: str | None) -> Request:
    """Return the request signed for a user, by default the first who may change profiles, by the world's clock."""
    head = sent.head
    client = mock.fixtures.clients.get(fold(head.route.client.partition("~")[0]))
    user = None if client is None else _user(mock, client, user_id)
    if user is None:
        if not mock.service.policy.auth:
            return sent
        known = ", ".join(client.users) if client is not None else ""
        hint = f"the users are {known}" if known else "the URL names no client that there is"
        raise AdminRefusal(422, f"there is no key to sign with for the user {user_id!r}", hint)
    name, secret = user
    header = sign(head.route.client, name, secret, issued_now(world.clock.now()))
    headers = {**head.headers, "authorization": header}
    return replace(sent, head=Head(head.method, head.target, headers, head.route))


def _user(mock: Mock, client: Client, user_id: str | None) -> tuple[str, str] | None:
    if user_id is None:
        found = sample_user(mock, client)
        return None if found is None else (found[1].user_id, found[1].secrets[0])
    user = client.users.get(user_id)
    return (user_id, user.secrets[0]) if user is not None and user.secrets else None


def _described(mock: Mock, world: World, document: dict[str, Any]) -> Request:
    """Return the request that a document describes, signed if it says so."""
    sent, user = _described_request(document), document.get("user")
    return _signed(mock, world, sent, None if user is None else str(user)) if document.get("sign") is True else sent


def _described_request(document: dict[str, Any]) -> Request:
    """Read {"url" or "client", "alternateIdType", "alternateId"; "method"; "headers"; "body" as text or as JSON}."""
    parts = [str(document.get(name) or "") for name in ("client", "alternateIdType", "alternateId")]
    target = document.get("url") or (profile_target(*parts) if all(parts) else "")
    headers, method = document.get("headers") or {}, document.get("method", "PATCH")
    readable = isinstance(target, str) and isinstance(headers, dict)
    if not readable or not (route := match_route(target, slashes_in_ids=True)).operations:
        hint = 'send {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417", "body": [ … ]}'
        raise AdminRefusal(422, "the request names no profile", hint)
    if method not in list(route.operations):  # compared, for what was sent may be no text
        allowed = ", ".join(route.operations)
        raise AdminRefusal(422, f"the URL does not take {str(method)[:20]}", f"write one of {allowed}")
    headers = {str(name).lower(): str(value) for name, value in headers.items()}
    headers.setdefault("content-type", _PATCH_TYPE)
    return Request(Head(method, target, headers, route), _body(document, [] if method == "PATCH" else ""))


def _body(document: dict[str, Any], default: Any) -> bytes:
    body = document.get("body", default)
    if isinstance(body, str):
        return body.encode()
    return orjson.dumps(body)
