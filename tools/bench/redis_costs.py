"""What a PATCH costs with state in Redis: commands, and processor time of the server and of Redis."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.bench import candidates, load, loading, machine, page, server_process, signed_patch
from tools.bench.server_process import ServerProcess

CONNECTIONS: Final = 8
WORKERS: Final = (1, 2)
PROFILES: Final = (1, 64)
# Asked by the bench itself, or once by a connection.
_NOT_OF_REQUESTS: Final = {"info", "config|resetstat", "client|setinfo", "hello", "auth", "select"}


class Cost(NamedTuple):
    """One run; `commands` are counts for one request, by name."""

    workers: int
    profiles: int
    requests_per_s: float
    commands: dict[str, float]
    server_us: float
    redis_us: float


def measure(url: str, rounds: int, seconds: int) -> list[Cost]:
    """Measure each number of workers over each number of profiles; the best of some rounds by processor time."""
    with tempfile.TemporaryDirectory() as name:
        loading.write_fixtures(Path(name), max(PROFILES))
        rows = [(workers, profiles) for profiles, workers in itertools.product(PROFILES, WORKERS)]
        seen = [_measured(url, Path(name), row, seconds) for _ in range(rounds) for row in rows]
    best = []
    for row in rows:
        of_row = [cost for cost in seen if (cost.workers, cost.profiles) == row]
        best.append(min(of_row, key=lambda cost: cost.server_us + cost.redis_us))
    return best


def _measured(url: str, fixtures: Path, row: tuple[int, int], seconds: int) -> Cost:
    import redis

    workers, profiles = row
    port, asked = server_process.free_port(), redis.Redis.from_url(url)
    more = ("--fixtures", str(fixtures), "--store", url, "--workers", str(workers))
    asked.flushdb()  # what others left there is of other fixtures
    with ServerProcess(candidates.serve(port, *more), port, cores=machine.CORES) as server:
        asked.config_resetstat()
        before, redis_before = server.cpu_s(), _cpu_s(asked)
        seen = load.run_wrk(port, CONNECTIONS, seconds, paths=[signed_patch.path(number) for number in range(profiles)])
        taken = (server.cpu_s() - before, _cpu_s(asked) - redis_before)
        stats: Any = asked.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): entry["calls"] for name, entry in stats.items()}
    commands = {name: count / seen.requests for name, count in calls.items() if name not in _NOT_OF_REQUESTS}
    machine.say(
        f"  {workers} workers, {profiles} profiles: {seen.requests_per_s:,.0f} requests/s, {seen.failed} failed"
    )
    server_us, redis_us = (each / seen.requests * 1e6 for each in taken)
    return Cost(workers, profiles, seen.requests_per_s, commands, server_us, redis_us)


def _cpu_s(asked: Any) -> float:
    used = asked.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def table(costs: list[Cost]) -> str:
    """Return the costs as Markdown."""
    head = ["workers", "profiles", "requests/s", "scripts a request", "commands in them"]
    head += ["server CPU µs", "Redis CPU µs", "both"]
    return page.table(head, [_row(cost) for cost in costs])


def _row(cost: Cost) -> list[str]:
    scripts = cost.commands.get("evalsha", 0) + cost.commands.get("eval", 0)
    counts = [f"{scripts:.2f}", f"{sum(cost.commands.values()) - scripts:.1f}"]
    micros = [f"{each:.0f}" for each in (cost.server_us, cost.redis_us, cost.server_us + cost.redis_us)]
    return [str(cost.workers), str(cost.profiles), f"{cost.requests_per_s:,.0f}", *counts, *micros]
