"""The machine that figures are measured on, and which of its cores serves."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE: Final = CORES[:1]
CLIENT_CORE: Final = CORES[-1:]
BUSY_CORES: Final = 0.15  # other work that takes more than this spoils the figures
_STAT: Final = Path("/proc/stat")


def pinned(cores: list[int]) -> list[str]:
    """Return the start of a command that keeps to these cores; nothing where that can't be done."""
    if len(CORES) < 2 or not cores or not shutil.which("taskset"):
        return []
    return ["taskset", "--cpu-list", ",".join(map(str, cores))]


class OtherWork:
    """Watches, from its making on, how much of the machine others take."""

    def __init__(self) -> None:
        self._load = os.getloadavg()[0]
        self._started = time.monotonic()
        self._before = _others_s()

    def cores(self) -> float:
        """Return how many cores they took on average; where that can't be read, the load average at the start."""
        if not _STAT.exists():
            return self._load
        return (_others_s() - self._before) / (time.monotonic() - self._started)


def _others_s() -> float:
    """Return the processor seconds of everybody else since the machine started; children count once they have ended."""
    if not _STAT.exists():
        return 0.0
    # Interrupts are left out: most are the measured traffic's own.
    user, nice, system, _, _, _, _, stolen = map(int, _STAT.read_text("utf-8").splitlines()[0].split()[1:9])
    ticks = user + nice + system + stolen
    return ticks / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


def describe(other_work: OtherWork) -> str:
    """Return when and where, and how much other work the machine had, with a warning if it was much."""
    cores = f"{os.cpu_count()} cores ({cpu_model()})"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    pins = "server and client on one core each" if pinned(SERVER_CORE) else "server and client not pinned"
    line = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {cores}, {python}, {platform.system()}; {pins}."
    taken = other_work.cores()
    if taken < BUSY_CORES:
        return f"{line} Other work took {max(taken, 0):.2f} cores."
    return f"{line} **The machine was busy** (other work took {taken:.1f} cores): read the ratios, not the figures."


def cpu_model() -> str:
    """Return the processor's name as the system tells it."""
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((row.partition(": ")[2] for row in rows if row.startswith("model name")), platform.machine())


def say(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)
