"""The journal on the control surface, in WireMock's shapes, and the dry run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mockserver.journal import query, view
from mockserver.journal.har import har
from mockserver.journal.log import Exchange
from mockserver.journal.work import Work
from mockserver.service.assembly import Mock, sign_command
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route, profile_target
from mockserver.service.trial import dry_run
from mockserver.web.guard import AdminRefusal, body_json, chosen_world, chosen_worlds, json_response

_PATCH_TYPE = "application/json-patch+json"
_LONGEST_NUMBER = 9
# A time is read by the journal; an id is eight hexadecimal digits, or more in a long run.
_TIME_OR_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9a-f]{8,16}\Z")


def register(admin: Blueprint, mock: Mock) -> None:
    """Add the routes."""
    _listing(admin, mock)
    _exports(admin, mock)
    _one(admin, mock)
    _retold(admin, mock)
    _queries(admin, mock)
    _verification(admin, mock)


def _listing(admin: Blueprint, mock: Mock) -> None:
    disabled = mock.settings.journal_entries == 0

    @admin.get("/__admin/requests")
    def list_requests() -> Response:
        """List the requests that came, the newest first; ?limit=N, ?since=TIME or ?since=ID for fewer."""
        worlds, limit, since = chosen_worlds(mock), _limit(), _since()
        entries = chain.from_iterable(world.journal.entries(limit, since) for world in worlds)
        newest = _shown(mock, sorted(entries, key=lambda exchange: exchange.id, reverse=True)[:limit])
        total = sum(len(world.journal) for world in worlds)
        return json_response(view.list_json(newest, total, mock.tree, disabled=disabled, each=view.written))

    @admin.delete("/__admin/requests")
    @admin.post("/__admin/requests/reset")
    def clear_requests() -> Response:
        """Forget every request."""
        for world in chosen_worlds(mock):
            world.journal.clear()
        return json_response({})


def _exports(admin: Blueprint, mock: Mock) -> None:
    disabled = mock.settings.journal_entries == 0

    @admin.get("/__admin/requests/unmatched")
    def unmatched_requests() -> Response:
        """List the requests whose URL is none of the API's."""
        found = _shown(mock, query.find({"reason": "route-unknown"}, _all(mock)))
        return json_response(view.found_json(found, mock.tree, disabled=disabled, each=view.written))

    @admin.get("/__admin/requests.har")
    def export_har() -> Response:
        """Export the requests and their answers as an HTTP Archive."""
        return json_response(har(_shown(mock, _all(mock)), request.host_url.rstrip("/"), view.written))


