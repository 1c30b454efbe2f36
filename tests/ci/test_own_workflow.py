"""This repository's workflow file: its commands are ours, and those that `init` gives to others."""

from __future__ import annotations

import os
import shlex
from typing import Any

import pytest
import yaml

from mockserver.cli import _options, _parsers
from tests.ci.jobs import GITHUB
from tools.mutants.harness import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "verify.yml").read_text(encoding="utf-8"))
STEPS = [(job, step) for job, said in WORKFLOW["jobs"].items() for step in said["steps"]]
COMMANDS = [(job, step["run"]) for job, step in STEPS if step.get("run", "").startswith("mockserver ")]


def words_of(command: str, **variables: str) -> list[str]:
    """Return a command's words as the shell would pass them."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    assert "$" not in command
    return shlex.split(command)[1:]


@pytest.mark.parametrize(("job", "command"), COMMANDS, ids=str)
def test_its_commands_can_be_given(job: str, command: str) -> None:
    words = words_of(command, TARGET="sandbox")
    assert _options(*_parsers(words[0]), words).run
    assert ("--live" in words) is (job == "reality")


@pytest.mark.parametrize("job", WORKFLOW["jobs"])
def test_its_reports_are_kept(job: str) -> None:
    """Whatever the run says, from the folder into which the commands write."""
    (kept,) = (step for name, step in STEPS if name == job and "upload-artifact" in step.get("uses", ""))
    assert kept["if"] == "${{ !cancelled() }}"
    written = [word for name, command in COMMANDS if name == job for word in command.split() if "/" in word]
    assert written
    assert all(word.startswith(f"{kept['with']['path']}/") for word in written)


def test_no_secret_reaches_a_push() -> None:
    """What others propose runs without the key, and may write nothing to the repository."""
    assert WORKFLOW["permissions"] == {"contents": "read"}
    held: dict[str, Any] = {name: job for name, job in WORKFLOW["jobs"].items() if "secrets." in str(job)}
    assert list(held) == ["reality"]
    assert "github.event_name == 'schedule'" in held["reality"]["if"]
    assert "pull_request" not in held["reality"]["if"]


@pytest.mark.parametrize("job", WORKFLOW["jobs"])
def test_it_is_what_others_are_given(job: str) -> None:
    """But for how the package gets there, and for when the mock is asked."""

    def told(said: dict[str, Any]) -> dict[str, Any]:
        steps = [step for step in said["steps"] if "setup-python" not in step.get("uses", "")]
        return {**said, "steps": [step for step in steps if step.get("run", "mockserver").startswith("mockserver")]}

    ours, theirs = told(WORKFLOW["jobs"][job]), told(GITHUB[job])
    assert theirs | {"if": ""} == ours | {"if": ""}


def test_every_push_is_tested_as_ci_tests() -> None:
    """By the same script, without a key."""
    tests = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    assert tests["permissions"] == {"contents": "read"}
    assert set(tests[True]) == {"push", "pull_request"}  # YAML reads `on` as true
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in tests["jobs"].items()}
    assert runs == {"test": [".ci/run"], "coverage": [".ci/run coverage"]}
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "secrets." not in str(tests)
