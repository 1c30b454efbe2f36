"""The file that tells other programs where the server listens, for as long as it does."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from mockserver.errors import UsageError


class ReadyFile:
    """A file that appears whole, readable for its owner alone, and goes with the server."""

    def __init__(self, path: Path) -> None:
        """Raise UsageError if the file could not be written once the server listens."""
        self.path = path
        self._written: os.stat_result | None = None
        folder = path.parent
        if not folder.is_dir():
            raise _refused(f"{path}: {'not a' if folder.exists() else 'no such'} directory")
        if path.is_dir():
            raise _refused(f"{path}: is a directory")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _refused(f"{path}: {folder} can't be written to")

    def write(self, content: bytes) -> None:
        """Put the file in its place in one step, instead of what is there, be it a link."""
        try:
            # Made anew under a name that nobody can guess, mode 0600; no link is followed.
            descriptor, temporary = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        except OSError as problem:
            raise _refused(f"{self.path}: {problem.strerror}") from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                self._written = os.fstat(descriptor)
            Path(temporary).replace(self.path)
        except OSError as problem:
            Path(temporary).unlink(missing_ok=True)
            raise _refused(f"{self.path}: {problem.strerror}") from None

    def remove(self) -> None:
        """Take the file away, unless it is another server's by now."""
        with contextlib.suppress(OSError):
            if self._written is not None and os.path.samestat(self.path.lstat(), self._written):
                self.path.unlink()


def _refused(problem: str) -> UsageError:
    hint = "name a file in a directory that exists and can be written to"
    return UsageError(problem, place="--ready-file", hint=hint)
