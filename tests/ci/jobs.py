"""The files for continuous integration: their jobs, and a job's commands as GitHub and GitLab run them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

START = Path(__file__).parents[2] / "mockserver" / "commands" / "start"
GITHUB: dict[str, Any] = yaml.safe_load((START / "github.yml").read_text(encoding="utf-8"))["jobs"]
_GITLAB: dict[str, Any] = yaml.safe_load((START / "gitlab.yml").read_text(encoding="utf-8"))
GITLAB: dict[str, Any] = {name: job for name, job in _GITLAB.items() if "script" in job}


def scripts(job: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return what a shell is given, one after the other, and whether it is although another failed."""
    if "script" in job:
        return [("\n".join(job["script"]), False)]
    return [(step["run"], "cancelled()" in step.get("if", "")) for step in job["steps"] if "run" in step]


def run_job(job: dict[str, Any], folder: Path, **variables: str) -> tuple[int, str]:
    """Run a job's commands in a folder; return the first exit code that is not 0, and all that was printed."""
    environment = {**os.environ, "CI": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md"), **variables}
    code, told = 0, ""
    for script, always in scripts(job):
        if code == 0 or always:
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, env=environment,
                check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
            )  # fmt: skip
            code, told = code or done.returncode, told + done.stdout
    return code, told


def set_target(folder: Path, url: str) -> None:
    """Let the target of a started folder be a mock of its own fixtures, which `TARGET=sandbox` and this key reach."""
    (folder / "targets.toml").write_text(
        f'[targets.sandbox]\nbase_url = "{url}"\nclient = "ACME01"\nuser = "editor@acme.example"\n'
        'secret_env = "SANDBOX_SECRET"\nprofiles = ["CRM/C-1"]\nbudget = 3000\nrate = 500.0\n',
        encoding="utf-8",
    )
