"""Drift that is known and accepted for a while: a file of entries, each with a reason and a day on which it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mockserver.errors import UsageError
from mockserver.nearest import did_you_mean
from mockserver.verify.contract import load_yaml

LONGEST = timedelta(days=366)
_KEYS = {"what", "place", "case", "why", "expires"}
_HINT = "write - {case: add-*, what: body, place: /ProfileTags*, why: …, expires: YYYY-MM-DD}"


@dataclass(frozen=True, slots=True)
class Known:
    """One entry; `case`, `what` and `place` may hold * for any text."""

    what: str
    place: str
    case: str
    why: str
    expires: date

    def covers(self, case: str, what: str, place: str) -> bool:
        """Say whether a difference is the one that is meant."""
        rows = ((case, self.case), (what, self.what), (place, self.place))
        return all(fnmatchcase(value, pattern) for value, pattern in rows)


def load_known(path: Path, today: date) -> list[Known]:
    """Read the file; raise UsageError for an entry without a reason or end, or with one that is too far away."""
    document = load_yaml(path) or {}
    if not isinstance(document, Mapping) or not isinstance(document.get("known"), list) or len(document) != 1:
        raise UsageError("not a file of known drift", place=str(path), hint=f"write known: and below it {_HINT}")
    return [_entry(row, f"{path}: entry {number}", today) for number, row in enumerate(document["known"], 1)]


def _entry(row: Any, place: str, today: date) -> Known:
    if not isinstance(row, Mapping):
        raise UsageError("an entry is a mapping", place=place, hint=_HINT)
    for key in row:
        if key not in _KEYS:
            raise UsageError(f"{key!r} is unknown", place=place, hint=did_you_mean(key, _KEYS, _HINT))
    expires = row.get("expires")
    if not isinstance(expires, date) or not row.get("why"):
        raise UsageError("an entry needs a why and a day on which it expires", place=place, hint=_HINT)
    if expires - today > LONGEST:
        raise UsageError("the day is more than a year away", place=place, hint="look at it again within the year")
    what, where, case = (str(row.get(key, "*")) for key in ("what", "place", "case"))
    return Known(what, where, case, str(row["why"]), expires)
