"""A progress bar on the terminal, for work that takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic

_PATIENCE_S = 0.5
_WIDTH = 30


def progress_bar(label: str) -> Callable[[int, int], None] | None:
    """Return a function of (done, total) that draws a bar on stderr; None where nobody watches."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    started = monotonic()

    def draw(done: int, total: int) -> None:
        if monotonic() - started < _PATIENCE_S:
            return
        filled = _WIDTH * done // max(total, 1)
        end = "\n" if done >= total else ""
        print(f"\r{label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:,}/{total:,}", end=end, file=sys.stderr)

    return draw
