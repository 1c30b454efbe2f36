"""`python -m tools.bench`: measure the mock beside plain Flask and write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from typing import Any, Final, NamedTuple

from tools.bench import machine, memory, page, shared_store, startup, throughput
from tools.bench.candidates import CANDIDATES, NAIVE
from tools.bench.chart import Bar, bar_chart
from tools.bench.memory import Memory
from tools.bench.throughput import Place, Throughput

PLOTTED_CONNECTIONS: Final = 8


class Plan(NamedTuple):
    """How long everything is measured."""

    rounds: int
    seconds: int
    starts: int
    requests: int
    profiles: int


PLANS: Final = {
    "quick": Plan(rounds=1, seconds=1, starts=1, requests=5_000, profiles=10_000),
    "short": Plan(rounds=3, seconds=2, starts=7, requests=100_000, profiles=100_000),
    "long": Plan(rounds=5, seconds=5, starts=15, requests=1_000_000, profiles=100_000),
}


class Figures(NamedTuple):
    """Everything that was measured."""

    machine: str
    start_up: dict[str, float]
    inner: dict[str, float]
    loaded: dict[str, Any]
    memory: Memory
    http: Throughput
    shared: Throughput


def main() -> int:
    """Measure, print, and write the page unless it was only a quick look."""
    name, write = _arguments()
    if shutil.which("wrk") is None:
        print("wrk is needed to make load: install it, e.g. apt-get install wrk or brew install wrk", file=sys.stderr)
        return 2
    figures = measure(PLANS[name])
    text = block(figures, f"make bench{'' if name == 'short' else f' ARGS=--{name}'}")
    print(text)
    if write:
        page.put("bench", text)
        (page.DOCS / "benchmarks.svg").write_text(plot(figures.http), encoding="utf-8")
    return 0


def _arguments() -> tuple[str, bool]:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_const", const="quick", dest="plan", help="a look; writes nothing")
    length.add_argument("--long", action="store_const", const="long", dest="plan", help="1,000,000 requests and more")
    options = parser.parse_args()
    return options.plan or "short", options.plan != "quick"


def measure(plan: Plan) -> Figures:
    """Measure everything, one thing at a time."""
    other_work = machine.OtherWork()
    machine.say("start-up")
    start_up = startup.measure(plan.starts)
    machine.say("in process")
    inner = _in_own_process("tools.bench.in_process", plan.rounds)
    loaded = _in_own_process("tools.bench.loading", plan.profiles)
    machine.say("memory")
    held = memory.measure(plan.requests, plan.seconds)
    machine.say("signed PATCH over HTTP")
    http = throughput.measure(CANDIDATES, rounds=plan.rounds, seconds=plan.seconds)
    machine.say("state in Redis")
    shared = shared_store.measure(plan.rounds, plan.seconds)
    return Figures(machine.describe(other_work), start_up, inner, loaded, held, http, shared)


def _in_own_process(module: str, argument: int) -> Any:
    command = [*machine.pinned(machine.SERVER_CORE), sys.executable, "-m", module, str(argument)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def block(figures: Figures, command: str) -> str:
    """Return the page's generated part."""
    shared = [shared_store.candidate(name) for name in shared_store.NAMES]
    return "\n".join(
        [
            f"`{command}`: {figures.machine}",
            "",
            "![Requests a second](benchmarks.svg)",
            "",
            page.throughput_table(figures.http, CANDIDATES, page.REFERENCES),
            page.left_out(figures.http.skipped),
            page.small_figures(figures.start_up, figures.memory, figures.inner, figures.loaded),
            "",
            "State in Redis, server, workers and Redis on all cores together:",
            "",
            page.throughput_table(figures.shared, shared, {shared_store.NAMES[0]: "× state in memory"}),
            page.left_out(figures.shared.skipped),
        ]
    ).rstrip("\n")


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


if __name__ == "__main__":
    sys.exit(main())
