"""Who signs, and where the user's secret key comes from: a variable of the environment, or a command that prints it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field

from mockserver.errors import UsageError


@dataclass(frozen=True, slots=True)
class Credential:
    """A user of the target and where the user's secret comes from; the secret itself is never kept here."""

    user: str
    secret_env: str | None = None
    secret_command: tuple[str, ...] = ()
    known: str | None = field(default=None, repr=False)

    def secret(self) -> str:
        """Return the secret; raise UsageError, without a word of what a command printed, if there is none."""
        if self.known is not None:
            return self.known
        if self.secret_env is None:
            return self._printed()
        if value := os.environ.get(self.secret_env):
            return value
        raise UsageError(f"the environment has no variable {self.secret_env}", hint="put the secret into it")

    def _printed(self) -> str:
        try:
            # No shell: the file's words are the program and its arguments.
            done = subprocess.run(self.secret_command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as problem:
            why = type(problem).__name__
        else:
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.strip("\r\n")
            why = f"exit code {done.returncode}, {'some' if done.stdout.strip() else 'no'} output"
        raise UsageError(f"the secret's command {self.secret_command[0]!r} gave none: {why}", hint="run it by hand")
