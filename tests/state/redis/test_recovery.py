"""A real Redis is killed, stopped and started under load; and several workers are, on one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from redis.connection import AbstractConnection

from mockserver.commands.running import make_server
from mockserver.service.assembly import Mock
from mockserver.state.clock import stopwatch
from mockserver.state.redis import connection
from tests.state.redis_servers import RealServer
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RealServer]:
    """A Redis that has written each change to disk before it answers."""
    server = RealServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    server.start()
    yield server
    server.kill()


class Caller:
    """A client that connects anew for each call, so that it meets each worker."""

    def __init__(self, url: str, world: str = "default") -> None:
        self._host = url.removeprefix("http://")
        self._world = world

    def __call__(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        body = None if document is None else json.dumps(document)
        headers = {"Content-Type": "application/json", "X-Mock-Namespace": self._world}
        with closing(http.client.HTTPConnection(self._host, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def patch(self, *operations: tuple[str, str, Any]) -> tuple[int, Any]:
        return self("PATCH", PROFILE, [{"op": op, "path": path, "value": value} for op, path, value in operations])

    def kind(self) -> str:
        """Return the profile's CustomerType; an empty patch reads."""
        status, profile = self("PATCH", PROFILE, [])
        assert status == 200
        return str(profile["CustomerType"])

    def count_up(self) -> int:
        """Count the profile up by test and replace until it worked; return how often that took."""
        for attempt in range(1, 10_000):
            seen = self.kind()
            counted = str(int(seen) + 1)
            if self.patch(("test", "/CustomerType", seen), ("replace", "/CustomerType", counted))[0] == 200:
                return attempt
        raise AssertionError("no progress")


def test_a_redis_killed_under_load_loses_no_acknowledged_update(
    make_mock: Callable[..., Mock], redis_server: RealServer
) -> None:
    """Clients see 200 or 503 and nothing else; what was answered with 200 is there after the restart."""
    statuses: Counter[int] = Counter()
    acknowledged: dict[int, list[str]] = {index: [] for index in range(4)}
    attempted: dict[int, list[str]] = {index: [] for index in range(4)}
    over = threading.Event()

    def client(index: int, url: str) -> None:
        call = Caller(url, f"world-{index}")
        for number in range(100_000):
            if over.is_set():
                return
            attempted[index].append(f"{number}")
            status, _ = call.patch(("replace", "/CustomerType", f"{number}"))
            statuses[status] += 1
            if status == 200:
                acknowledged[index].append(f"{number}")

    def all_are_past(marks: dict[int, int]) -> Callable[[], bool]:
        return lambda: all(len(acknowledged[index]) > mark + 20 for index, mark in marks.items())

    with make_server(make_mock(store=redis_server.url, port=0)) as server, ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, index, server.url) for index in range(4)]
        for _ in range(2):
            wait_until(all_are_past({index: len(done) for index, done in acknowledged.items()}))
            redis_server.kill()
            before = statuses[503]
            wait_until(lambda before=before: statuses[503] > before + 20)  # type: ignore[misc]
            redis_server.start()
        wait_until(all_are_past({index: len(done) for index, done in acknowledged.items()}))
        redis_server.kill()
        over.set()
        for running in clients:
            running.result()
        redis_server.start()
        wait_until(lambda: Caller(server.url)("GET", "/ready")[0] == 200)
        for index, done in acknowledged.items():
            found = Caller(server.url, f"world-{index}").kind()
            # The last ones, whose answer was lost with Redis, may be stored or not.
            assert found in [done[-1], *attempted[index][attempted[index].index(done[-1]) :]]
    assert set(statuses) == {200, 503}


