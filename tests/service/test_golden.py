"""Whole exchanges as readable text files, sent through both doors, which must answer with the same bytes.

Each file under tests/golden/ holds a request, a line of ===, and the answer. `@user` in Authorization is replaced by a
signature of that user at the frozen time. UPDATE_GOLDEN=1 writes the answers anew: read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mockserver.auth.signing import sign
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import load_settings
from mockserver.web.app import create_app

GOLDEN = Path(__file__).parents[1] / "golden"
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
TIMESTAMP = "2026-01-31T12:00:00Z"
SEPARATOR = "\n===\n"


def read_request(text: str) -> tuple[dict[str, str], str, str, dict[str, str], bytes]:
    """Return (settings, method, target, headers, body); lines with # are settings or comments."""
    lines = text.split("\n")
    options = {}
    while lines[0].startswith("#"):
        name, _, value = lines.pop(0)[1:].partition("=")
        if value:
            options[name.strip()] = value.strip()
    method, target = lines.pop(0).split(" ", 1)
    headers = {}
    while lines and lines[0]:
        name, _, value = lines.pop(0).partition(": ")
        headers[name] = value
    return options, method, target, headers, "\n".join(lines[1:]).encode()


def environ(mock: Mock, method: str, target: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    path, _, query = target.partition("?")
    result: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:8080",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
    for name, value in headers.items():
        key = "CONTENT_TYPE" if name == "Content-Type" else f"HTTP_{name.upper().replace('-', '_')}"
        result[key] = signed(mock, target, value) if value.startswith("@") else value
    return result


def signed(mock: Mock, target: str, user: str) -> str:
    segment = target.removeprefix("/Profiles").split("/")[1]
    secret = mock.fixtures.clients[segment.lower().partition("~")[0]].users[user[1:]].secrets[0]
    return sign(segment, user[1:], secret, TIMESTAMP)


def answered(text: str, *, fast: bool) -> str:
    """Return the answer to a golden request, as the file shows it."""
    options, method, target, headers, body = read_request(text)
    mock = assemble(load_settings({"log": "off", **options}, {}))
    for name in ("default", "blue"):
        mock.worlds.get(name).clock.freeze(NOW)
    app = create_app(mock, fast=fast)
    seen: list[str] = []

    def start_response(
        status: str, answer_headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        seen.extend([status, *(f"{name}: {value}" for name, value in answer_headers)])
        return lambda _: None

    content = b"".join(app.wsgi_app(environ(mock, method, target, headers, body), start_response))
    return "\n".join([*seen, "", content.decode()])


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_exchange(path: Path) -> None:
    """The answer is the recorded one, byte for byte, from the fast door and from Flask's view."""
    request, _, expected = path.read_text(encoding="utf-8").partition(SEPARATOR)
    answers = {answered(request, fast=fast) for fast in (True, False)}
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(request + SEPARATOR + next(iter(answers)) + "\n", encoding="utf-8")
        return
    assert answers == {expected.removesuffix("\n")}


def test_there_are_golden_exchanges() -> None:
    """An empty folder would pass silently."""
    assert len(list(GOLDEN.glob("*.txt"))) >= 20
