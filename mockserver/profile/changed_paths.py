"""What differs between two states of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def changed_paths(before: Any, after: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, before, after) of each difference between two profiles, lists compared position by position."""
    if before == after:  # at once, whatever is inside
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from changed_paths(before.get(name), after.get(name), f"{prefix}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changed_paths(old, new, f"{prefix}/{index}")
    else:
        yield prefix or "/", before, after
