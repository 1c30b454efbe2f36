"""The note on disk of what a run is about to change, written before each change so that a crash loses nothing.

It holds whole profiles: the file is for its owner alone (0600), and its name says nothing of a person. One file for a
target; while it is there, something may be unrestored, and no other run starts: neither under another name for the same
server, nor under the same name for a server that has moved.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.verify.calls import Key
from mockserver.verify.target.targets import Target, is_loopback

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
        """Return the undo file that a run on a target writes; nothing is read."""
        path = state_dir / f"{target.name}-{_place(target)}.undo.json"
        return cls(path, target.name, target.base_url, target.client)

    @classmethod
    def left_behind(cls, target: Target, state_dir: Path) -> list[UndoFile]:
        """Return what earlier runs left on disk of this server or of this name; raise SafetyRefusal if unreadable.

        The lock must be held, or a run may be writing there.
        """
        ours = re.compile(
            rf"[a-z0-9_-]+-{_place(target)}\.undo\.json|{re.escape(target.name)}-[0-9a-f]{{12}}\.undo\.json"
        )
        paths = sorted(path for path in state_dir.glob("*.undo.json") if ours.fullmatch(path.name))
        return [cls._read(path) for path in paths]

    def is_of(self, target: Target) -> bool:
        """Whether its profiles are those of this target, whatever the target is called now."""
        return (_spelled(self.base_url), self.client) == (_spelled(target.base_url), target.client)

    @property
    def is_open(self) -> bool:
        """Whether the file is on disk."""
        return self.path.exists()

    def recovery(self, target: Target | None = None) -> str:
        """Return the command that finishes what the file describes, under the target's present name."""
        name = target.name if target is not None and self.is_of(target) else self.target
        elsewhere = self.path.parent != default_state_dir()
        where = f" --state-dir {shlex.quote(str(self.path.parent))}" if elsewhere else ""
        return f"mockserver verify --target {name} --recover{where}"

    def profile(self, key: Key) -> OpenProfile | None:
        """Return the note on a profile, None if it is not being changed."""
        return next((row for row in self.profiles if (row.kind, row.identifier) == key[1:]), None)

    def write(self) -> None:
        """Put the note on disk, whole or not at all, and see it there before returning; raise SafetyRefusal."""
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self.path.stem}-", dir=self.path.parent)  # made with mode 0600
            try:
                self._fill(handle, name)
            except BaseException:
                # Also after Ctrl-C: what is half written holds personal values as well.
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as problem:
            why = f"the note for the undo can't be written ({problem.strerror}), and without it nothing may change"
            raise SafetyRefusal(
                why, place=str(self.path.parent), hint="make room, or give another --state-dir"
            ) from None

    def _fill(self, handle: int, name: str) -> None:
        document = {"version": VERSION, **asdict(self), "path": None}
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, self.path)
        _sync_directory(self.path.parent)

    def remove(self) -> None:
        """Take the note away: everything is as it was."""
        self.profiles, self.case = [], ""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return  # never written, as on a mock, which needs no note and no place for one
        _sync_directory(self.path.parent)

    @classmethod
    def _read(cls, path: Path) -> UndoFile:
        try:
            document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']}")
            target, base_url, client, case = (document[name] for name in ("target", "base_url", "client", "case"))
            return cls(path, target, base_url, client, case, [OpenProfile(**row) for row in document["profiles"]])
        except (OSError, ValueError, KeyError, TypeError) as problem:
            why, hint = f"can't read the undo file: {type(problem).__name__}", "restore by hand what it describes"
            raise SafetyRefusal(why, place=str(path), hint=hint) from None


def _place(target: Target) -> str:
    """Return what a host and client are called in file names: the same for every spelling that could mean them."""
    parts = urlsplit(target.base_url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    text = f"{'loopback' if is_loopback(host) else host.rstrip('.')}:{port}|{target.client.lower()}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _spelled(base_url: str) -> str:
    """Return an address with its host in small letters."""
    parts = urlsplit(base_url)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def prepare(state_dir: Path) -> None:
    """Make the directory, for its owner alone."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"can't make the state directory: {problem.strerror}", place=str(state_dir)) from problem


class RunLock:
    """Keeps a second run away from the target; the system lets go of it when the process ends, however that happens."""

    def __init__(self, target: Target, state_dir: Path) -> None:
        self._path = state_dir / f"{_place(target)}.lock"
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock, and delete what a crash left half written; raise SafetyRefusal if another run has it."""
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            why = f"can't write into the state directory: {problem.strerror}"
            raise UsageError(why, place=str(self._path.parent), hint="give another --state-dir") from problem
        if fcntl is None:
            return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise SafetyRefusal("another run is using this target", hint="wait for it to end") from None
        for leftover in self._path.parent.glob(f".*-{self._path.stem}.undo-*"):
            leftover.unlink(missing_ok=True)

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
