"""One run at a time on a server and client, wherever a run keeps its notes: locks lie in one directory of the user.

What runs on another machine, or where /tmp is another one, can't be seen, and the target is told of nothing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.verify.target.targets import Target

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks; there, one run at a time is up to the user
    fcntl = None  # type: ignore[assignment]


def lock_dir() -> Path:
    """Return where this user's locks are, whatever the environment says."""
    if os.name == "nt":  # pragma: no cover - there, it is a user's own
        return Path(tempfile.gettempdir()) / "mypreferences-mockserver"
    return Path(f"/tmp/mypreferences-mockserver-{os.getuid()}")  # noqa: S108 - made and looked at as a place for all


class RunLock:
    """Keeps a second run away from the target; the system lets go of it when the process ends, however that happens.

    So a lock is never stale, even if the process number that its file names is another process's by now.
    """

    def __init__(self, target: Target) -> None:
        self._path = lock_dir() / f"{target.place}.lock"
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock; raise SafetyRefusal if another run has it."""
        try:
            _make_private(self._path.parent)
            while self._handle is None:
                self._handle = self._opened()
        except BlockingIOError:
            holder = ""
            with contextlib.suppress(OSError):
                holder = f": {self._path.read_text(encoding='utf-8')}"
            raise SafetyRefusal(f"another run is using these profiles{holder}", hint="wait for it to end") from None
        except OSError as problem:
            why = f"can't keep other runs away from the target: {problem.strerror}"
            raise UsageError(why, place=str(self._path)) from problem

    def release(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._handle)
            self._handle = None

    def _opened(self) -> int | None:
        """Return the locked file, None if its holder took it away just now; raise BlockingIOError if it is held."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(handle).st_nlink == 0:
                os.close(handle)
                return None
            since = datetime.now(UTC).isoformat(timespec="seconds")
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {platform.node()}, since {since}".encode())
        except OSError:
            os.close(handle)
            raise
        return handle


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if os.name != "nt" and (not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077):
        hint = f"delete {directory}, which a run makes with mode 0700"
        raise UsageError("the directory of the locks is not this user's alone", place=str(directory), hint=hint)
