"""`mockserver log` against a running mock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from mockserver.cli import main
from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import Mock

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.fixture
def server(make_mock: Callable[..., Mock]) -> Iterator[Server]:
    with make_server(make_mock(auth="off", port=0)) as server:
        yield server


def patch(server: Server, world: str = "default") -> None:
    headers = {"Content-Type": "application/json", "X-Mock-Namespace": world}
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=10)) as http:
        http.request("PATCH", PROFILE, b"[]", headers)
        assert http.getresponse().read()


def test_the_newest_requests_are_listed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Of every world or one, for people or programs."""
    patch(server)
    patch(server, "blue")
    assert main(["log", "--url", server.url]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("default - PATCH ACME01/CRM/C-000417 -> 200 patch-empty")
    assert " blue " in second
    assert main(["log", "--url", server.url, "--world", "blue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["world"] == "blue"


def test_what_comes_is_followed(server: Server) -> None:
    """Line by line, as it is answered."""
    patch(server)
    command = [sys.executable, "-m", "mockserver", "log", "--follow", "--last", "1", "--url", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        try:
            assert following.stdout is not None
            assert " default " in following.stdout.readline()
            patch(server, "blue")
            assert " blue " in following.stdout.readline()
        finally:
            following.terminate()


@pytest.mark.parametrize("words", [["--last", "-1"], ["--url", "http://127.0.0.1:1"]], ids=["number", "nobody there"])
def test_what_cannot_be_read_is_refused(words: list[str]) -> None:
    """With the exit code of wrong usage."""
    assert main(["log", *words]) == 2


def test_without_a_server_the_hint_is_about_this_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Not about a flag that it lacks."""
    assert main(["log", "--url", "http://127.0.0.1:1"]) == 2
    told = capsys.readouterr().err
    assert "mockserver serve" in told
    assert "--mypreferences" not in told
