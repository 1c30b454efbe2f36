"""How a request's signature was checked, step by step, as data; read from what the journal keeps of the header."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from mockserver.journal.log import Exchange
from mockserver.journal.view import header, iso, sendable

# In the order in which they are checked; the reasons of a refusal by each.
_CHECKS: Final = (
    ("header", "An Authorization header is there.", ("auth-header-missing",)),
    ("scheme", "Its scheme is one of PNAUTHINFO3's.", ("auth-scheme-invalid", "auth-unkeyed-refused")),
    ("parameters", "It holds Credential and Signature.", ("auth-parameters-missing",)),
    ("timestamp", "Its timestamp is ISO 8601.", ("auth-date-not-iso8601",)),
    ("age", "It was signed within the client's window.", ("auth-date-in-future", "auth-date-too-old")),
    ("user", "The client knows the user.", ("auth-client-unknown", "auth-user-unknown")),
    ("signature", "The signature is that of the user's key.", ("auth-signature-mismatch",)),
    ("permission", "The user may do this.", ("auth-permission-missing",)),
)
_CREDENTIAL: Final = re.compile(r"\s*(\S+)\s+Credential=(.*)/([^/\s,;]+)")
_CAUSE: Final = re.compile(r" \(cause: ([a-z0-9-]+)\)$")
_CLOCK: Final = (
    "The world's clock stands still at {at}: sign by it, or let it run: "
    'PUT /__admin/clock {{"reset": true}} in the world {world}.'
)


def signature_json(exchange: Exchange) -> dict[str, Any] | None:
    """Return what was signed and how it was checked; None for a request without a signature that was not refused."""
    given, refusal = header(exchange.headers, "authorization"), exchange.story.refusal
    reason = exchange.story.reason if exchange.story.reason.startswith("auth-") and refusal is not None else None
    if reason is None and (given is None or exchange.user is None or _CREDENTIAL.match(given) is None):
        return None
    scheme, user, timestamp = _parts(given or "")
    why = (refusal.why or "") if refusal is not None and reason else ""
    cause = _CAUSE.search(why)
    return {
        "scheme": scheme,
        "user": user or (exchange.user and sendable(exchange.user)),
        "timestamp": timestamp,
        "ageSeconds": _age(timestamp, exchange.at),
        "cause": cause[1] if cause else reason,
        "message": sendable(_CAUSE.sub("", why)),
        "hint": _hint(exchange, reason),
        "checks": list(_checks(reason)),
    }


def _parts(given: str) -> tuple[str | None, str | None, str | None]:
    found = _CREDENTIAL.match(given)
    if found is None:
        return sendable(given.strip().partition(" ")[0]) or None, None, None
    return sendable(found[1]), sendable(found[2]), sendable(found[3])


def _age(timestamp: str | None, at: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(timestamp or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((at - moment).total_seconds(), 3)


def _hint(exchange: Exchange, reason: str | None) -> str:
    if exchange.frozen and reason in ("auth-date-in-future", "auth-date-too-old"):
        return _CLOCK.format(at=iso(exchange.at), world=exchange.world)
    refusal = exchange.story.refusal
    return sendable(refusal.hint) if refusal is not None and reason else ""


def _checks(reason: str | None) -> list[dict[str, Any]]:
    """Return each check with whether it held: after the one that failed nothing was looked at, so nothing is known."""
    rows, ok = [], True if reason is None or any(reason in reasons for *_, reasons in _CHECKS) else None
    for name, text, reasons in _CHECKS:
        failed = reason in reasons
        rows.append({"name": name, "ok": False if failed else ok, "text": text})
        ok = None if failed else ok
    return rows
