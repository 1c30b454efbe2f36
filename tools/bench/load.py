"""Load from wrk: closed loop, so many connections that each send the next request when the last is answered."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from tools.bench import machine, signed_patch


class Load(NamedTuple):
    """One run, or the best of several. Latencies are in milliseconds and hold at this very load.

    `cpu_us` is the processor time that the server took for a request, in microseconds; 0 where it can't be read.
    """

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    requests: int
    cpu_us: float = 0


def run_wrk(
    port: int,
    connections: int,
    seconds: int,
    answer: str = "JSON",
    paths: Sequence[str] = (signed_patch.PATH,),
) -> Load:
    """Send signed PATCHes to the paths for so many seconds, from the client's core."""
    url = f"http://127.0.0.1:{port}"
    options = ["--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "5s"]
    command = [*machine.pinned(machine.CLIENT_CORE), "wrk", *options, "--script", str(signed_patch.LUA_SCRIPT), url]
    done = subprocess.run(
        command, env=_environment(answer, paths), capture_output=True, text=True, timeout=seconds + 20, check=False
    )
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return _read(done.stdout.splitlines()[-1])


def best(loads: list[Load]) -> Load:
    """Return the run with the most answers a second; failures of the others count against it."""
    fastest = max(loads, key=lambda load: load.requests_per_s)
    return fastest._replace(failed=sum(load.failed for load in loads))


def _environment(answer: str, paths: Sequence[str]) -> dict[str, str]:
    return os.environ | {
        "BENCH_AUTHORIZATION": signed_patch.authorization(),
        "BENCH_CONTENT_TYPE": signed_patch.CONTENT_TYPE,
        "BENCH_ACCEPT": signed_patch.ACCEPT[answer],
        "BENCH_BODIES": b"\n".join(signed_patch.BODIES).decode(),
        "BENCH_PATHS": "\n".join(paths),
    }


def _read(line: str) -> Load:
    seen = json.loads(line)
    per_s = (seen["requests"] - seen["failed"]) / (seen["duration_us"] / 1e6)
    return Load(per_s, seen["p50_us"] / 1000, seen["p99_us"] / 1000, seen["failed"], seen["requests"])
