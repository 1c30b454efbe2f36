"""The files for continuous integration: their commands run in a folder of `init`, with one rule and without pip."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from mockserver import __version__
from mockserver.cli import main
from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from tests.ci.jobs import GITHUB, GITLAB, run_job, scripts, set_target
from tests.commands.calling import ROOT

JOBS = {f"{host} {name}": job for host, jobs in (("github", GITHUB), ("gitlab", GITLAB)) for name, job in jobs.items()}
KEY = {"TARGET": "sandbox", "SANDBOX_SECRET": "for-tests-only"}
# What is found in place of the programs: pip does nothing, verify and drift ask for one rule.
PROGRAMS = {
    "pip": "exit 0",
    "pytest": f'PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 exec {sys.executable} -m pytest -p mockserver.pytest_plugin "$@"',
    "mockserver": 'case $1 in verify|drift) set -- "$@" --only xml-answer;; esac\n'
    f'exec {sys.executable} -m mockserver "$@"',
}
Run = Callable[..., tuple[int, str]]


def put_on_path(programs: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def run_in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a job in a started folder whose target is a mock with such settings."""
    folder = tmp_path / "mine"
    put_on_path(PROGRAMS, tmp_path, monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("PYTEST", "COV", "MOCKSERVER"))]:
        monkeypatch.delenv(name)
    assert main(["init", str(folder)]) == 0

    def run(job: dict[str, Any], **settings: Any) -> tuple[int, str]:
        mock = assemble(Settings(fixtures=folder / "fixtures", port=0, log="off", **settings))
        with make_server(mock) as server:
            set_target(folder, server.url)
            return run_job(job, folder, GITHUB_ACTIONS="true", **KEY)

    return run


@pytest.mark.parametrize(
    ("job", "dialect", "outcome"),
    [
        pytest.param("tests", "vendor", (0, 0), id="tests, green"),
        pytest.param("mock", "vendor", (0, 0), id="mock, green"),
        pytest.param("reality", "library", (1, 2), id="reality, red for a broken rule"),
    ],
)
def test_a_job_runs(job: str, dialect: str, outcome: tuple[int, int], run_in_folder: Run, tmp_path: Path) -> None:
    """With an annotation of each command that is not content, its reports where they are kept, and a summary."""
    code, told = run_in_folder(GITHUB[job], dialect=dialect)
    assert (code, told.count("::error")) == outcome, told
    kept = GITHUB[job]["steps"][-1]
    assert kept["if"] == "${{ !cancelled() }}"
    assert list((tmp_path / "mine" / kept["with"]["path"]).glob("*.xml"))
    assert (tmp_path / "mine" / "summary.md").read_text(encoding="utf-8")


def commands(job: dict[str, Any]) -> list[str]:
    """Return what a job asks of our commands and of pytest."""
    lines = re.split(r"\n|\|\|?|&&", "\n".join(script for script, _ in scripts(job)))
    return [line.strip() for line in lines if line.strip().startswith(("mockserver ", "pytest "))]


@pytest.mark.parametrize("job", GITHUB)
def test_both_hosts_run_the_same_commands(job: str) -> None:
    assert commands(GITHUB[job]) == commands(GITLAB[job])


@pytest.mark.parametrize("job", GITLAB)
def test_gitlab_keeps_what_the_commands_write(job: str) -> None:
    written = {word for command in commands(GITLAB[job]) for word in re.findall(r"reports/\w+\.xml", command)}
    shown = GITLAB[job]["artifacts"]["reports"]["junit"]
    assert written == set([shown] if isinstance(shown, str) else shown)
    assert (GITLAB[job]["artifacts"]["when"], GITLAB[job]["artifacts"]["paths"]) == ("always", ["reports"])


def test_gitlab_compares_after_a_failure_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is red all the same."""
    programs = {"pip": "exit 0", "mockserver": 'echo "asked: $1"; [ "$1" != verify ] || exit 3'}
    put_on_path(programs, tmp_path, monkeypatch)
    assert run_job(GITLAB["reality"], tmp_path) == (3, "asked: verify\nasked: drift\n")


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_is_installed_has_a_name(job: dict[str, Any]) -> None:
    """The wheel as it is built, and packages that the project itself asks for, or pytest's own annotations."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = {
        "pytest",
        "pytest-github-actions-annotate-failures",
        *project["project"]["optional-dependencies"]["contract"],
    }
    (line,) = re.findall(r"^pip install (.+)$", "\n".join(script for script, _ in scripts(job)), re.M)
    wheel, *others = shlex.split(line)
    assert fnmatch(f"./mypreferences_mockserver-{__version__}-py3-none-any.whl", wheel)
    assert set(others) <= known
