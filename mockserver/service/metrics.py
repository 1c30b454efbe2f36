"""Counters of the running server: plain integers on the hot path, given to Prometheus when it asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from threading import Lock
from typing import NamedTuple

from mockserver.errors import ApiError, BoundReached

MOST_FAULTS = 100  # that are counted by their id: the control surface can name any number
OTHER_FAULTS = "other"
BUCKETS_S = (
    0.00005, 0.0001, 0.00015, 0.0002, 0.00025, 0.0005, 0.001, 0.002, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0,
)  # fmt: skip
SLICE_S = 10
_SLICES = 60


class Slice(NamedTuple):
    """The answers of ten seconds, by how long they took and by the first figure of their status."""

    number: int
    buckets: Sequence[int]
    classes: Mapping[int, int]


class Metrics:
    """Requests by status, reason and operation, faults by rule, refusals by bound, a latency histogram in seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests: Counter[tuple[int, str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.bounds: Counter[str] = Counter()
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.seconds = 0.0
        # What had been counted when each slice with an answer began: an answer itself costs nothing more.
        self._begun: deque[Slice] = deque(maxlen=_SLICES + 1)
        self._slice_ends = 0.0
        self.dropped_lines = 0

    def observe(
        self, status: int, reason: str, seconds: float, fault: str | None, ended: float = 0.0, operation: str = ""
    ) -> None:
        """Count one answer, as 0 if its connection was broken; `ended` is by the stopwatch, `operation` a name."""
        with self._lock:
            if ended >= self._slice_ends:
                self._begin(ended)
            self.requests[status, reason, operation] += 1
            self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
            self.seconds += seconds
            if fault is not None:
                known = fault in self.faults or len(self.faults) < MOST_FAULTS
                self.faults[fault if known else OTHER_FAULTS] += 1

    def note_dropped_line(self) -> None:
        """Count a line of the log that nobody read in time."""
        with self._lock:
            self.dropped_lines += 1

    def note_bound(self, refusal: ApiError | None) -> None:
        """Count a refusal if it came from a bound."""
        if isinstance(refusal, BoundReached):
            with self._lock:
                self.bounds[refusal.bound] += 1

    def _begin(self, now: float) -> None:
        number = int(now // SLICE_S)
        self._slice_ends = (number + 1) * SLICE_S
        self._begun.append(Slice(number, self.buckets.copy(), self._classes()))

    def _classes(self) -> Counter[int]:
        classes = Counter[int]()
        for (status, _, _), number in self.requests.items():
            classes[status // 100] += number
        return classes

    def lately(self, now: float) -> list[Slice]:
        """Return the slices of the last ten minutes, the oldest first, also those in which nothing came."""
        last = int(now // SLICE_S)
        with self._lock:
            begun = [*self._begun, Slice(0, self.buckets.copy(), self._classes())]
        came = {
            one.number: Slice(
                one.number,
                [after - before for before, after in zip(one.buckets, later.buckets, strict=True)],
                Counter(later.classes) - Counter(one.classes),
            )
            for one, later in pairwise(begun)
        }
        nothing = [0] * len(self.buckets)
        numbers = range(last - _SLICES + 1, last + 1)
        return [came.get(number) or Slice(number, nothing, Counter()) for number in numbers]
