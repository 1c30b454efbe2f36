"""What a run reports on a disk that is full, and to a reader that takes nothing more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.commands.report_files import Attempts, write_whole
from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from tests.commands.calling import Done
from tools.mutants.harness import CONTRACT, FIXTURES, ROOT

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")


@needs_full
def test_a_report_on_a_full_disk_is_named_and_the_others_are_written(run: Callable[..., Done], tmp_path: Path) -> None:
    """The exit code says that something is missing."""
    full, whole = tmp_path / "full.xml", tmp_path / "whole.html"
    full.symlink_to(FULL)
    with make_server(assemble(Settings(fixtures=FIXTURES, contract=CONTRACT, port=0, log="off"))) as server:
        done = run("verify", "--target", server.url, "--only", "empty-patch", "--report", full, "--report", whole)
    assert done.code == 2
    assert done.err == f"error: {full} can't be written: No space left on device\n"
    assert "1 held" in done.out
    assert "</html>" in whole.read_text(encoding="utf-8")


@needs_full
@pytest.mark.parametrize("words", [["doctor"], ["check", "--json"]], ids=" ".join)
def test_an_output_that_is_full_is_an_error_message(words: list[str]) -> None:
    """For every command, without a traceback."""
    with FULL.open("w") as full:
        command = [sys.executable, "-m", "mockserver", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "mockserver: the output can't be written: No space left on device\n")


def test_what_failed_once_is_not_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    """And an exit code of the run's own counts for more."""
    attempt, tried = Attempts(), []

    def fail() -> None:
        tried.append("once")
        raise OSError(28, "No space left on device")

    assert attempt.exit_code(0) == 0
    for _ in range(3):
        attempt("run.html", fail)
        attempt("run.json", lambda: tried.append("other"))
    assert tried == ["once", "other", "other", "other"]
    assert capsys.readouterr().err.count("run.html can't be written") == 1
    assert [attempt.exit_code(code) for code in (0, 1, 3, 4)] == [2, 1, 3, 4]


def test_a_reader_that_went_away_ends_the_command() -> None:
    def fail() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Attempts()("the output", fail)


def test_a_report_that_is_interrupted_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of the writing; nothing stays beside it."""
    report = tmp_path / "run.html"
    report.write_text("before", encoding="utf-8")

    def interrupted(path: Path, *_: object, **__: object) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_whole(report, "after")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"run.html": b"before"}
    write_whole(report, "after \ud800")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"run.html": b"after ?"}
