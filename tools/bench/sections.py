"""The sections of the page: each is measured by itself and says when, on which machine, and how busy that was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tools.bench import machine, memory, page, parts, peers, redis_costs, shared_store, startup, throughput
from tools.bench.candidates import CANDIDATES, NAIVE
from tools.bench.charts.bars import Bar, bar_chart
from tools.bench.charts.curves import curve_chart
from tools.bench.throughput import Place, Throughput


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
    "short": Plan(3, 2, 7, 100_000, 100_000, 10, _MOST),
    "long": Plan(5, 5, 15, 1_000_000, 100_000, 10, _MOST),
}
PLOTTED_CONNECTIONS: Final = 8
# By chart: its title, and what stands at its axes.
CHARTS: Final = {
    "operations": ("Operations in one PATCH", "operations", "µs a PATCH"),
    "size": ("Size of the profile", "bytes", "µs a PATCH"),
    "profiles": ("Number of profiles, a random one patched", "profiles", "µs a PATCH"),
    "start": ("Number of profiles, loaded or opened", "profiles", "ms to start"),
    "journal": ("Entries journalled; it keeps 2,000", "entries", "µs a PATCH"),
}


class Section(NamedTuple):
    """What was measured: Markdown, and pictures by name."""

    text: str
    pictures: dict[str, str]


def _http(plan: Plan) -> Section:
    seen = throughput.measure(CANDIDATES, rounds=plan.rounds, seconds=plan.seconds)
    table = page.throughput_table(seen, CANDIDATES, page.REFERENCES)
    shown = _picture("throughput", "Requests a second")
    return Section("\n".join([shown, "", table, page.left_out(seen.skipped)]), {"throughput": plot(seen)})


def _inside(plan: Plan) -> Section:
    start_up = startup.measure(plan.starts)
    inner = _in_own_process("in_process", plan.rounds)
    loaded = _in_own_process("loading", plan.profiles)
    held = memory.measure(plan.requests, plan.seconds)
    return Section(page.small_figures(start_up, held, inner, loaded), {})


def _parts(plan: Plan) -> Section:
    return Section(parts.table(_in_own_process("parts", plan.rounds)), {})


def _growth(plan: Plan) -> Section:
    pictures, shown = {}, []
    for what, most in plan.most.items():
        machine.say(f"  {what}, up to {most:,}")
        for chart, curves in _in_own_process("growth", what, plan.rounds, most).items():
            pictures[chart] = curve_chart(*CHARTS[chart], curves)
            shown.append(_picture(chart, CHARTS[chart][0]))
    return Section("\n".join(shown), pictures)


def _redis(plan: Plan) -> Section:
    rows = [shared_store.candidate(name) for name in shared_store.NAMES]
    with shared_store.redis_server() as url:
        seen = shared_store.measure(url, plan.rounds, plan.seconds)
        costs = redis_costs.measure(url, plan.rounds, plan.seconds)
    table = page.throughput_table(seen, rows, {shared_store.NAMES[0]: "× state in memory"})
    return Section("\n".join([table, page.left_out(seen.skipped), redis_costs.table(costs)]), {})


def _peers(plan: Plan) -> Section:
    peers.install()
    return Section(peers.measure(plan.rounds, plan.seconds, plan.warm_up_s), {})


SECTIONS: Final[dict[str, Callable[[Plan], Section]]] = {
    "http": _http,
    "inside": _inside,
    "parts": _parts,
    "growth": _growth,
    "redis": _redis,
    "peers": _peers,
}


def measured(name: str, plan: Plan) -> Section:
    """Measure one section; it begins with when and where. Raises Unavailable for what can't be measured here."""
    machine.say(name)
    other_work = machine.OtherWork()
    found = SECTIONS[name](plan)
    return found._replace(text=f"Measured {machine.describe(other_work)}\n\n{found.text}".rstrip("\n"))


def _in_own_process(module: str, *arguments: object) -> Any:
    words = [sys.executable, "-m", f"tools.bench.{module}", *map(str, arguments)]
    done = subprocess.run([*machine.pinned(machine.SERVER_CORE), *words], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _picture(name: str, title: str) -> str:
    return f"![{title}](benchmarks/{name}.svg)"


def plot(http: Throughput) -> str:
    """Return the chart of all candidates at one number of connections."""
    title = f"Signed PATCH, requests a second at {PLOTTED_CONNECTIONS} connections (and × naive Flask)"
    naive = http.loads.get(Place(NAIVE.name, "JSON", PLOTTED_CONNECTIONS))
    bars = []
    for (name, answer, connections), seen in http.loads.items():
        if connections == PLOTTED_CONNECTIONS:
            ratio = f" ({seen.requests_per_s / naive.requests_per_s:.1f}×)" if naive else ""
            note = f"{seen.requests_per_s:,.0f}{ratio}"
            bars.append(Bar(f"{name}, {answer}", seen.requests_per_s, note, name.startswith("mockserver")))
    return bar_chart(title, sorted(bars, key=lambda bar: -bar.value))
