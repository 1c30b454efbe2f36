"""The journal as light rows, for whoever shows or follows many requests: what a line says, without bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from mockserver.journal.log import Exchange, ExchangeLog
from mockserver.journal.view import delay_ms, iso, operations, sendable

_MOST_OPERATIONS: Final = 20
_MOST_TEXT: Final = 2000
_MOST_LATE: Final = 1000
"""How many requests can be under way at a time, so that one with a lower number is kept after a higher one."""


def short(text: str) -> str:
    """Return text as a row shows it: that UTF-8 can carry, and not endless."""
    return sendable(text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…")


def row_json(exchange: Exchange, shown: Callable[[str], str] = short) -> dict[str, Any]:
    """Return one request as a row; profiles are not looked into. Each text of the request goes through `shown`."""
    story, sent, user, fault = exchange.story, operations(exchange), exchange.user, exchange.fault
    client, kind, identifier = map(shown, exchange.key) if exchange.key else (None, None, None)
    at, broken = iso(exchange.at), exchange.broken
    return {
        "id": exchange.id,
        "world": shown(exchange.world),
        "receivedAt": iso(exchange.received) if exchange.received else at,
        "at": at,
        "frozen": exchange.frozen,
        "method": shown(exchange.method),
        "url": shown(exchange.target),
        "operation": exchange.operation,
        "client": client,
        "alternateIdType": kind,
        "alternateId": identifier if kind else None,
        "profileId": None if kind else identifier,
        "user": user and shown(user),
        "status": None if broken else exchange.status,
        "connection": broken,
        "reason": story.reason,
        "provenance": story.provenance,
        "ms": round(exchange.duration_s * 1000, 3),
        "delayMs": delay_ms(exchange),
        "ops": [{"op": shown(op), "path": shown(path)} for op, path in sent[:_MOST_OPERATIONS]],
        "opsTotal": len(sent),
        "refused": story.refusal.operation if story.refusal is not None else None,
        "changed": exchange.changed,
        "fault": fault and shown(fault),
        "applied": exchange.applied,
        "tolerated": bool(story.rests_on),
        "surprising": exchange.surprising,
    }


def newer(journal: ExchangeLog, since: str) -> Iterator[Exchange]:
    """Yield the exchanges that came after that of an id, newest first, also if that one is gone or another world's."""
    number, passed = int(since, 16), list[Exchange]()
    for exchange in journal.newest():
        if exchange.id == since:
            yield from passed
            return
        behind = number - int(exchange.id, 16)
        if behind > _MOST_LATE:
            return
        if behind > 0:
            passed.append(exchange)
        else:
            yield exchange