def _one(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/requests/<exchange_id>")
    def read_request(exchange_id: str) -> Response:
        """Show one request with its answer and its story."""
        return json_response(view.entry_json(_find(mock, exchange_id), mock.tree))

    @admin.delete("/__admin/requests/<exchange_id>")
    def delete_request(exchange_id: str) -> Response:
        """Forget one request."""
        _find(mock, exchange_id)
        for world in chosen_worlds(mock):
            world.journal.remove(exchange_id)
        return json_response({})


def _retold(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/requests/<exchange_id>/explain")
    def explain_request(exchange_id: str) -> Response:
        """Tell why one request was answered so, how sure that is, and what to write instead."""
        return json_response(view.explain_json(_find(mock, exchange_id), mock.tree))

    @admin.get("/__admin/requests/<exchange_id>/curl")
    def curl_request(exchange_id: str) -> Response:
        """Write one request as a curl command that signs it anew."""
        text = view.curl_text(_find(mock, exchange_id), request.host_url.rstrip("/"), sign_command(mock.settings))
        return Response(text, content_type="text/plain; charset=utf-8")


def _find(mock: Mock, exchange_id: str) -> Exchange:
    for world in chosen_worlds(mock):
        if (exchange := world.journal.get(exchange_id)) is not None:
            return view.shown(exchange, mock.service.secrets)
    raise AdminRefusal(404, f"there is no request {exchange_id!r} in this world", "try ?all=true")


def _queries(admin: Blueprint, mock: Mock) -> None:
    disabled = mock.settings.journal_entries == 0

    @admin.post("/__admin/requests/find")
    def find_requests() -> Response:
        """List the requests that match a pattern."""
        found = _shown(mock, query.find(body_json(), _all(mock), _work(mock)))
        return json_response(view.found_json(found, mock.tree, disabled=disabled, each=view.written))

    @admin.post("/__admin/requests/count")
    def count_requests() -> Response:
        """Count the requests that match a pattern."""
        number = query.count(body_json(), _all(mock), _work(mock))
        return json_response(view.count_json(number, disabled=disabled))


def _verification(admin: Blueprint, mock: Mock) -> None:
    @admin.post("/__admin/verify")
    def verify_requests() -> Response:
        """Check a count, a sequence or an event: 200, or 406 with the difference and the nearest misses."""
        dropped = sum(world.journal.dropped for world in chosen_worlds(mock))
        verdict = query.verify(body_json(), _all(mock), mock.tree, dropped=dropped, work=_work(mock))
        misses = [miss._replace(exchange=view.shown(miss.exchange, mock.service.secrets)) for miss in verdict.misses]
        return json_response(replace(verdict, misses=misses).json(), 200 if verdict.passed else 406)

    @admin.post("/__admin/try")
    def try_request() -> Response:
        """Tell what a request would be answered and change, operation by operation, without sending it."""
        return json_response(dry_run(mock, chosen_world(mock), _described_request(body_json())))


def _work(mock: Mock) -> Work:
    return Work(mock.settings.max_control_work)


def _all(mock: Mock) -> list[Exchange]:
    """Return the exchanges of the chosen worlds, in order of arrival."""
    exchanges = chain.from_iterable(world.journal for world in chosen_worlds(mock))
    return sorted(exchanges, key=lambda exchange: exchange.id)


def _shown(mock: Mock, exchanges: Iterable[Exchange]) -> list[Exchange]:
    return [view.shown(exchange, mock.service.secrets) for exchange in exchanges]


def _limit() -> int | None:
    text = request.args.get("limit")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise AdminRefusal(422, f"limit is {text[:40]!r}", "write a whole number")
    return int(text)


def _since() -> str | None:
    """Return the time or id of ?since=; an id may be that of a request that is gone."""
    text = request.args.get("since")
    if text is None or _TIME_OR_ID.match(text):
        return text
    hint = "write a time such as 2026-01-31T12:00:00Z, or the id of a request such as 0000002a"
    raise AdminRefusal(422, f"since is {text[:40]!r}", hint)


def _described_request(document: dict[str, Any]) -> Request:
    """Read {"url" or "client", "alternateIdType", "alternateId"; "method"; "headers"; "body" as text or as JSON}."""
    parts = [str(document.get(name) or "") for name in ("client", "alternateIdType", "alternateId")]
    if "url" not in document and not all(parts):
        raise _names_no_profile()
    target, headers = document.get("url") or profile_target(*parts), document.get("headers") or {}
    if not isinstance(target, str) or not isinstance(headers, dict):
        raise _names_no_profile()
    route, method = match_route(target, slashes_in_ids=True), document.get("method", "PATCH")
    if not route.operations:
        raise _names_no_profile()
    if method not in route.operations:
        allowed = ", ".join(route.operations)
        raise AdminRefusal(422, f"the URL does not take {str(method)[:20]}", f"write one of {allowed}")
    headers = {str(name).lower(): str(value) for name, value in headers.items()}
    headers.setdefault("content-type", _PATCH_TYPE)
    return Request(Head(method, target, headers, route), _body(document, [] if method == "PATCH" else ""))


def _names_no_profile() -> AdminRefusal:
    hint = 'send {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417", "body": [ … ]}'
    return AdminRefusal(422, "the request names no profile", hint)


def _body(document: dict[str, Any], default: Any) -> bytes:
    body = document.get("body", default)
    if isinstance(body, str):
        return body.encode()
    return orjson.dumps(body)
