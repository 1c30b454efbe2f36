"""`mockserver fixtures`: profiles generated and packed, the packages that this needs, and how far long work is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.commands import progress
from mockserver.commands.doctor import OPTIONAL
from mockserver.package import pip_install
from tests.commands.calling import ROOT, Done, shown
from tests.waiting import wait_until


def test_generating_says_what_was_written_where(run: Callable[..., Done], tmp_path: Path) -> None:
    """As JSON."""
    file = tmp_path / "many.ndjson"
    done = run("fixtures", "generate", "--count", 3, "--out", file, "--json")
    assert json.loads(done.out) == {"written": 3, "file": str(file)}
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(run: Callable[..., Done]) -> None:
    """Is a refusal too."""
    done = run("fixtures", "generate", "--count", 500, "--out", "/dev/full")
    assert (done.code, "No space left" in done.err) == (2, True)


def test_hints_name_packages_that_can_be_installed() -> None:
    """With this very Python; as what the project's extras ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name for names in project["optional-dependencies"].values() for name in names}
    assert set(OPTIONAL) == wanted
    assert pip_install("faker>=33") == f"{sys.executable} -m pip install 'faker>=33'"
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mockserver").rglob("*.py"))
    assert set(re.findall(r'pip_install\("([^"]+)"\)', texts)) <= wanted


def test_an_environment_without_pip_is_told_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that uv makes have none."""
    monkeypatch.setitem(sys.modules, "pip", None)
    assert pip_install("faker>=33") == "uvx --with 'faker>=33' …, or uv tool install --with 'faker>=33' …"


def test_packing_says_what_was_packed_where(run: Callable[..., Done], tmp_path: Path) -> None:
    """A folder, or one client's profiles with the clients.toml that is near; served and checked as it is."""
    many, out = tmp_path / "demo" / "profiles" / "ACME01.ndjson", tmp_path / "out.packed"
    many.parent.mkdir(parents=True)
    shutil.copy(ROOT / "fixtures" / "clients.toml", tmp_path / "demo")
    run("fixtures", "generate", "--count", 3, "--out", many)
    for source in (tmp_path / "demo", many):
        done = run("fixtures", "pack", source, "--out", out, "--json")
        said = json.loads(done.out)
        assert (said["packed"], said["file"], said["bytes"]) == (3, str(out), out.stat().st_size)
        assert "ok: 3 profiles of 2 clients" in run("check", "--fixtures", out).out
    assert "3 profiles" in run("fixtures", "pack", many, "--out", out).out
    assert run("doctor", "--fixtures", out, "--port", 0).code == 0
    (tmp_path / "p.json").write_text("[]", encoding="utf-8")
    assert "CRM/C-1000001" in run("try", "p.json", "--fixtures", out, "--profile", "ACME01/CRM/C-1000009").out
    os.truncate(out, 5000)
    checked = run("check", "--fixtures", out)
    assert (checked.code, f"{out}: it is cut short" in checked.out) == (2, True)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["pack"], "pack what, and where to?"),
        (["pack", "fixtures"], "pack what, and where to?"),
        (["pack", "nowhere", "--out", "x"], "no such directory"),
        (["pack", "x.ndjson", "--out", "x"], "x.ndjson: no such file"),
        (["pack", str(ROOT / "fixtures"), "--out", "."], "something else than a file"),
        (["pack", str(ROOT / "fixtures"), "--out", "no/x"], "No such file"),
        (["pack", ".", "--out", "x", "--client", "A"], "a directory has its own clients.toml"),
        (["pack", ".", "--out", "x", "--count", "5"], "count is for `fixtures generate`"),
        (["generate", "--max-profile", "5"], "max-profile is for `fixtures pack`"),
        (["generate", "fixtures"], "source is for `fixtures pack`"),
    ],
    ids=shown,
)
def test_what_can_t_be_packed(run: Callable[..., Done], tmp_path: Path, words: list[str], refusal: str) -> None:
    """Is refused, and nothing is written."""
    done = run("fixtures", *words)
    assert (done.code, refusal in done.err) == (2, True), done.err
    assert [*tmp_path.iterdir()] == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("action", ["generate", "pack"])
def test_an_end_on_the_way_leaves_no_half_file(action: str, ending: signal.Signals, tmp_path: Path) -> None:
    """What was there before stays, and nothing comes beside it."""
    folder, out = tmp_path / "demo", tmp_path / "out"
    shutil.copytree(ROOT / "fixtures", folder)
    os.mkfifo(folder / "profiles" / "GLOBEX.ndjson")  # to read from it takes for ever
    out.write_text("before", encoding="utf-8")
    words = ["pack", str(folder)] if action == "pack" else ["generate", "--count", str(10**8)]
    command = [sys.executable, "-m", "mockserver", "fixtures", *words, "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT) as running:
        wait_until(lambda: len([*tmp_path.iterdir()]) == 3 or running.poll() is not None)
        running.send_signal(ending)
    assert running.returncode in (130, 143)
    assert (sorted(path.name for path in tmp_path.iterdir()), out.read_text(encoding="utf-8")) == (
        ["demo", "out"],
        "before",
    )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "monotonic", made)
    return made


def told(clock: Clock, steps: list[tuple[float, int]], total: int, unit: str = "profiles") -> None:
    tell = progress.progress_bar("packing", unit)
    assert tell is not None
    for seconds, done in steps:
        clock.now += seconds
        tell(done, total)


@pytest.mark.parametrize("live", [True, False], ids=["terminal", "elsewhere"])
def test_what_takes_but_a_moment_tells_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, live: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: live)
    told(clock, [(0.2, 50), (0.2, 100)], 100)
    assert capsys.readouterr().err == ""


def test_a_terminal_shows_a_bar(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn over itself, ten times a second at most, and whole at the end."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told(clock, [(10, 250), (0.05, 260), (0.05, 1000)], 1000)
    _, first, last = capsys.readouterr().err.split("\r")
    assert first.rstrip() == f"packing [{'#' * 7}{'.' * 23}] 250 of 1,000 profiles, 25 profiles/s, 30 s left"
    assert last.startswith(f"packing [{'#' * 30}] 1,000 of 1,000 profiles")
    assert last.endswith("0 s left".ljust(len(last) - len(last.rpartition("0 s left")[0]) - 1) + "\n")


def test_elsewhere_there_is_a_line_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Every ten seconds; the end is for the command to tell."""
    told(
        clock,
        [(5, 1_000_000), (6, 11_000_000), (6, 12_000_000), (6, 23_000_000), (6, 4000_000_000)],
        4000_000_000,
        "MB",
    )
    assert capsys.readouterr().err.splitlines() == [
        "packing: 11 of 4,000 MB, 1 MB/s, 66 min left",
        "packing: 23 of 4,000 MB, 1 MB/s, 66 min left",
    ]


def test_slow_work_tells_its_rate_too(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """A target is asked now and then."""
    told(clock, [(20, 10)], 40, "cases")
    assert capsys.readouterr().err == "packing: 10 of 40 cases, 0.5 cases/s, 60 s left\n"
