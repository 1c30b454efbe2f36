"""docs/control-surface.md: each command runs as it stands, in order, and is answered as the page says."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mockserver.auth.signing import issued_now, sign
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.state.clock import system_now
from mockserver.web.app import create_app

PAGE = (Path(__file__).parents[2] / "docs" / "control-surface.md").read_text(encoding="utf-8")
BEYOND_LOOPBACK = "## Beyond loopback"
TOKEN = "an-admin-token-for-tests"
SERVER = "localhost:8080"


class Example(NamedTuple):
    """A command of the page and the answer below it."""

    command: str
    answer: str


def examples(text: str) -> Iterator[Example]:
    """Yield each command with the block that follows it."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for (kind, command), (_, answer) in zip(blocks[::2], blocks[1::2], strict=True):
        assert kind == "sh", command
        yield Example(command, answer)


class Call(NamedTuple):
    """What a curl command asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    shows_head: bool


def call_of(command: str) -> Call:
    """Read a curl command as a shell and curl would; signatures are made anew."""
    words = shlex.split(re.sub(r"\$\(mockserver sign([^)]*)\)", _signature, command).replace("\\\n", " "))
    assert words.pop(0) == "curl"
    parser = ArgumentParser(exit_on_error=False)
    for option in ("-X", "-d"):
        parser.add_argument(option)
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-i", action="store_true")
    parser.add_argument("url")
    given = parser.parse_args(words)
    assert given.url.startswith(f"{SERVER}/"), command
    headers = dict(header.replace("$MOCKSERVER_ADMIN_TOKEN", TOKEN).split(": ", 1) for header in given.H)
    method = given.X or ("GET" if given.d is None else "POST")
    return Call(method, given.url.removeprefix(SERVER), headers, given.d, given.i)


def _signature(found: re.Match[str]) -> str:
    client = found[1].replace("--client", "").strip() or "ACME01"
    return sign(client, "editor@acme.example", "fake-demo-secret-of-the-acme-editor", issued_now(system_now()))


def answered(http: FlaskClient, call: Call) -> TestResponse:
    """Send a call to the application."""
    # curl's own header for -d, which no example may rely upon.
    headers = {"Content-Type": "application/x-www-form-urlencoded", **call.headers} if call.body else call.headers
    return http.open(call.path, method=call.method, headers=headers, data=call.body, base_url=f"http://{SERVER}")


def shown(answer: TestResponse, *, with_head: bool) -> str:
    """Return the answer as curl prints it."""
    head = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers)]
    return "\n".join([*(head if with_head else []), "", answer.text])


def agrees(page: str, actual: str) -> bool:
    """Compare without white space; … stands for anything, and so does the rest of the headers after the last shown."""
    parts = re.sub(r"\s", "", page.replace("\n\n", "\n…\n") if page.startswith("HTTP/") else page).split("…")
    return re.fullmatch(".*".join(map(re.escape, parts)), re.sub(r"\s", "", actual)) is not None


@pytest.fixture
def make_http() -> Any:
    def make(**settings: Any) -> FlaskClient:
        mock: Mock = assemble(Settings(**{"log": "off", **settings}))
        return create_app(mock).test_client()

    return make


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        pytest.param(PAGE.partition(BEYOND_LOOPBACK)[0], {}, id="on-loopback"),
        pytest.param(PAGE.partition(BEYOND_LOOPBACK)[2], {"host": "0.0.0.0", "admin_token": TOKEN}, id="beyond"),
    ],
)
def test_the_page_is_true(make_http: Any, text: str, settings: dict[str, Any]) -> None:
    """Word by word, but for what it leaves out."""
    http = make_http(**settings)
    rows = list(examples(text))
    assert rows
    for row in rows:
        call = call_of(row.command)
        answer = answered(http, call)
        assert call.shows_head or answer.status_code < 300, row.command
        assert agrees(row.answer, shown(answer, with_head=call.shows_head)), f"{row.command}\n{answer.text}"


def test_every_endpoint_has_an_example(make_http: Any) -> None:
    """But for second names of the same thing, which the page mentions."""
    calls = [call_of(row.command) for row in examples(PAGE)]
    seen = [f"{call.method} {call.path.partition('?')[0]}" for call in calls]
    for endpoint in make_http().get("/__admin").json["endpoints"]:
        wanted = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(f"{endpoint['method']} {endpoint['path']}"))
        used = any(re.fullmatch(wanted, line) for line in seen)
        assert used or f"`{endpoint['path']}`" in PAGE or f"`{endpoint['method']} {endpoint['path']}`" in PAGE, wanted


@pytest.mark.parametrize(
    ("page", "actual", "agree"),
    [
        ('{"a": 1}', '{"a":1}', True),
        ('{"a": 1}', '{"a":2}', False),
        ('{"a": …}', '{"a":2}', True),
        ('{"a": …, "b": 1}', '{"a":2,"b":2}', False),
        ("HTTP/1.1 404 Not Found\n\n{}", "HTTP/1.1 404 Not Found\nA: 1\n\n{}", True),
        ("HTTP/1.1 404 Not Found\n\n{}", "HTTP/1.1 400 Bad Request\nA: 1\n\n{}", False),
    ],
)
def test_what_counts_as_the_same(page: str, actual: str, agree: bool) -> None:
    """The comparison itself can tell right from wrong."""
    assert agrees(page, actual) is agree
