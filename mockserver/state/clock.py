"""The one place that reads the system's clock; everything else is given a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

# Room on both sides for windows, expiries and time zones.
_EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)

_THE_MACHINES = (None, False)


def system_now() -> datetime:
    """Return the wall clock's time, in UTC."""
    return datetime.now(UTC)


stopwatch = time.perf_counter
"""Return seconds of a clock that never goes back, for durations."""


class Clock:
    """A world's time: the system's, shifted, or standing still."""

    __slots__ = ("_frozen", "_offset")

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    @property
    def offset_s(self) -> float:
        return self._offset.total_seconds()

    def now(self) -> datetime:
        """Return this world's time, in UTC."""
        if self._frozen is not None:
            return self._frozen
        return datetime.now(UTC) + self._offset if self._offset else datetime.now(UTC)

    def received(self) -> tuple[datetime | None, bool]:
        """Return the machine's time where it is not this world's, else None; and whether this world's stands still."""
        if self._frozen is None and not self._offset:
            return _THE_MACHINES
        return system_now(), self._frozen is not None

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the clock at a moment, by default now."""
        self._frozen = (at or self.now()).astimezone(UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock, frozen or not; backwards with a negative number. Raises OverflowError past its range."""
        step = timedelta(seconds=seconds)
        moved = self.now() + step
        if not _EARLIEST <= moved <= _LATEST:
            raise OverflowError(f"{moved:%Y-%m-%d} is out of the clock's range")
        if self._frozen is not None:
            self._frozen = moved
        else:
            self._offset += step

    def reset(self) -> None:
        """Follow the system's clock again."""
        self._frozen, self._offset = None, timedelta()
