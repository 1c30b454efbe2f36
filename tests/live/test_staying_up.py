"""The command as a process of its own: what must not stop it, and how it ends."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until

TIMEOUT_S = 60
GET = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Serving:
    """A `mockserver serve` whose output nobody reads until it has ended."""

    def __init__(self, folder: Path, *arguments: str, wrapper: tuple[str, ...] = ()) -> None:
        self.ready = folder / "ready.json"
        command = [*wrapper, sys.executable, "-m", "mockserver", "serve", "--port", "0", "--auth", "off"]
        command += ["--ready-file", str(self.ready), *arguments]
        self.process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: self.ready.exists() or self.process.poll() is not None)
        assert self.ready.exists(), self.errors()
        self.port = int(json.loads(self.ready.read_bytes())["url"].rpartition(":")[2])

    def exchange(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, wrapper: tuple[str, ...] = ()) -> Serving:
            server = Serving(tmp_path, *arguments, wrapper=wrapper)
            stack.enter_context(server.process)
            stack.callback(server.process.kill)
            return server

        yield start


def test_a_log_that_nobody_reads(serving: Callable[..., Serving]) -> None:
    """Thousands of lines into a full pipe: all are answered, what is lost is counted, and the end comes in time."""
    server = serving("--log", "all")
    patch = (
        b"PATCH /ACME01/Profile/AlternateIdType/CRM/AlternateId/" + b"a" * 300 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    for _ in range(30):
        assert server.exchange(patch * 100).count(b"HTTP/1.1 400") == 100
    metrics = server.exchange(GET.replace(b"/nothing", b"/metrics")).decode()
    assert float(re.findall(r"^mockserver_dropped_log_lines_total (\S+)", metrics, re.MULTILINE)[0]) > 0
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(TIMEOUT_S) == 0
    assert not server.ready.exists()


def test_more_idle_connections_than_descriptors(serving: Callable[..., Serving]) -> None:
    """A new client is served at once; that the server is full is said once, and nothing else."""
    server = serving(wrapper=("sh", "-c", 'ulimit -n 100; exec "$@"', "sh"))
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S))
        assert server.exchange(GET).startswith(b"HTTP/1.1 404")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(TIMEOUT_S) == 0
    said = [line for line in server.errors().splitlines() if "/nothing" not in line]
    assert [line.partition(":")[0] for line in said] == ["All 36 connections are taken"]


def test_a_closed_standard_error(serving: Callable[..., Serving]) -> None:
    """No line of the log ends up on the connection that took its number."""
    server = serving("--log", "all", wrapper=("sh", "-c", 'exec "$@" 2>&-', "sh"))
    assert [server.exchange(GET)[:12] for _ in range(5)] == [b"HTTP/1.1 404"] * 5
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(TIMEOUT_S) == 0


def test_log_off_is_silent(serving: Callable[..., Serving]) -> None:
    server = serving("--log", "off")
    for data in (GET, b"\0\0\0", b"GET / HTTP/1.1\r\n\r\n", GET.replace(b"GET", b"FOO"), b"POST"):
        server.exchange(data)
    server.process.send_signal(signal.SIGTERM)
    assert (server.process.wait(TIMEOUT_S), server.errors()) == (0, "")


def test_nohup_is_respected(serving: Callable[..., Serving]) -> None:
    """A hang-up that is ignored from the start stays ignored."""
    server = serving(wrapper=("nohup",))
    server.process.send_signal(signal.SIGHUP)
    assert server.exchange(GET).startswith(b"HTTP/1.1 404")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(TIMEOUT_S) == 0


def test_signals_that_come_in_a_row(serving: Callable[..., Serving]) -> None:
    """However many there are, the ready file goes."""
    server = serving()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
        server.process.send_signal(number)
    server.process.wait(TIMEOUT_S)
    assert not server.ready.exists()
    assert "Traceback" not in server.errors()
