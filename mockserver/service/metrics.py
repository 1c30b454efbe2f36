"""Counters of the running server: plain integers on the hot path, given to Prometheus when it asks."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from threading import Lock

from mockserver.errors import ApiError, BoundReached

MOST_FAULTS = 100  # that are counted by their id: the control surface can name any number
OTHER_FAULTS = "other"
BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)


class Metrics:
    """Requests by status and reason, faults by rule, refusals by bound, and a latency histogram in seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests: Counter[tuple[int, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.bounds: Counter[str] = Counter()
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.seconds = 0.0
        self.dropped_lines = 0

    def observe(self, status: int, reason: str, seconds: float, fault: str | None) -> None:
        """Count one answer."""
        with self._lock:
            self.requests[status, reason] += 1
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
