"""The journal as light rows, for whoever shows or follows many requests: what a line says, without bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mockserver.journal.log import Exchange, ExchangeLog
from mockserver.journal.view import changes_json, delay_ms, iso, operations, sendable

_MOST_OPERATIONS: Final = 20
_MOST_TEXT: Final = 2000
_MOST_LATE: Final = 1000
"""How many requests can be under way at a time, so that one with a lower number is kept after a higher one."""


def row_json(exchange: Exchange) -> dict[str, Any]:
    """Return one request as a row."""
    story, sent = exchange.story, operations(exchange)
    client, kind, identifier = exchange.key or (None, None, None)
    profile_id = None if kind else identifier
    return {
        "id": exchange.id,
        "world": exchange.world,
        "receivedAt": iso(exchange.received or exchange.at),
        "at": iso(exchange.at),
        "frozen": exchange.frozen,
        "method": exchange.method,
        "url": _short(exchange.target),
        "operation": exchange.operation,
        "client": client and _short(client),
        "alternateIdType": kind and _short(kind),
        "alternateId": _short(identifier) if kind and identifier else None,
        "profileId": profile_id and _short(profile_id),
        "user": exchange.user and _short(exchange.user),
        "status": exchange.seen_status,
        "connection": exchange.broken,
        "reason": story.reason,
        "provenance": story.provenance,
        "ms": round(exchange.duration_s * 1000, 3),
        "delayMs": delay_ms(exchange),
        "ops": [{"op": _short(op), "path": _short(path)} for op, path in sent[:_MOST_OPERATIONS]],
        "opsTotal": len(sent),
        "refused": story.refusal.operation if story.refusal is not None else None,
        "changed": len(changes_json(exchange)),
        "fault": exchange.fault,
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


def _short(text: str) -> str:
    return sendable(text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…")
