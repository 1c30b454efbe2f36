"""The machine that figures are measured on, and which of its cores serves."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

CORES: Final = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE: Final = CORES[:1]
CLIENT_CORE: Final = CORES[-1:]
BUSY: Final = 0.7  # a load average of one minute above this means that somebody else works here


def pinned(cores: list[int]) -> list[str]:
    """Return the start of a command that keeps to these cores; nothing where that can't be done."""
    if len(CORES) < 2 or not cores or not shutil.which("taskset"):
        return []
    return ["taskset", "--cpu-list", ",".join(map(str, cores))]


def describe() -> str:
    """Return one sentence on when and where, with a warning if the machine had other work."""
    load = os.getloadavg()[0]
    cores = f"{os.cpu_count()} cores ({cpu_model()})"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    pins = "server and client on one core each" if pinned(SERVER_CORE) else "server and client not pinned"
    line = f"{datetime.now(UTC):%Y-%m-%d}, {cores}, {python}, {platform.system()}; {pins}."
    if load < BUSY:
        return line
    return f"{line} **The machine was busy** (load average {load:.1f} at the start): read the ratios, not the figures."


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
