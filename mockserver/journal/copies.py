"""A request to take along: as a test of one's own, and as a rule for `contracts/rules`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from mockserver.errors import UsageError
from mockserver.journal.log import Exchange
from mockserver.journal.view import changes_json, header, sendable, text_of
from mockserver.story.provenance import RULES, UNSERVED, Mark

_SENT_HEADERS: Final = ("accept", "accept-charset", "content-type", "x-mock-fault", "prefer")
_BEFORE_THE_PATCH: Final = frozenset((401, 403, 404))


def pytest_text(exchange: Exchange) -> str:
    """Return a test with the fixture `mypreferences` that sends the request and expects the same of it.

    Credentials that were refused are sent as they were kept, so they are refused again, but maybe for another reason.
    """
    reason, (client, *_) = exchange.story.reason, exchange.key or ("", "", "")
    credentials = header(exchange.headers, "authorization")
    refused = exchange.status == 401 and exchange.fault is None
    sent = {name.title(): sendable(value) for name, value in exchange.headers if name.lower() in _SENT_HEADERS}
    who = {"client": client.partition("~")[0], "user": exchange.user}
    if refused:
        who, sent["Authorization"] = {}, credentials and sendable(credentials)  # type: ignore[assignment]
    # Its world is named by a header; what stands behind the clientId would be signed as sent.
    target = (
        re.sub("(~|%7E)[^/?]*", "", exchange.target, count=1, flags=re.IGNORECASE) if "~" in client else exchange.target
    )
    arguments = ", ".join(f"{name}={sendable(value)!r}" for name, value in who.items() if value)
    fault = _planned(exchange)
    call = f"client.request({exchange.method!r}, {sendable(target)!r}, body, headers=headers)"
    lines = [
        f"def test_{reason.replace('-', '_')}(mypreferences):",
        # The plugin fails a test that came across one of these unless it says that it means to.
        *([f"    mypreferences.allow({reason!r})"] if any(fnmatchcase(reason, one) for one in UNSERVED) else []),
        *([f"    mypreferences.fault({fault!r})"] if fault else []),
        f"    client = mypreferences.client({arguments})",
        f"    body = {_literal(exchange.body)}",
        f"    headers = {sent!r}",
    ]
    if exchange.broken:
        lines[:0] = ["from contextlib import suppress", "from http.client import HTTPException", "", ""]
        lines += ["    with suppress(OSError, HTTPException):", f"        {call}"]
        lines += [f"    mypreferences.verify(connection={exchange.broken!r}, reason={reason!r}, exactly=1)"]
    else:
        lines += [f"    answer = {call}", f"    assert answer.status == {exchange.status}"]
        lines += [] if refused and credentials else [f"    assert answer.reason == {reason!r}"]
    return "\n".join(lines) + "\n"


def _planned(exchange: Exchange) -> str:
    """Return the rule that makes the fault of the request strike again, if the request does not ask for it itself."""
    from mockserver.faults.rules import DEFAULT_MESSAGES, Effect, Fault, magic_fault
    from mockserver.faults.text import to_text

    hit, named = exchange.hit, (exchange.key or ("", "", ""))[2]
    asks = any(header(exchange.headers, name) for name in ("x-mock-fault", "prefer")) or magic_fault(named) is not None
    if hit is None or hit.only_delays or asks:
        return ""
    message = None if hit.message in DEFAULT_MESSAGES.values() else hit.message
    return to_text(Fault("", effect=Effect(hit.status, message, None, hit.connection, hit.when)))


def rule_text(exchange: Exchange) -> str:
    """Return the request as a rule: what the profile is given, what is sent, and what must come of it.

    Raise UsageError for a request whose answer says nothing of what a patch does to a profile.
    """
    _refuse_no_rule(exchange)
    return "rules:\n" + "".join(
        f"  {'- ' if index == 0 else '  '}{name}: {json.dumps(value)}\n"  # YAML reads JSON
        for index, (name, value) in enumerate(_rule(exchange))
    )


def _refuse_no_rule(exchange: Exchange) -> None:
    problem = ""
    if exchange.operation != "patchProfileByAlternateId":
        problem = "it is no PATCH by alternate id"
    elif exchange.hit is not None and not exchange.hit.only_delays:
        problem = "a fault made its answer"
    elif exchange.status in _BEFORE_THE_PATCH and header(exchange.headers, "authorization") is not None:
        problem = "whom and what it named decided its answer, and a rule is about the profile of who verifies"
    if problem:
        raise UsageError(f"the request makes no rule: {problem}", hint="take it along as a test, or write one by hand")


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
    if exchange.status == 401:
        yield "signed", False
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
