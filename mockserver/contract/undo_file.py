"""The note on disk of what a run is about to change, written before each change so that a crash loses nothing.

It holds whole profiles: the file is for its owner alone (0600), and its name says nothing of a person. One file for a
target; while it is there, something may be unrestored, and no other run starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mockserver.contract.cases import Key
from mockserver.contract.targets import Target
from mockserver.errors import SafetyRefusal, UsageError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks; there, one run at a time is up to the user
    fcntl = None  # type: ignore[assignment]

VERSION = 1


def default_state_dir() -> Path:
    """Return where undo files are kept if the user names no directory."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mypreferences-mockserver"


@dataclass
class OpenProfile:
    """A profile that is being changed: as it was, what was touched, and as our last answer showed it (if it did)."""

    kind: str
    identifier: str
    before: dict[str, Any]
    touched: list[str] = field(default_factory=list)
    known: dict[str, Any] | None = None


@dataclass
class UndoFile:
    """The undo file of one target; `profiles` is empty when nothing needs to be undone."""

    path: Path
    target: str
    base_url: str
    client: str
    case: str = ""
    profiles: list[OpenProfile] = field(default_factory=list)

    @classmethod
    def of(cls, target: Target, state_dir: Path) -> UndoFile:
        """Return the undo file of a target, as it is on disk if there is one; raise SafetyRefusal if unreadable."""
        where = hashlib.sha256(f"{target.base_url}|{target.client}".encode()).hexdigest()[:12]
        path = state_dir / f"{target.name}-{where}.undo.json"
        undo = cls(path, target.name, target.base_url, target.client)
        if path.exists() and not target.mock:
            undo._load()
        return undo

    @property
    def is_open(self) -> bool:
        """Whether the file is on disk."""
        return self.path.exists()

    def profile(self, key: Key) -> OpenProfile | None:
        """Return the note on a profile, None if it is not being changed."""
        return next((row for row in self.profiles if (row.kind, row.identifier) == key[1:]), None)

    def write(self) -> None:
        """Put the note on disk, whole or not at all, and see it there before returning."""
        document = {"version": VERSION, **asdict(self), "path": None}
        handle, name = tempfile.mkstemp(prefix=f".{self.path.stem}-", dir=self.path.parent)  # made with mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, self.path)
        _sync_directory(self.path.parent)

    def remove(self) -> None:
        """Take the note away: everything is as it was."""
        self.profiles, self.case = [], ""
        self.path.unlink(missing_ok=True)
        _sync_directory(self.path.parent)

    def sweep(self) -> None:
        """Delete what a crash left half written; the lock must be held."""
        for leftover in self.path.parent.glob(f".{self.path.stem}-*"):
            leftover.unlink(missing_ok=True)

    def _load(self) -> None:
        try:
            document: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']}")
            self.case = document["case"]
            self.profiles = [OpenProfile(**row) for row in document["profiles"]]
            same = (document["base_url"], document["client"]) == (self.base_url, self.client)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            why, hint = f"can't read the undo file: {type(problem).__name__}", "restore by hand what it describes"
            raise SafetyRefusal(why, place=str(self.path), hint=hint) from None
        if not same:
            raise SafetyRefusal("the undo file is of another server or client", place=str(self.path))


def prepare(state_dir: Path) -> None:
    """Make the directory, for its owner alone."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"can't make the state directory: {problem.strerror}", place=str(state_dir)) from problem


class RunLock:
    """Keeps a second run away from the target; the system lets go of it when the process ends, however that happens."""

    def __init__(self, undo: UndoFile) -> None:
        self._path = undo.path.with_suffix(".lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock; raise SafetyRefusal if another run has it."""
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise SafetyRefusal("another run is using this target", hint="wait for it to end") from None

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # pragma: no cover - Windows can't open a directory to sync it
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
