"""Paths into a profile as patterns: their segments, and what they cover."""

from __future__ import annotations

from collections.abc import Sequence


def segments(path: str) -> tuple[str, ...]:
    """Split a JSON pointer into its names, folded for comparison; empty segments are dropped (library: P1, P2)."""
    return tuple(
        part.replace("~1", "/").replace("~0", "~").casefold() if "~" in part else part.casefold()
        for part in path.split("/")
        if part
    )


def covers(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Tell whether a path's segments lie at or below the pattern's."""
    return len(pattern) <= len(path) and all(wanted in {"*", name} for wanted, name in zip(pattern, path, strict=False))
