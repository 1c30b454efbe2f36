"""The journal on the control surface, in WireMock's shapes, and the dry run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import Blueprint, Response, request

from mockserver.journal import query, view
from mockserver.journal.copies import pytest_text, rule_text
from mockserver.journal.har import har
from mockserver.journal.log import Exchange
from mockserver.journal.signature import signature_json
from mockserver.journal.steps import steps_json
from mockserver.journal.work import Work
from mockserver.service.assembly import Mock, sign_command
from mockserver.web.guard import AdminRefusal, body_json, choice, chosen_worlds, json_response, whole_number
from mockserver.web.requests.live import Readers, rows_json
from mockserver.web.requests.trying import find_request, shown

# A time is read by the journal; an id is eight hexadecimal digits, or more in a long run.
_ID = re.compile(r"[0-9a-f]{8,16}")
_TIME_OR_ID = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9a-f]{8,16}\Z")


def register(admin: Blueprint, mock: Mock) -> None:
    _listing(admin, mock)
    _one(admin, mock)
    _retold(admin, mock)
    _queries(admin, mock)


def _listing(admin: Blueprint, mock: Mock) -> None:
    disabled, readers = mock.settings.journal_entries == 0, Readers(mock)

    @admin.get("/__admin/requests")
    def list_requests() -> Response:
        """List the requests, newest first; ?limit=N, ?since=TIME or ID; ?view=rows is light, ?wait=S waits."""
        return readers.answer(read)

    def read() -> tuple[bool, dict[str, Any]]:
        worlds, limit, since = chosen_worlds(mock), whole_number("limit"), _since()
        if choice("view", "entries", "rows") == "rows":
            if since is not None and not _ID.fullmatch(since):
                raise AdminRefusal(422, f"since is {since[:40]!r}", "rows follow an id, such as 0000002a")
            found = rows_json(mock, worlds, since, limit)
            return bool(found["rows"]), found
        entries = chain.from_iterable(world.journal.entries(limit, since) for world in worlds)
        newest = _shown(mock, sorted(entries, key=lambda exchange: exchange.id, reverse=True)[:limit])
        total = sum(len(world.journal) for world in worlds)
        return bool(newest), view.list_json(newest, total, mock.tree, disabled=disabled)

    @admin.delete("/__admin/requests")
    @admin.post("/__admin/requests/reset")
    def clear_requests() -> Response:
        """Forget every request."""
        for world in chosen_worlds(mock):
            world.journal.clear()
        return json_response({})

    @admin.get("/__admin/requests/unmatched")
    def unmatched_requests() -> Response:
        """List the requests whose URL is none of the API's."""
        found = _shown(mock, query.find({"reason": "route-unknown"}, _all(mock)))
        return json_response(view.found_json(found, mock.tree, disabled=disabled))

    @admin.get("/__admin/requests.har")
    def export_har() -> Response:
        """Export the requests and their answers as an HTTP Archive."""
        return json_response(har(_shown(mock, _all(mock)), request.host_url.rstrip("/")))


