"""How far long work is: a bar on a terminal, a line now and then elsewhere; nothing for what takes but a moment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic

_PATIENCE_S = 0.5
_REDRAWN_S = 0.1
_LINE_S = 10.0
_WIDTH = 30


def progress_bar(label: str, unit: str = "MB") -> Callable[[int, int], None] | None:
    """Return a function of (done, total) that tells on stderr how far it is, how fast, and how long it takes yet.

    Both are bytes where the unit is MB. None where there is no stderr.
    """
    if sys.stderr is None:
        return None
    live, started = sys.stderr.isatty(), monotonic()
    due = started + (_PATIENCE_S if live else _LINE_S)

    def tell(done: int, total: int) -> None:
        nonlocal due
        now = monotonic()
        if now < due and not (live and done >= total and due > started + _PATIENCE_S):
            return
        due = now + (_REDRAWN_S if live else _LINE_S)
        text = _text(done, total, now - started, unit)
        if live:
            filled = _WIDTH * done // max(total, 1)
            text = f"\r{label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {text}".ljust(80)
            print(text, end="\n" if done >= total else "", file=sys.stderr, flush=True)
        else:
            print(f"{label}: {text}", file=sys.stderr, flush=True)

    return tell


def _text(done: int, total: int, seconds: float, unit: str) -> str:
    rate = done / max(seconds, 0.001)
    left = round((total - done) / max(rate, 0.001))
    scale = 1_000_000 if unit == "MB" else 1
    rest = f"{left // 60} min" if left >= 120 else f"{left} s"
    speed = f"{rate / scale:,.0f}" if rate >= 10 * scale else f"{rate / scale:.2g}"
    return f"{done / scale:,.0f} of {total / scale:,.0f} {unit}, {speed} {unit}/s, {rest} left"
