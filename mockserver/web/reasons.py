"""How sure the mock is of what it does, reason by reason; and a first request to try it with."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from flask import Blueprint, Response, render_template, request

from mockserver.nearest import did_you_mean
from mockserver.service.assembly import Mock
from mockserver.service.sample import PATCH, sample_curl, sample_target, sample_user
from mockserver.state.clock import system_now
from mockserver.story.provenance import RULES, Rule
from mockserver.web.guard import AdminRefusal, chosen_world, json_response

PAGES: Final = "/__admin/reasons/"


def register(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/fidelity")
    def fidelity() -> Response:
        """List every behaviour with its mark, what the API does, and where that is known from."""
        return json_response([_row(rule) for rule in RULES.values()])

    @admin.get("/__admin/reasons/<reason>")
    def reason(reason: str) -> Response:
        """Tell about one reason: cause, remedy, example, and the newest request so answered; browsers get a page."""
        if reason not in RULES:
            hint = did_you_mean(reason, RULES, "GET /__admin/fidelity lists the reasons")
            raise AdminRefusal(404, f"there is no reason {reason!r}", hint)
        return json_response({**about(reason), "newest": _newest(mock, reason)})

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


def about(reason: str) -> dict[str, Any]:
    """Return all that is known of a reason, whatever was sent."""
    return _row(RULES[reason]) | _written()[reason]


def page(path: str) -> str | None:
    """Return the page about a reason, None if the path names none. It holds no data of the mock."""
    reason = path.removeprefix(PAGES)
    return render_template("reason.html", **about(reason)) if reason in RULES else None


@cache
def _written() -> dict[str, dict[str, Any]]:
    """Read what docs/write_reasons.py made of docs/reasons.yaml."""
    written: dict[str, dict[str, Any]] = orjson.loads(Path(__file__).with_name("reasons.json").read_bytes())
    return written


def _row(rule: Rule) -> dict[str, Any]:
    return {"reason": rule.code, "mark": rule.mark.value, "statement": rule.statement, "source": rule.source}


def _newest(mock: Mock, reason: str) -> dict[str, Any] | None:
    for exchange in chosen_world(mock).journal.newest():
        if exchange.story.reason == reason:
            return {"id": exchange.id, "explanation": exchange.story.sentence(mock.tree)}
    return None