def _one(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/requests/<exchange_id>")
    def read_request(exchange_id: str) -> Response:
        """Show one request with its answer and its story."""
        return json_response(_told(find_request(mock, exchange_id), mock))

    @admin.delete("/__admin/requests/<exchange_id>")
    def delete_request(exchange_id: str) -> Response:
        """Forget one request."""
        find_request(mock, exchange_id)
        for world in chosen_worlds(mock):
            world.journal.remove(exchange_id)
        return json_response({})


def _told(exchange: Exchange, mock: Mock) -> dict[str, Any]:
    """Return a request's entry with what is made only when somebody reads it."""
    entry, policy = view.entry_json(exchange, mock.tree), mock.policy_at(exchange.received or exchange.at)
    more = {
        "operations": steps_json(exchange, mock.tree, policy.dialect),
        "difference": view.changes_json(exchange),
        "signature": signature_json(exchange) if policy.auth else None,
        "faultEffect": _effect(exchange),
        "dialect": policy.dialect.name,
        "requestBody": view.text_of(exchange.body),
        "responseBody": view.text_of(exchange.answer_body),
    }
    entry["mock"] |= mock.service.secrets.content(more)
    return entry


def _effect(exchange: Exchange) -> dict[str, Any] | None:
    hit = exchange.hit
    if hit is None:
        return None
    effect = {"status": hit.status, "message": hit.message, "connection": hit.connection, "when": hit.when}
    return {**effect, "delay_ms": hit.delay_s * 1000}


def _retold(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/requests/<exchange_id>/explain")
    def explain_request(exchange_id: str) -> Response:
        """Tell why one request was answered so, how sure that is, and what to write instead."""
        return json_response(view.explain_json(find_request(mock, exchange_id), mock.tree))

    @admin.get("/__admin/requests/<exchange_id>/curl")
    def curl_request(exchange_id: str) -> Response:
        """Write one request as a curl command that signs it anew."""
        found = find_request(mock, exchange_id)
        return _text(view.curl_text(found, request.host_url.rstrip("/"), sign_command(mock.settings)))

    @admin.get("/__admin/requests/<exchange_id>/pytest")
    def pytest_request(exchange_id: str) -> Response:
        """Write one request as a test for pytest, with the fixture `mypreferences`."""
        return _text(pytest_text(find_request(mock, exchange_id)))

    @admin.get("/__admin/requests/<exchange_id>/rule")
    def rule_request(exchange_id: str) -> Response:
        """Write one request as a rule for contracts/rules."""
        return _text(rule_text(find_request(mock, exchange_id)))

    @admin.get("/__admin/requests/<exchange_id>/har")
    def har_request(exchange_id: str) -> Response:
        """Export one request and its answer as an HTTP Archive."""
        return json_response(har([find_request(mock, exchange_id)], request.host_url.rstrip("/")))


def _text(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")


def _queries(admin: Blueprint, mock: Mock) -> None:
    disabled = mock.settings.journal_entries == 0

    @admin.post("/__admin/requests/find")
    def find_requests() -> Response:
        """List the requests that match a pattern."""
        found = _shown(mock, query.find(body_json(), _all(mock), _work(mock)))
        return json_response(view.found_json(found, mock.tree, disabled=disabled))

    @admin.post("/__admin/requests/count")
    def count_requests() -> Response:
        """Count the requests that match a pattern."""
        found = query.find(body_json(), _all(mock), _work(mock))
        return json_response({"count": len(found), "requestJournalDisabled": disabled})

    @admin.post("/__admin/verify")
    def verify_requests() -> Response:
        """Check a count, a sequence or an event: 200, or 406 with the difference and the nearest misses."""
        dropped = sum(world.journal.dropped for world in chosen_worlds(mock))
        verdict = query.verify(body_json(), _all(mock), mock.tree, dropped=dropped, work=_work(mock))
        misses = [miss._replace(exchange=shown(mock, miss.exchange)) for miss in verdict.misses]
        return json_response(replace(verdict, misses=misses).json(), 200 if verdict.passed else 406)


def _work(mock: Mock) -> Work:
    return Work(mock.settings.max_control_work)


def _all(mock: Mock) -> list[Exchange]:
    """Return the exchanges of the chosen worlds, in order of arrival."""
    exchanges = chain.from_iterable(world.journal for world in chosen_worlds(mock))
    return sorted(exchanges, key=lambda exchange: exchange.id)


def _shown(mock: Mock, exchanges: Iterable[Exchange]) -> list[Exchange]:
    return [shown(mock, exchange) for exchange in exchanges]


def _since() -> str | None:
    """Return the time or id of ?since=; an id may be that of a request that is gone."""
    text = request.args.get("since")
    if text is None or _TIME_OR_ID.match(text):
        return text
    hint = "write a time such as 2026-01-31T12:00:00Z, or the id of a request such as 0000002a"
    raise AdminRefusal(422, f"since is {text[:40]!r}", hint)
