"""The one answer to "did you mean?"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# From half of its letters on a name is like another.
_LIKE: Final = 0.5
# Longer than any name, so that comparing what somebody sent costs little.
_LONGEST: Final = 200


def did_you_mean(name: object, choices: Iterable[str], otherwise: str = "") -> str:
    """Return a hint that asks for the choice most like a name, `otherwise` if none is like it."""
    near = nearest_name(name, choices)
    return otherwise if near is None else f"did you mean {near}?"


def nearest_name(name: object, choices: Iterable[str]) -> str | None:
    """Return the choice most like a name in any letter case, None if none is like it."""
    return next(iter(_nearest(name, choices, 1, _LIKE)), None)


def nearest_names(name: object, choices: Iterable[str], number: int) -> list[str]:
    """Return the choices most like a name, the nearest first, however little they are like it."""
    return _nearest(name, choices, number, 0)


def likeness(one: str, other: str) -> float:
    """Return from 0 (no letter in common) to 1 (the same) how much two texts are alike."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _nearest(name: object, choices: Iterable[str], number: int, least: float) -> list[str]:
    # Late, for most starts need no name put right.
    from difflib import get_close_matches

    by_folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(str(name)[:_LONGEST].casefold(), by_folded, n=number, cutoff=least)
    return [by_folded[folded] for folded in close]