def test_a_redis_that_hangs_holds_nobody_up_for_long(
    make_mock: Callable[..., Mock], redis_server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request waits for about a second, the next are refused at once; it recovers by itself."""
    with make_server(make_mock(store=redis_server.url, port=0)) as server:
        call = Caller(server.url)
        assert call.patch()[0] == 200
        redis_server.pause()
        started = time.monotonic()
        assert call.patch() == (503, {"Message": "The service is unavailable."})
        assert 0.9 < time.monotonic() - started < 20
        with monkeypatch.context() as patched:
            # So that the second in which nobody tries again does not end meanwhile; whoever tried would fail otherwise.
            frozen = stopwatch()
            patched.setattr(connection, "stopwatch", lambda: frozen)
            for attempt in ("connect", "send_packed_command", "read_response"):
                patched.setattr(AbstractConnection, attempt, None)
            assert [call.patch() for _ in range(5)] == [(503, {"Message": "The service is unavailable."})] * 5
            assert call("GET", "/__admin/health")[0] == 200
        redis_server.resume()
        wait_until(lambda: call("GET", "/ready")[0] == 200)
        assert call.patch()[0] == 200


# -- several workers -------------------------------------------------------------------------------------------------


class Workers:
    """`mockserver serve --workers 2` as a process of its own."""

    def __init__(self, fixtures: Path, redis_server: RealServer, directory: Path, *options: str) -> None:
        self.ready_file = directory / "ready.json"
        arguments = ["--store", redis_server.url, "--workers", "2", "--port", "0", "--auth", "off", "--log", "refusals"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mockserver", "serve", "--fixtures", str(fixtures), *arguments,
             "--ready-file", str(self.ready_file), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(self.ready_file.exists)
        facts = json.loads(self.ready_file.read_text(encoding="utf-8"))
        assert facts["pid"] == self.process.pid
        self.url: str = facts["url"]

    def children(self) -> list[int]:
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]

    def stop(self) -> tuple[int, str]:
        """Ask it to end; return exit code and log."""
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=60)
        return self.process.returncode, log


@pytest.fixture
def workers(fixture_dir: Path, redis_server: RealServer, tmp_path: Path) -> Iterator[Workers]:
    running = Workers(fixture_dir, redis_server, tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child whose parent was killed waits for whoever adopts it.
    return "Z" not in subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout  # noqa: PLW1510


def test_64_clients_of_two_workers_lose_no_update(workers: Workers) -> None:
    """Each counts one profile up by test and replace; every success is one step, every failed test none."""
    Caller(workers.url).patch(("replace", "/CustomerType", "0"))
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: Caller(workers.url).count_up(), range(64)))
    assert Caller(workers.url).kind() == "64"


def test_two_workers_serve_each_step_of_a_sequence_exactly_once(workers: Workers) -> None:
    """Whichever worker a request reaches."""
    steps = [*range(400, 440)]
    assert Caller(workers.url)("POST", "/__admin/faults", {"schedule": {"sequence": steps}})[0] == 201
    with ThreadPoolExecutor(8) as pool:
        served = pool.map(lambda _: Caller(workers.url).patch()[0], range(60))
    assert Counter(served) == Counter({200: 20, **dict.fromkeys(steps, 1)})


def test_a_worker_that_dies_is_replaced_and_nobody_is_refused(workers: Workers) -> None:
    """New connections wait for the next one; the log says what happened."""
    before = workers.children()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: not is_alive(before[0]))  # until then it could still take a connection, and break it off
    assert {Caller(workers.url).patch()[0] for _ in range(20)} == {200}
    wait_until(lambda: len(set(workers.children()) - {before[0]}) == 2)
    code, log = workers.stop()
    assert code == 0
    assert "(SIGKILL); it is replaced in 0.1 s" in log
    assert not workers.ready_file.exists()


def test_a_stop_lets_answers_under_way_finish(workers: Workers) -> None:
    """The parent hands the signal on and waits for its workers."""
    children = workers.children()
    Caller(workers.url)("POST", "/__admin/faults", {"effect": {"delay_ms": 1500}})
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(Caller(workers.url).patch) for _ in range(4)]
        wait_until(lambda: len(Caller(workers.url)("GET", "/__admin/requests")[1]["requests"]) == 4)
        code, _ = workers.stop()
        assert [answer.result()[0] for answer in slow] == [200] * 4
    assert code == 0
    assert [pid for pid in children if is_alive(pid)] == []


def test_workers_end_when_their_parent_is_killed(workers: Workers) -> None:
    """Nobody is left behind on the port."""
    children = workers.children()
    workers.process.kill()
    workers.process.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in children))


def test_an_address_in_use_is_refused_also_for_workers(
    workers: Workers, fixture_dir: Path, redis_server: RealServer
) -> None:
    """Sockets that share an address must not share another server's."""
    port = workers.url.rpartition(":")[2]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port))) == 0
    command = [sys.executable, "-m", "mockserver", "serve", "--fixtures", str(fixture_dir), "--store", redis_server.url]
    second = subprocess.run([*command, "--workers", "2", "--port", port], capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"127.0.0.1:{port} is in use" in second.stderr


NEVER_LISTENS = """
import logging, socket, sys
from mockserver.commands.workers import Workers, listening_sockets

def work(sock, on_listening):
    raise RuntimeError("this worker can't start")

logging.basicConfig(level=logging.INFO, format="%(message)s")
Workers.first_pause_s = 0.001
sys.exit(Workers(listening_sockets("127.0.0.1", 0, 2), work, before_fork=lambda: None).run(lambda: print("ready")))
"""


def test_workers_that_never_listen_end_the_server() -> None:
    """They are not replaced for ever; each failure is in the log, and the server never says that it is ready."""
    run = subprocess.run([sys.executable, "-c", NEVER_LISTENS], capture_output=True, text=True, check=False, timeout=60)
    assert (run.returncode, run.stdout) == (1, "")
    assert "never came to listen: giving up" in run.stderr
    assert "RuntimeError: this worker can't start" in run.stderr
