"""How sure the mock is of what it does, reason by reason; and a first request to try it with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request

from mockserver.nearest import did_you_mean
from mockserver.service.assembly import Mock
from mockserver.service.sample import PATCH, sample_curl, sample_target, sample_user
from mockserver.state.clock import system_now
from mockserver.story.provenance import RULES, Rule
from mockserver.story.story import advice
from mockserver.web.guard import AdminRefusal, chosen_world, json_response


def register(admin: Blueprint, mock: Mock) -> None:
    """Add the routes."""

    @admin.get("/__admin/fidelity")
    def fidelity() -> Response:
        """List every behaviour with its mark, what the API does, and where that is known from."""
        return json_response([_row(rule) for rule in RULES.values()])

    @admin.get("/__admin/reasons/<reason>")
    def reason(reason: str) -> Response:
        """Tell about one reason, with what to do, and the newest request that was answered so."""
        rule = RULES.get(reason)
        if rule is None:
            hint = did_you_mean(reason, RULES, "GET /__admin/fidelity lists the reasons")
            raise AdminRefusal(404, f"there is no reason {reason!r}", hint)
        return json_response({**_row(rule), "cause": None, "example": _example(mock, reason), "remedy": advice(reason)})

    @admin.get("/__admin/example")
    def example() -> Response:
        """Write a first request as a curl command, signed now, and say until when it is valid."""
        now, found = system_now(), sample_user(mock)
        curl = sample_curl(mock, request.host_url.rstrip("/"))
        if curl is None or found is None:
            raise AdminRefusal(404, "the fixtures have nobody who may change a profile", "add a user to clients.toml")
        until = now + timedelta(seconds=found[0].signature_window_s)
        sent = {"url": sample_target(mock, found[0]), "body": PATCH, "sign": True}
        valid = until.isoformat(timespec="seconds").replace("+00:00", "Z")
        return json_response({"curl": curl, "validUntil": valid, "request": sent})


def _row(rule: Rule) -> dict[str, Any]:
    return {"reason": rule.code, "mark": rule.mark.value, "statement": rule.statement, "source": rule.source}


def _example(mock: Mock, reason: str) -> dict[str, Any] | None:
    for exchange in chosen_world(mock).journal.newest():
        if exchange.story.reason == reason:
            return {"id": exchange.id, "explanation": exchange.story.sentence(mock.tree)}
    return None
