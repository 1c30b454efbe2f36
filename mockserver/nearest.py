"""The one answer to "did you mean?"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_name(name: object, choices: Iterable[str]) -> str | None:
    """Return the choice that looks most like a name, if any does."""
    by_folded = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(str(name)[:200].casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[close[0]] if close else None
