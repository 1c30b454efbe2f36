"""A small chart of curves on logarithmic axes, as an SVG written by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from tools.bench.charts.bars import OTHERS, OURS

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 420, 250, 62, 34, 16, 42
COLOURS: Final = (OURS, OTHERS, "#b4552d", "#3d7a4c")
Points = Sequence[tuple[float, float]]


class Axis(NamedTuple):
    """One axis: what it says, and the powers of ten that it reaches from and to."""

    title: str
    low: int
    high: int

    @classmethod
    def over(cls, title: str, values: Sequence[float]) -> Axis:
        """Return an axis that holds all values; what is not above nothing stands at its lower end."""
        logs = [math.log10(value) for value in values if value > 0] or [0.0]
        low = math.floor(min(logs))
        return cls(title, low, max(math.ceil(max(logs)), low + 1))

    def share(self, value: float) -> float:
        """Return how far along the axis a value stands, 0 to 1."""
        log = math.log10(value) if value > 0 else self.low
        return (log - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return the powers of ten."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def curve_chart(title: str, x_title: str, y_title: str, curves: Mapping[str, Points]) -> str:
    """Return the chart as an SVG document; a curve without points is left out."""
    drawn = {name: points for name, points in curves.items() if points}
    every = [point for points in drawn.values() for point in points]
    x, y = Axis.over(x_title, [point[0] for point in every]), Axis.over(y_title, [point[1] for point in every])
    rows = [*_grid(x, y)]
    for number, (name, points) in enumerate(drawn.items()):
        rows += _curve(name, points, number, x, y)
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11" fill="#1f2933">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="8" y="18" font-size="13" font-weight="bold">{escape(title)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _left(axis: Axis, value: float) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _top(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    floor = HEIGHT - BOTTOM
    for value in x.ticks():
        left = f"{_left(x, value):.1f}"
        yield f'<path d="M{left} {TOP}V{floor}" stroke="#e4e7eb"/>'
        yield f'<text x="{left}" y="{floor + 15}" text-anchor="middle">{_number(value)}</text>'
    for value in y.ticks():
        top = _top(y, value)
        yield f'<path d="M{LEFT} {top:.1f}H{WIDTH - RIGHT}" stroke="#e4e7eb"/>'
        yield f'<text x="{LEFT - 6}" y="{top + 4:.1f}" text-anchor="end">{_number(value)}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x.title)}</text>'
    middle = f"14 {(TOP + floor) / 2}"
    yield f'<text transform="translate({middle}) rotate(-90)" text-anchor="middle">{escape(y.title)}</text>'


def _curve(name: str, points: Points, number: int, x: Axis, y: Axis) -> Iterator[str]:
    colour = COLOURS[number % len(COLOURS)]
    places = [f"{_left(x, across):.1f},{_top(y, up):.1f}" for across, up in points]
    yield f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for place in places:
        left, top = place.split(",")
        yield f'<circle cx="{left}" cy="{top}" r="2.5" fill="{colour}"/>'
    line = TOP + 12 + number * 14
    yield f'<text x="{LEFT + 8}" y="{line}" fill="{colour}" font-weight="bold">{escape(name)}</text>'


def _number(value: float) -> str:
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:g}{unit}"
    return f"{value:g}"
