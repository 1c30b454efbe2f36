"""Fixtures that change under a running server: never an error or half of an edit, at last what a fresh start has."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mockserver.commands.running import make_server
from mockserver.commands.serve import follow_files
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.service.reload import Reload
from mockserver.settings import Settings
from tests.fixtures.directories import lines, minimal, write
from tests.waiting import wait_until

PATIENCE_S = 20
EDITS = 40
PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-{}"


def ask(server: Server, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def settings(folder: Path) -> Settings:
    return Settings(fixtures=folder, auth="off", log="off", port=0, watch=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, {"profiles/ACME01.ndjson": edition(0)})


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    mock = assemble(settings(folder))
    reload = Reload(mock)
    with make_server(mock, lambda running: follow_files(mock, running, reload), reload=reload) as running:
        yield running
    reload.stop()


def edition(number: int) -> bytes:
    """Return a file in which all profiles carry one number, and whose length tells it as well."""
    return lines(*(minimal(n, CustomerType=str(number)) for n in range(1, 3 + number % 4)))


def edit(folder: Path, draws: random.Random, number: int) -> None:
    kind = draws.choice(["whole", "whole", "broken", "single", "removed", "accounts"])
    if kind == "whole":
        write(folder, {"profiles/ACME01.ndjson": edition(number), "clients.toml": GOOD})
    elif kind == "broken":
        write(folder, {draws.choice(["profiles/ACME01.ndjson", "profiles/ACME01/a.json"]): "{" * number})
    elif kind == "single":
        write(folder, {"profiles/ACME01/a.json": minimal(99, Emails=[]), "clients.toml": GOOD})
    elif kind == "removed":
        (folder / "profiles/ACME01/a.json").unlink(missing_ok=True)
    else:
        write(folder, {"clients.toml": "[clients.OTHER]\n"})


GOOD = "[clients.ACME01]\n"


def load(server: Server, done: Event) -> int:
    """Send until it is over, at least once; return how many requests it was."""
    sent = 0
    while not (sent and done.is_set()):
        status, answer = ask(server, "PATCH", PROFILE.format(1 + sent % 4), "[]")
        assert status in (200, 404), answer
        status, listed = ask(server, "GET", "/__admin/profiles")
        numbers = {row["profileId"] for row in listed["profiles"]} - {99}
        assert status == 200
        assert numbers == set(range(1, len(numbers) + 1))
        sent += 2
    return sent


def shown(server: Server) -> list[Any]:
    rows = ask(server, "GET", "/__admin/profiles")[1]["profiles"]
    return [ask(server, "GET", f"/__admin/profiles/ACME01/CRM/C-{row['profileId']}")[1] for row in rows]


def test_random_edits_under_load(server: Server, folder: Path) -> None:
    """No edit is followed by an error or seen in part; the last one is seen without being asked for."""
    draws, done = random.Random(7), Event()
    with ThreadPoolExecutor() as pool:
        loads = [pool.submit(load, server, done) for _ in range(2)]
        try:
            for number in range(EDITS):
                edit(folder, draws, number)
                if draws.random() < 0.5:
                    status, _ = ask(server, "POST", "/__admin/reload")
                    assert status in (200, 422)
        finally:
            done.set()
        assert min(request.result() for request in loads) > 0
    write(folder, {"profiles/ACME01.ndjson": edition(EDITS + 1), "profiles/ACME01/a.json": minimal(99)})
    fresh = make_server(assemble(settings(folder)))
    with fresh:
        wait_until(lambda: shown(server) == shown(fresh))


def test_a_bug_in_reading_is_told_and_the_next_edit_is_followed(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("mockserver.service.reload.load_fixtures", None)
        write(folder, {"profiles/ACME01.ndjson": edition(1)})
        wait_until(lambda: "internal error" in caplog.text)
    write(folder, {"profiles/ACME01.ndjson": edition(2)})
    wait_until(lambda: shown(server)[0]["CustomerType"] == "2")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no such signal")
def test_a_hang_up_without_a_terminal_reads_again(folder: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mockserver",
        "serve",
        "--port",
        "0",
        "--json",
        "--no-watch",
        "--fixtures",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            write(folder, {"profiles/ACME01.ndjson": edition(1)})
            process.send_signal(signal.SIGHUP)
            assert process.stderr.readline() == b"read again: profiles 1 added, 2 changed\n"
        finally:
            process.kill()
