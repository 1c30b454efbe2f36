"""The last minutes in numbers: answers by kind and how long they took, and how full what is bounded is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from flask import Blueprint, Response

from mockserver.service.assembly import Mock
from mockserver.service.metrics import BUCKETS_S, SLICE_S, Slice
from mockserver.state.clock import stopwatch, system_now
from mockserver.web.guard import json_response

_SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def register(admin: Blueprint, mock: Mock) -> None:
    @admin.get("/__admin/numbers")
    def numbers() -> Response:
        """Count the last ten minutes in steps of ten seconds, all answers since the start, and what is bounded."""
        now = system_now()
        started = now.timestamp() - stopwatch()
        metrics = mock.metrics
        by_status, by_reason = Counter[str](), Counter[str]()
        for (status, reason, _), number in metrics.requests.copy().items():
            by_status[str(status or "broken")] += number
            by_reason[reason] += number
        return json_response(
            {
                "now": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "seconds": [_row(part, started) for part in metrics.lately(stopwatch())],
                "totals": {"requests": by_status.total(), "byStatus": by_status, "byReason": by_reason},
                "bounds": list(_bounds(mock)),
            }
        )


def _row(part: Slice, started: float) -> dict[str, Any]:
    buckets, classes = part.buckets, part.classes
    row = {"t": round(started + part.number * SLICE_S), "count": sum(buckets)}
    row |= {"2xx": classes[2], "4xx": classes[4], "5xx": classes[5], "broken": classes[0]}
    return row | {name: percentile(buckets, share) for name, share in _SHARES.items()}


def percentile(buckets: Sequence[int], share: float) -> float | None:
    """Return in milliseconds how long a share of the answers took at most, as far as buckets tell."""
    wanted, passed = sum(buckets) * share, 0
    bounds = (0.0, *BUCKETS_S, BUCKETS_S[-1])
    for index, number in enumerate(buckets):
        if number and passed + number >= wanted:
            low, high = bounds[index], bounds[index + 1]
            return round((low + (high - low) * (wanted - passed) / number) * 1000, 3)
        passed += number
    return None


def _bounds(mock: Mock) -> Iterable[dict[str, Any]]:
    settings, worlds = mock.settings, mock.worlds.all()
    journals = [world.journal for world in worlds]
    yield _bound("worlds", len(worlds), settings.max_worlds, mock.worlds.evictions)
    dropped = sum(journal.dropped for journal in journals)
    yield _bound("journal bytes", sum(journal.bytes_used for journal in journals), settings.journal_bytes, dropped)
    fullest = max(map(len, journals), default=0)
    yield _bound("journal entries of the fullest world", fullest, settings.journal_entries, dropped)


def _bound(name: str, used: int, limit: int, evictions: int) -> dict[str, Any]:
    return {"name": name, "used": used, "limit": limit, "evictions": evictions}
