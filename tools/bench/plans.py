"""How long everything is measured, and how far what grows goes."""

from __future__ import annotations

from typing import Final, NamedTuple


class Plan(NamedTuple):
    """One length of a run; `most` is by what grows, a key of `tools.bench.growth.WORK`."""

    rounds: int
    seconds: int
    starts: int
    requests: int
    profiles: int
    warm_up_s: int
    most: dict[str, int]


_MOST: Final = {"operations": 1_000, "size": 1_000_000, "profiles": 1_000_000, "journal": 2_000}
PLANS: Final = {
    "quick": Plan(1, 1, 1, 5_000, 10_000, 1, {"operations": 20, "size": 10_000, "profiles": 1_000, "journal": 400}),
    "short": Plan(3, 2, 7, 100_000, 100_000, 5, _MOST),
    "long": Plan(5, 5, 15, 1_000_000, 100_000, 5, _MOST),
}
