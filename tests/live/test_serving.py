"""The whole mock over real sockets: the command, the ready file, faults at the connection, signatures."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import Mock

TARGET = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
ROOT = Path(__file__).parent.parent.parent


def send(port: int, body: bytes = b"[]", target: str = TARGET, **headers: str) -> bytes:
    """Send one PATCH over a raw socket and return all that comes back; b"" may be an empty close."""
    lines = [f"PATCH {target} HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


SET_TYPE = b'[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'


def customer_type(port: int) -> str:
    body = send(port).split(b"\r\n\r\n", 1)[1]
    return str(json.loads(body)["CustomerType"])


def test_faults_at_the_connection(serve_mock: Callable[..., Server]) -> None:
    """Each kind as a raw socket sees it; nothing was applied."""
    port = serve_mock().port
    with pytest.raises(ConnectionResetError):
        send(port, SET_TYPE, X_Mock_Fault="reset")
    assert send(port, SET_TYPE, X_Mock_Fault="empty") == b""
    garbage = send(port, SET_TYPE, X_Mock_Fault="garbage")
    assert garbage.startswith(b"HTTP/1.1 ")
    assert b"Content-Length" not in garbage
    head, _, body = send(port, SET_TYPE, X_Mock_Fault="truncate 500").partition(b"\r\n\r\n")
    assert int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) > len(body) > 0
    assert customer_type(port) == "Customer"


def test_a_fault_after_the_commit_over_a_socket(serve_mock: Callable[..., Server]) -> None:
    """The connection breaks, the change is there."""
    port = serve_mock().port
    with pytest.raises(ConnectionResetError):
        send(port, SET_TYPE, X_Mock_Fault="reset after-commit")
    assert customer_type(port) == "Prospect"


def test_two_hundred_delays_at_once(serve_mock: Callable[..., Server]) -> None:
    """A delay keeps nobody else waiting."""
    port = serve_mock().port
    started = time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: send(port, X_Mock_Fault="delay=300"), range(200)))
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    assert time.monotonic() - started < 200 * 0.3 / 4


@pytest.mark.slow
@pytest.mark.no_cover
def test_sixty_four_clients_lose_no_update(serve_mock: Callable[..., Server]) -> None:
    """Each counts a custom field up by test and replace until it succeeds; the count is exact."""
    port = serve_mock(max_operations=10).port
    field = "/CustomFields/2/Value"

    def count_up(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        counted = False
        while not counted:
            value = int(_patch(connection, [])["CustomFields"][2]["Value"])
            operations = [
                {"op": "test", "path": field, "value": str(value)},
                {"op": "replace", "path": field, "value": str(value + 1)},
            ]
            counted = _patch(connection, operations) is not None
        connection.close()

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(count_up, range(64)))
    body = send(port).split(b"\r\n\r\n", 1)[1]
    assert json.loads(body)["CustomFields"][2]["Value"] == str(42 + 64)


def _patch(connection: http.client.HTTPConnection, operations: list[dict[str, str]]) -> Any:
    connection.request("PATCH", TARGET, json.dumps(operations), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    return json.loads(body) if answer.status == 200 else None


def test_a_sequence_serves_each_step_exactly_once(serve_mock: Callable[..., Server]) -> None:
    """In bursts of eight concurrent requests."""
    port = serve_mock(fault=("sequence=500,502,ok,503,ok,504,429,404",)).port
    for number in range(20):
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda _, n=number: send(port, X_Mock_Namespace=f"w{n}"), range(8))
        statuses = sorted(int(answer.split()[1]) for answer in answers)
        assert statuses == [200, 200, 404, 429, 500, 502, 503, 504]


BAD_REQUESTS: dict[str, tuple[bytes, dict[str, str], int]] = {
    "truncated JSON": (b'[{"op": "add"', {}, 400),
    "10,000 nested arrays": (b"[" * 10_000, {}, 400),
    "nested values": (b'[{"op":"add","path":"/x","value":' + b"[" * 5000 + b"]" * 5000 + b"}]", {}, 400),
    "invalid UTF-8": (b'[{"op":"add","path":"/CustomerType","value":"\xff\xfe"}]', {}, 400),
    "NUL bytes": (b"\x00\x00\x00", {}, 400),
    "entity bomb": (
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        {"Content_Type": "application/xml"},
        400,
    ),
    "2 MiB": (b" " * (2 << 20), {}, 413),
    "1,001 operations": (b"[" + b",".join([b'{"op":"test","path":"/x"}'] * 1001) + b"]", {}, 400),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_input_is_a_clear_4xx(name: str, serve_mock: Callable[..., Server]) -> None:
    """And the server goes on."""
    body, headers, status = BAD_REQUESTS[name]
    port = serve_mock().port
    lines = {"Content-Type": "application/json", "Connection": "close"}
    lines.update({key.replace("_", "-"): value for key, value in headers.items()})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("PATCH", TARGET, body, lines)
    except (BrokenPipeError, ConnectionResetError):
        # The server has answered and closed without waiting for the rest of too large a body.
        assert status == 413
    else:
        answer = connection.getresponse()
        assert answer.status == status
        assert json.loads(answer.read() or b'{"Message": 1}')["Message"] if "xml" not in str(headers) else True
    connection.close()
    assert customer_type(port) == "Customer"


@pytest.mark.parametrize("sign_off", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_the_command(tmp_path: Path, sign_off: signal.Signals) -> None:
    """Starts, writes the ready file for its owner alone, prints a curl that works, stops when told, cleans up."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--ready-file", str(ready)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("  -d "):
            break
    facts = json.loads(ready.read_text(encoding="utf-8"))
    assert stat.S_IMODE(ready.stat().st_mode) == 0o600
    assert set(facts) == {"url", "admin_url", "admin_token", "pid"}
    curl = printed[printed.index("curl ") :]
    pasted = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, check=False)
    assert "HTTP/1.1 200" in pasted.stdout
    process.send_signal(sign_off)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, "Traceback" in errors) == (0, False)
    assert not ready.exists()


