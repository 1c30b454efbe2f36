"""Where a user's secret key comes from: a variable of the environment, or a command that prints it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from typing import NoReturn

from mockserver.errors import UsageError


def from_environment(name: str) -> str:
    """Return the value of a variable; raise UsageError without one."""
    value = os.environ.get(name)
    if not value:
        raise UsageError(f"the environment has no variable {name}", hint="put the secret into it")
    return value


def from_command(command: Sequence[str]) -> str:
    """Return what a command prints; raise UsageError, without a word of that, if it fails."""
    try:
        # No shell: the file's words are the program and its arguments.
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as problem:
        _no_secret(command, type(problem).__name__)
    if done.returncode != 0 or not done.stdout.strip():
        _no_secret(command, f"exit code {done.returncode}, {'no' if not done.stdout.strip() else 'some'} output")
    return done.stdout.strip("\r\n")


def _no_secret(command: Sequence[str], why: str) -> NoReturn:
    raise UsageError(f"the secret's command {command[0]!r} gave none: {why}", hint="run it by hand")
