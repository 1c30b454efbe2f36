"""One bar for each candidate, as an SVG written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

ROW, LEFT, WIDTH, RIGHT = 26, 250, 420, 190
OURS, OTHERS = "#2563a8", "#9aa5b1"


class Bar(NamedTuple):
    """One bar: its label, its length, and what is written behind it."""

    label: str
    value: float
    note: str
    ours: bool


def bar_chart(title: str, bars: Sequence[Bar]) -> str:
    """Return the chart as an SVG document; the longest bar takes the whole width."""
    height = ROW * (len(bars) + 1) + 14
    longest = max((bar.value for bar in bars), default=1) or 1
    rows = [_row(bar, number, longest) for number, bar in enumerate(bars, 1)]
    size = f'width="{LEFT + WIDTH + RIGHT}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13" fill="#1f2933">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="8" y="19" font-weight="bold">{escape(title)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _row(bar: Bar, number: int, longest: float) -> str:
    top = number * ROW + 6
    width = max(bar.value / longest * WIDTH, 1)
    return (
        f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{width:.1f}" height="{ROW - 8}" fill="{OURS if bar.ours else OTHERS}"/>'
        f'<text x="{LEFT + width + 6:.1f}" y="{top + 14}">{escape(bar.note)}</text>'
    )
