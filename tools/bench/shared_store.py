"""The PATCH with state in Redis, by one process and by two, beside state in memory."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from tools.bench import candidates, machine, server_process, throughput
from tools.bench.candidates import Candidate
from tools.bench.server_process import Unavailable
from tools.bench.throughput import Throughput

PATIENCE_S = 10.0


NAMES: Final = ("state in memory", "state in Redis, 1 worker", "state in Redis, 2 workers")


def measure(url: str, rounds: int, seconds: int) -> Throughput:
    """Measure the three on all cores, for two processes on one core would show nothing."""
    rows = [candidate(name, url) for name in NAMES]
    return throughput.measure(rows, rounds=rounds, seconds=seconds, cores=machine.CORES)


def candidate(name: str, url: str = "") -> Candidate:
    """Return one of the three; the number of its place in NAMES is its number of workers."""
    workers = NAMES.index(name)
    more = ("--store", url, "--workers", str(workers)) if workers else ()
    return Candidate(name, lambda port, _: candidates.serve(port, *more))


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis server that writes nothing to disk; yield its URL."""
    if shutil.which("redis-server") is None:
        raise Unavailable("the program redis-server is not installed")
    if importlib.util.find_spec("redis") is None:
        raise Unavailable("the Python package redis is not installed")
    port = server_process.free_port()
    with tempfile.TemporaryDirectory() as directory:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]
        process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise Unavailable("redis-server does not listen")
