"""A server under measurement: started on its core, asked until it answers, stopped with all its children."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from tools.bench import machine, signed_patch

PATIENCE_S = 30.0
PROC = Path("/proc")


class Unavailable(Exception):
    """Something can't be measured here; the text says what is missing."""


class Reply(NamedTuple):
    """One answer, read whole."""

    status: int
    body: bytes


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def send_patch(port: int, answer: str = "JSON", number: int = 0, timeout_s: float = 5) -> Reply:
    """Send one signed PATCH."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request("PATCH", signed_patch.PATH, signed_patch.BODIES[number], signed_patch.headers(answer))
        response = connection.getresponse()
        return Reply(response.status, response.read())


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory as Linux tells it, 0 elsewhere."""
    path = PROC / str(pid) / "status"
    rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((int(row.split()[1]) * 1024 for row in rows if row.startswith("VmRSS")), 0)


def processor_s(pid: int) -> float:
    """Return the processor time that a process has taken, as Linux tells it."""
    fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


class ServerProcess:
    """A command that serves on a port; as a context it runs until the block ends.

    Entering returns after the first 200 to a PATCH, `start_up_s` after the start. Raises Unavailable if there is none.
    """

    def __init__(self, command: Sequence[str], port: int, *, cores: list[int] = machine.SERVER_CORE) -> None:
        self.command = [*machine.pinned(cores), *command]
        self.port = port
        self.start_up_s = 0.0
        self._log = tempfile.TemporaryFile()  # noqa: SIM115

    def __enter__(self) -> ServerProcess:
        started = time.perf_counter()
        root = Path(__file__).parent.parent.parent
        self._process = subprocess.Popen(
            self.command, cwd=root, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True
        )
        try:
            self._wait_for_answer(started + PATIENCE_S)
        except BaseException:
            self._stop()
            raise
        self.start_up_s = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def rss_bytes(self) -> int:
        """Return the resident memory of the process and its children; what they share counts for each."""
        return sum(map(resident_bytes, self._session()))

    def cpu_s(self) -> float:
        """Return the processor time that the process and its children have taken."""
        return sum(map(processor_s, self._session()))

    def _session(self) -> list[int]:
        # Not its group: the mock's workers have groups of their own.
        numbers = [int(path.name) for path in PROC.glob("[0-9]*")]
        return [pid for pid in numbers if _session_of(pid) == self._process.pid]

    def _wait_for_answer(self, deadline: float) -> None:
        last = "no answer"
        while time.perf_counter() < deadline:
            if self._process.poll() is not None:
                raise Unavailable(f"it ended by itself: {self._last_words()}")
            try:
                reply = send_patch(self.port)
            except (OSError, http.client.HTTPException):
                time.sleep(0.001)
                continue
            if reply.status == 200:
                return
            last = f"status {reply.status}: {reply.body[:200].decode(errors='replace')}"
            time.sleep(0.02)
        raise Unavailable(f"no 200 within {PATIENCE_S:.0f} s ({last})")

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1][:200] if lines else f"exit code {self._process.returncode}"

    def _stop(self) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        # Whatever is left: the process itself, or children that it did not stop.
        for pid in self._session():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait(10)
        self._log.close()
