"""The request that adds consents: what each must say, and what the profile keeps of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from mockserver.auth.signing import EASTERN
from mockserver.errors import BadRequest, MalformedBody
from mockserver.patch.dialect import refuse_too_long
from mockserver.profile.conversion import ConversionError, convert
from mockserver.profile.dates import parse_date
from mockserver.profile.members import Member
from mockserver.service.life import shown_moment

STATUSES: Final = ("Granted", "Denied", "Revoked", "NotSet")
"""By their numbers, from 1: JSON sends the number, XML the name, and the profile prints the name (documented)."""


def consents_from(
    sent: Mapping[str, Any] | None, member: Member, *, by_name: bool, now: datetime
) -> list[dict[str, Any]]:
    """Return the consents of a request as the profile keeps them; raise MalformedBody or BadRequest."""
    rows = _given(sent or {}, member).get("Consents")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        hint = 'Send {"Consents": [{"ConsentType": …, "ConsentVersion": …, "Locale": …, "ConsentStatus": 1}]}.'
        raise MalformedBody(["consents"], rule="document-unfit", why="There is no list of consents.", hint=hint)
    fields = member.members["Consents"].item
    assert fields is not None, "a list has items"
    return [_kept(row, f"/Consents/{index}", fields, by_name, now) for index, row in enumerate(rows)]


def _given(row: Mapping[str, Any], fields: Member) -> dict[str, Any]:
    # Names count in any letter case, unknown ones not at all, as the library binds JSON (assumed).
    return {known.name: value for name, value in row.items() if (known := fields.find(name)) is not None}


def _kept(row: Mapping[str, Any], place: str, fields: Member, by_name: bool, now: datetime) -> dict[str, Any]:
    given = _given(row, fields)
    texts = ("ConsentType", "Locale", "ConsentVersion")
    return {
        **{name: _text(given.get(name), place, fields.members[name]) for name in texts},
        "ConsentDate": _date(given.get("ConsentDate"), place, now),
        "ConsentStatus": _status(given.get("ConsentStatus"), place, by_name),
        "Expired": "False",
    }


def _text(value: Any, place: str, member: Member) -> str:
    """Read a text that must be there and not too long (documented; the refusal's words are assumed)."""
    here = f"{place}/{member.name}"
    if value is None or value == "":
        why = f"{here} is missing; it takes 1 to {member.max_length} characters."
        raise BadRequest(f"The {member.name} field is required.", rule="member-required", why=why, path=here)
    try:
        read: str = convert(value, member, dates=None)
    except ConversionError:
        raise _unfit(here, f"{value!r:.60} is no text", "Write text in quotes.") from None
    refuse_too_long(read, member, here)
    return read


def _status(value: Any, place: str, by_name: bool) -> str:
    here = f"{place}/ConsentStatus"
    if by_name and value in STATUSES:
        return str(value)
    if not by_name and type(value) is int and 1 <= value <= len(STATUSES):
        return STATUSES[value - 1]
    numbers = ", ".join(f"{number} {name}" for number, name in enumerate(STATUSES, 1))
    hint = f"Write one of {', '.join(STATUSES)}." if by_name else f"Write the number: {numbers}."
    raise _unfit(here, f"{value!r:.60} is no status of a consent in {'XML' if by_name else 'JSON'}", hint)


def _date(value: Any, place: str, now: datetime) -> str:
    """Return when the consent was given, in UTC: now by default; without a zone it is US Eastern (documented)."""
    if value is None or value == "":
        return shown_moment(now)
    text = value if isinstance(value, str) else ""
    if (read := parse_date(text)) is not None:
        # Python's reader knows six digits of a fraction.
        text = re.sub(r"(\.\d{6})\d+", r"\1", read.json)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(EASTERN))
        return shown_moment(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        hint = "Write an ISO 8601 date such as 2026-01-31T12:00:00Z."
        raise _unfit(f"{place}/ConsentDate", f"{value!r:.60} is no date", hint) from None


def _unfit(place: str, problem: str, hint: str) -> MalformedBody:
    return MalformedBody(["consents"], rule="document-unfit", why=f"{place}: {problem}.", hint=hint)
