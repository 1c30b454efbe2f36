"""The one zone beside UTC that the vendor's pages speak of, from the system's data or the package tzdata."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo


@cache
def eastern() -> ZoneInfo:
    """Return US Eastern time."""
    return ZoneInfo("America/New_York")
