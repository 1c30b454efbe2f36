"""One request of the journal, told in full: operation by operation, with its signature and the fault that struck."""

from __future__ import annotations

from typing import Any

from mockserver.journal.log import Exchange
from mockserver.journal.signature import signature_json
from mockserver.journal.steps import steps_json
from mockserver.journal.view import changes_json, entry_json, text_of
from mockserver.service.assembly import Mock


def told(exchange: Exchange, mock: Mock) -> dict[str, Any]:
    """Return a request's entry with what is made only when somebody reads it."""
    entry, dialect = entry_json(exchange, mock.tree), mock.service.policy.dialect
    more = {
        "operations": steps_json(exchange, mock.tree, dialect),
        "difference": changes_json(exchange),
        "signature": signature_json(exchange) if mock.service.policy.auth else None,
        "faultEffect": _effect(exchange),
        "dialect": dialect.name,
        "requestBody": text_of(exchange.body),
        "responseBody": text_of(exchange.answer_body),
    }
    entry["mock"] |= mock.service.secrets.content(more)
    return entry


def _effect(exchange: Exchange) -> dict[str, Any] | None:
    hit = exchange.hit
    if hit is None:
        return None
    effect = {"status": hit.status, "message": hit.message, "connection": hit.connection, "when": hit.when}
    return {**effect, "delay_ms": hit.delay_s * 1000}