def test_a_port_in_use(serve_mock: Callable[..., Server]) -> None:
    """Exit code 2, with what to do instead."""
    port = serve_mock().port
    command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "port 0" in done.stderr


def test_the_journal_of_a_broken_connection(make_mock: Callable[..., Mock]) -> None:
    """Says that the fault struck, not that a patch was applied."""
    mock = make_mock(port=0)
    server = make_server(mock)
    server.start()
    try:
        assert send(server.port, SET_TYPE, X_Mock_Fault="empty") == b""
    finally:
        server.stop()
    (exchange,) = mock.worlds.default.journal
    assert (exchange.story.reason, exchange.fault, exchange.changed) == ("fault-injected", exchange.fault, False)


@pytest.mark.parametrize("method", ["FOO", "PATCHX", "BREW-COFFEE"])
def test_a_method_that_nobody_knows(method: str, serve_mock: Callable[..., Server]) -> None:
    """Gets the vendor's 405, as any other than PATCH."""
    connection = http.client.HTTPConnection("127.0.0.1", serve_mock().port, timeout=10)
    assert _patch(connection, []) is not None
    connection.request(method, TARGET, b"[]", {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, PATCH")
    assert json.loads(answer.read())["Message"] == f"The requested resource does not support http method '{method}'."
    connection.close()


def test_an_unknown_method_behind_a_request_is_refused(serve_mock: Callable[..., Server]) -> None:
    """Where it can't be told apart from what is read with it; the request before it is served once."""
    server = serve_mock()
    good = (
        f"PATCH {TARGET} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(good.encode() + b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert (received.count(b"HTTP/1.1 200"), received.count(b"HTTP/1.1 400")) == (1, 1)
