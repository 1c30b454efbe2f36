"""`mockserver serve` and `mockserver doctor`: what is in the way, and how to go on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Literal

import pytest

from mockserver.commands.serve import _banner
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.service.operations import ROUTES, listed
from mockserver.settings import Settings
from tests.commands.calling import ROOT, Done
from tests.fixtures.directories import minimal, write


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy", "message": "Wiremock is ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of another server that has a health page too."""
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("settings", [{}, {"admin_token": "a-token"}], ids=["open", "with a token"])
def test_a_mock_is_in_the_way(
    settings: dict[str, str], run: Callable[..., Done], serve_mock: Callable[..., Server]
) -> None:
    """Serving says so; for the doctor nothing is wrong."""
    port = serve_mock(**settings).port
    done = run("serve", "--port", port)
    assert done.code == 2
    assert f"127.0.0.1:{port} is in use: a MyPreferences mock" in done.err
    assert "use --port 0 (make serve ARGS='--port 0')" in done.err
    examined = run("doctor", "--port", port)
    assert (examined.code, f"ok   port: 127.0.0.1:{port} is in use by a running mock" in examined.out) == (0, True)


def test_somebody_else_is_in_the_way(run: Callable[..., Done], stranger: int) -> None:
    """Is not taken for a mock of ours."""
    done = run("serve", "--port", stranger)
    assert done.err.splitlines() == [
        f"mockserver: 127.0.0.1:{stranger} is in use",
        "  use --port 0 (make serve ARGS='--port 0')",
    ]
    examined = run("doctor", "--port", stranger)
    assert (examined.code, f"BAD  port: 127.0.0.1:{stranger} is in use\n" in examined.out) == (1, True)


def test_a_silent_listener_is_in_the_way(run: Callable[..., Done]) -> None:
    """One that never answers keeps nobody waiting for long."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        done = run("serve", "--port", port)
    assert (done.code, done.err.splitlines()[0]) == (2, f"mockserver: 127.0.0.1:{port} is in use")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("{folder}/nonexist/x", "no such directory"),
        ("{folder}/patch.json/x", "not a directory"),
        ("{folder}", "is a directory"),
    ],
)
def test_a_ready_file_that_cannot_be_written(
    name: str, problem: str, run: Callable[..., Done], tmp_path: Path, patch_file: Path
) -> None:
    """Is refused by its flag before anything listens."""
    path = name.format(folder=tmp_path)
    done = run("serve", "--port", 0, "--ready-file", path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: --ready-file: {path}: {problem}\n")


def test_the_banner_calls_the_command_as_it_was_started() -> None:
    """Here by way of Python."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = next(line for line in process.stdout if "makes a new one" in line)
        process.terminate()
        process.stdout.read()
    assert f"`{sys.executable} -m mockserver sign` makes a new one" in printed
    assert process.returncode == 0


def test_the_doctor_names_wrong_settings_and_goes_on(run: Callable[..., Done]) -> None:
    """They are among what could be wrong."""
    done = run("doctor", "--port", 0, "--dialect", "vndor", "--json")
    findings = {row["what"]: row for row in json.loads(done.out)["findings"]}
    assert done.code == 1
    assert "did you mean vendor?" in findings["settings"]["hint"]
    assert findings["contract"]["ok"]


def test_the_doctor_names_a_proxy_in_the_way(run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://p.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert "proxies: HTTP_PROXY=http://p.example:3128 may take requests" in run("doctor", "--port", 0).out


def test_one_profile_of_one_client(run: Callable[..., Done], tmp_path: Path) -> None:
    write(tmp_path, {"clients.toml": "[clients.ACME01]\n", "profiles/ACME01/a.json": minimal()})
    assert run("check", "--fixtures", tmp_path).out == "ok: 1 profile of 1 client, contract and settings\n"


@pytest.mark.parametrize("own", [True, False])
def test_the_banner_signs_with_the_fixtures_of_the_server(own: bool, tmp_path: Path) -> None:
    """Client and folder are named where the demo's don't fit."""
    write(tmp_path, {"profiles/ACME01/a.json": minimal()})
    told = _banner(
        mock := assemble(Settings(fixtures=tmp_path) if own else Settings()), mock.settings, "http://x", None
    )
    assert ("sign --fixtures" in told, "--client ACME01`" in told) == (own, own)


@pytest.mark.parametrize("operations", ["all", "patch"])
def test_the_banner_names_what_is_served_and_the_page_to_open(operations: Literal["all", "patch"]) -> None:
    """One route a line, those that are served alone."""
    mock = assemble(Settings(operations=operations))
    told = _banner(mock, mock.settings, "http://x", None).splitlines()
    assert [line.strip() for line in told if "{clientId}" in line] == listed(ROUTES[operations])
    assert any(line.startswith("  workbench http://x/__admin/ui ") for line in told)


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's state directory, empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize(
    ("flaw", "code", "told"),
    [
        ("none", 0, "ok   https: a handshake succeeds"),
        ("expired", 0, "ok   https: a handshake fails: certificate has expired"),
        ("wrong-name", 0, "ok   https: a handshake fails: Hostname mismatch"),
        ("reset", 0, "ok   https: a handshake fails: Connection reset"),
    ],
    ids=lambda value: str(value).split(" ")[0],
)
def test_the_doctor_tries_https(run: Callable[..., Done], state_home: Path, flaw: str, code: int, told: str) -> None:
    """With the flaw that is asked for; without https it makes no CA."""
    assert (run("doctor", "--port", 0).code, state_home.exists()) == (0, False)
    done = run("doctor", "--port", 0, "--tls", "--tls-flaw", flaw)
    assert (done.code, told in done.out) == (code, True), done.out


def test_the_doctor_finds_a_certificate_that_can_not_be_used(run: Callable[..., Done], tmp_path: Path) -> None:
    done = run("doctor", "--port", 0, "--tls-cert", "no.pem", "--tls-key", "no.pem")
    assert (done.code, "BAD  https: --tls-cert: no.pem: No such file" in done.out) == (1, True), done.out


def test_serving_https(tmp_path: Path, state_home: Path) -> None:
    """Ready file, banner and curl say https, and how to trust the CA."""
    command = [sys.executable, "-m", "mockserver", "serve", "--tls", "--port", "0", "--ready-file", "ready.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(11)]
        ready = json.loads((tmp_path / "ready.json").read_text(encoding="utf-8"))
        process.terminate()
        lines += process.stdout.readlines()
    ca = str(state_home / "mypreferences-mockserver" / "ca" / "ca.pem")
    assert (ready["url"][:8], ready["admin_url"][:8], ready["ca"]) == ("https://", "https://", ca)
    text = "".join(lines)
    assert f"MyPreferences mock on {ready['url']}" in text
    assert f"its CA is {ca}; to trust it:" in text
    assert f"    Node    NODE_EXTRA_CA_CERTS={ca}" in text
    assert f"curl -i --cacert {ca} -X PATCH {ready['url']}/ACME01/" in text


def test_a_start_imports_nothing_that_most_servers_never_need() -> None:
    """Each would make every start longer, and is imported with the first request that needs it."""
    late = {"flask", "jinja2", "redis", "re2"}
    late |= {f"mockserver.{name}" for name in ("patch.rfc6902", "journal.view", "auth.diagnosis")}
    late |= {"mockserver.commands.ready_file"}
    code = "import sys, mockserver.commands.serve as serve; from mockserver.settings import Settings\n"
    code += "serve.make_server(serve.assemble(Settings())); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert late & set(done.stdout.split()) == set()
