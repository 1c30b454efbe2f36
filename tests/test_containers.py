"""Containerfile and compose file, as far as that can be known without an engine; docs/containers.md says how far."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mockserver.server.server import Server
from mockserver.settings import FIELDS, load_settings
from mockserver.testing.control import Control

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith("#")]
STAGE = LINES[max(number for number, (word, _) in enumerate(LINES) if word == "FROM") :]
MOCK: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["mock"]


def told(word: str) -> str:
    """Return what the final stage says behind a word."""
    return next(rest for first, rest in STAGE if first == word)


def variables() -> dict[str, str]:
    given = dict(part.split("=", 1) for part in shlex.split(told("ENV")))
    return {name: value for name, value in {**given, **MOCK["environment"]}.items() if name.startswith("MOCKSERVER_")}


def test_what_is_copied_exists() -> None:
    """And is let through to the build."""
    sources = [name for word, rest in LINES if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]]
    assert [name for name in sources if not (ROOT / name).exists()] == []
    passed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sorted(f"!{name}" for name in sources) == sorted(line for line in passed if line.startswith("!"))


def test_it_runs_without_rights() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", told("USER"))
    assert (MOCK["read_only"], MOCK["cap_drop"]) == (True, ["ALL"])


def test_its_variables_are_settings() -> None:
    """Which can be used together, on the port that is exposed and published; the service's name is allowed."""
    settings = load_settings({}, variables())
    assert (settings.host, settings.allowed_hosts) == ("0.0.0.0", ("mock",))
    assert str(settings.port) == told("EXPOSE")
    assert [port.split(":")[0::2] for port in MOCK["ports"]] == [["127.0.0.1", told("EXPOSE")]]
    assert {name.removeprefix("MOCKSERVER_").lower() for name in variables()} <= set(FIELDS)


def test_the_health_check_tells_alive_from_dead(serve_mock: Callable[..., Server]) -> None:
    """It has no token, which the control surface wants there, and leaves no trace in the journal."""
    command = json.loads(told("HEALTHCHECK").partition("CMD ")[2])[1:]
    server = serve_mock(admin_token="a-token", max_worlds=1)
    own = [word.replace("8080", str(server.port)) for word in command]
    assert subprocess.run([sys.executable, *own], timeout=20, check=False).returncode == 0
    assert Control(server.url, None, "a-token")("GET", "requests")["meta"]["total"] == 0
    server.stop()
    dead = subprocess.run([sys.executable, *own], timeout=20, check=False, capture_output=True)
    assert dead.returncode != 0


@pytest.mark.parametrize("word", ["ENTRYPOINT", "CMD"])
def test_words_are_given_as_a_list(word: str) -> None:
    """So that the signal to stop reaches the server, and no shell."""
    assert json.loads(told(word))
