"""A request to take along: as a test of one's own, and as a rule for `contracts/rules`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from mockserver.journal.log import Exchange
from mockserver.journal.view import changes_json, header, sendable, text_of
from mockserver.story.provenance import RULES, UNSERVED, Mark

_SENT_HEADERS: Final = ("accept", "accept-charset", "content-type", "x-mock-fault", "prefer")


def pytest_text(exchange: Exchange) -> str:
    """Return a test with the fixture `mypreferences` that sends the request and expects the same status."""
    reason, (client, *_) = exchange.story.reason, exchange.key or ("", "", "")
    who = {"client": client.partition("~")[0], "user": exchange.user}
    arguments = ", ".join(f"{name}={sendable(value)!r}" for name, value in who.items() if value)
    sent = {name.title(): sendable(value) for name, value in exchange.headers if name.lower() in _SENT_HEADERS}
    if header(exchange.headers, "authorization") is None:
        sent["Authorization"] = None  # type: ignore[assignment]
    lines = [
        f"def test_{reason.replace('-', '_')}(mypreferences):",
        # The plugin fails a test that came across one of these unless it says that it means to.
        *([f"    mypreferences.allow({reason!r})"] if any(fnmatchcase(reason, one) for one in UNSERVED) else []),
        f"    client = mypreferences.client({arguments})",
        f"    body = {_literal(exchange.body)}",
        f"    headers = {sent!r}",
        f"    answer = client.request({exchange.method!r}, {sendable(exchange.target)!r}, body, headers=headers)",
        f"    assert answer.status == {exchange.status}",
        f"    assert answer.reason == {reason!r}",
    ]
    if exchange.broken:
        lines[-3:] = [f"    # The connection is broken: {exchange.broken}.", *lines[-3:-2]]
    return "\n".join(lines) + "\n"


def rule_text(exchange: Exchange) -> str:
    """Return the request as a rule: what the profile is given, what is sent, and what must come of it."""
    return "rules:\n" + "".join(
        f"  {'- ' if index == 0 else '  '}{name}: {json.dumps(value)}\n"  # YAML reads JSON
        for index, (name, value) in enumerate(_rule(exchange))
    )


def _rule(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    rule = RULES[exchange.story.reason]
    changes = [row for row in changes_json(exchange) if not row["path"].startswith("/Edited")]
    yield "id", f"request-{exchange.id}-{exchange.story.reason}"
    yield "title", rule.statement.rstrip(".")
    yield "why", f"Seen on the mock: {rule.statement}"
    yield "source", "assumed" if rule.mark is Mark.MOCK else rule.mark.value
    yield "tags", ["write"] if changes else ["negative"] if exchange.status >= 400 else ["read"]
    given = {row["path"]: row["before"] for row in changes if row["before"] is not None}
    if given:
        yield "given", given
    yield from _sent(exchange)
    yield "expect", exchange.status
    if changes:
        yield "after", {row["path"]: row["after"] for row in changes}


def _sent(exchange: Exchange) -> Iterator[tuple[str, Any]]:
    for name, key in (("content-type", "content_type"), ("accept", "accept")):
        if (value := header(exchange.headers, name)) is not None:
            yield key, sendable(value)
    text = text_of(exchange.body)
    try:
        operations = json.loads(text)
    except (ValueError, RecursionError):
        operations = None
    if isinstance(operations, list):
        yield "patch", operations
    else:
        yield "body", text


def _literal(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return repr(body)
    return repr(text) if text.isprintable() or "\n" not in text else f"({' '.join(map(repr, text.splitlines(True)))})"
