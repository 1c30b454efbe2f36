"""Figures as Markdown, put between the marks of docs/benchmarks.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tools.bench.candidates import EMPTY, NAIVE, Candidate
from tools.bench.load import Load
from tools.bench.memory import Memory
from tools.bench.throughput import CONNECTIONS, Place, Throughput

PAGE: Final = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
_NOTHING = "–"


def put(block: str, text: str, pictures: Mapping[str, str] = MappingProxyType({}), page: Path = PAGE) -> None:
    """Replace what stands between the marks of a block, and write its pictures beside the page."""
    old = page.read_text(encoding="utf-8")
    marks = rf"(<!-- {block} -->\n).*?(<!-- /{block} -->)"
    new, count = re.subn(marks, lambda found: f"{found[1]}{text}\n{found[2]}", old, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{page} must have one <!-- {block} --> and one <!-- /{block} -->")
    page.write_text(new, encoding="utf-8")
    for name, picture in pictures.items():
        folder = page.with_suffix("")
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def throughput_table(seen: Throughput, candidates: Sequence[Candidate], references: Mapping[str, str]) -> str:
    """Return the table of loads; `references` are the candidates that each load is divided by, with their headings."""
    if not seen.loads:
        return ""
    each = " / ".join(map(str, CONNECTIONS))
    head = [
        "server",
        "answer",
        f"requests/s at {each} connections",
        "p50 ms",
        "p99 ms",
        "server CPU µs",
        *references.values(),
    ]
    return table(head, _load_rows(seen, candidates, list(references)))


def _load_rows(seen: Throughput, candidates: Sequence[Candidate], references: list[str]) -> Iterable[list[str]]:
    for candidate in candidates:
        if candidate.name in seen.skipped:
            continue
        for answer in candidate.answers:
            places = [Place(candidate.name, answer, connections) for connections in CONNECTIONS]
            name = f"{candidate.name}: {candidate.does}" if candidate.does else candidate.name
            yield [name, answer, *_cells(seen.loads, places), *(_ratios(seen.loads, places, to) for to in references)]


def _cells(loads: Mapping[Place, Load], places: Sequence[Place]) -> list[str]:
    readings: list[Callable[[Load], str]] = [
        lambda load: f"{load.requests_per_s:,.0f}" + (f" ({load.failed} failed)" if load.failed else ""),
        lambda load: f"{load.p50_ms:.2f}",
        lambda load: f"{load.p99_ms:.2f}",
        lambda load: f"{load.cpu_us:,.0f}" if load.cpu_us else _NOTHING,
    ]
    return [" / ".join(read(loads[place]) for place in places) for read in readings]


def _ratios(loads: Mapping[Place, Load], places: Sequence[Place], reference: str) -> str:
    found = [loads.get(place._replace(candidate=reference, answer="JSON")) for place in places]
    ratios = [
        _significant(loads[place].requests_per_s / other.requests_per_s)
        for place, other in zip(places, found, strict=True)
        if other is not None and other.requests_per_s
    ]
    return " / ".join(ratios) or _NOTHING


def left_out(skipped: Mapping[str, str]) -> str:
    """Return a sentence on what could not be measured, or nothing."""
    if not skipped:
        return ""
    return "\nLeft out: " + "; ".join(f"{name} ({reason})" for name, reason in skipped.items()) + ".\n"


REFERENCES: Final = {EMPTY.name: "× empty application", NAIVE.name: "× naive Flask"}


def small_figures(
    start_up: Mapping[str, float], memory: Memory, inner: Mapping[str, Any], loaded: Mapping[str, Any]
) -> str:
    """Return the table of everything that isn't a load."""
    ours, bare = start_up["mockserver serve"], start_up["bare Flask on Werkzeug"]
    return table(
        ["what", "mockserver", "beside it", "ratio"],
        [
            [
                "start to first 200, demo fixtures",
                _ms(ours),
                f"{_ms(bare)}, bare Flask on Werkzeug",
                _times(ours, bare),
            ],
            _memory_row("after the first request", memory.at_first, memory.bare_flask),
            _memory_row(f"after {memory.requests:,} requests", memory.at_last, memory.bare_flask),
            _inner_row(
                "patch engine, profile's bytes to bytes", inner, "engine", "engine_stock", "`jsonpatch`, orjson"
            ),
            _inner_row(
                "signed PATCH, environment to JSON answer", inner, "door_json", "flask_stock", "tuned Flask view"
            ),
            _inner_row("signed PATCH, environment to XML answer", inner, "door_xml", "flask_stock", "tuned Flask view"),
            ["a new world", f"{inner['world_us']:.1f} µs, {inner['world_bytes']:,.0f} bytes", _NOTHING, _NOTHING],
            ["loading profiles from NDJSON", _loading(loaded), _loading_size(loaded), _NOTHING],
        ],
    )


def _memory_row(when: str, ours: int, bare: int) -> list[str]:
    if not bare:
        return [f"memory {when}", "can't be read on this system", _NOTHING, _NOTHING]
    return [
        f"memory {when}",
        f"{ours / 1e6:.1f} MB",
        f"{bare / 1e6:.1f} MB, bare Flask on Werkzeug",
        _times(ours, bare),
    ]


def _inner_row(what: str, inner: Mapping[str, float], ours: str, stock: str, beside: str) -> list[str]:
    return [what, f"{inner[ours]:.1f} µs", f"{inner[stock]:.1f} µs, {beside}", _times(inner[ours], inner[stock])]


def _loading(loaded: Mapping[str, Any]) -> str:
    return f"{loaded['count']:,} in {loaded['seconds']:.2f} s"


def _loading_size(loaded: Mapping[str, Any]) -> str:
    file, held = loaded["file_bytes"], loaded["held_bytes"]
    return f"file {file / 1e6:,.0f} MB, memory {held / 1e6:,.0f} MB: {held / loaded['count']:,.0f} bytes each"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _times(ours: float, other: float) -> str:
    return _significant(ours / other)


def _significant(ratio: float) -> str:
    """Return a ratio with two significant digits, as many as short runs deserve."""
    if ratio < 0.1:
        return f"{ratio:.2g}"
    return f"{ratio:.2f}" if ratio < 1 else f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"
