"""The note on disk of what a run is about to change, written before each change so that a crash loses nothing.

It holds whole profiles: the file is for its owner alone (0600), and its name says nothing of a person. One file for a
target; while it is there, something may be unrestored, and no other run starts: neither under another name for the same
server, nor under the same name for a server that has moved.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.verify.bounds import DEEPEST, is_too_deep
from mockserver.verify.calls import Key
from mockserver.verify.target.targets import STUB, Target

VERSION = 1


def default_state_dir() -> Path:
    """Return where undo files are kept if the user names no directory."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "mypreferences-mockserver"


@dataclass
class NotedProfile:
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
    profiles: list[NotedProfile] = field(default_factory=list)

    @classmethod
    def of(cls, target: Target, state_dir: Path) -> UndoFile:
        """Return the undo file that a run on a target writes; nothing is read."""
        path = state_dir / f"{target.name}-{target.place}.undo.json"
        return cls(path, target.name, target.base_url, target.client)

    @classmethod
    def left_behind(cls, target: Target, state_dir: Path) -> list[UndoFile]:
        """Return what earlier runs left on disk of this server or of this name; raise SafetyRefusal if unreadable.

        The lock must be held, or a run may be writing there. What a crash left half written is deleted.
        """
        for leftover in state_dir.glob(f".*-{target.place}.undo-*"):
            leftover.unlink(missing_ok=True)
        ours = re.compile(rf"([a-z0-9_-]+-{target.place}|{re.escape(target.name)}-[0-9a-f]{{12}})\.undo\.json")
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
        # Of a server given by its URL no file says what may be used there; the flags that did may name a person.
        name = f"{self.base_url} --profile … --client …" if name.startswith(STUB) else name
        elsewhere = self.path.parent != default_state_dir()
        where = f" --state-dir {shlex.quote(str(self.path.parent))}" if elsewhere else ""
        return f"mockserver verify --target {name} --recover{where}"

    def profile(self, key: Key) -> NotedProfile | None:
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
            hint = "make room, or give another --state-dir"
            raise SafetyRefusal(why, place=str(self.path.parent), hint=hint) from None

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
            _sync_directory(self.path.parent)
        except FileNotFoundError:
            return  # never written, as on a mock, which needs no note and no place for one
        except OSError as problem:
            why = f"the undo file is of no more use, but can't be deleted: {problem.strerror}"
            raise SafetyRefusal(why, place=str(self.path), hint="delete it by hand") from None

    @classmethod
    def _read(cls, path: Path) -> UndoFile:
        import msgspec  # late: most runs find no undo file

        try:
            document: dict[str, Any] = json.loads(_own_text(path))
            if document["version"] != VERSION:
                raise ValueError(f"it is of version {document['version']!r:.20}")
            said = {name: document[name] for name in ("target", "base_url", "client", "case", "profiles")}
            return msgspec.convert(said | {"path": str(path)}, cls, dec_hook=lambda kind, text: kind(text))
        except msgspec.ValidationError:
            why = "it does not hold what a run writes"
        except (OSError, ValueError, KeyError, TypeError) as problem:
            in_words = str(problem) if type(problem) is ValueError else getattr(problem, "strerror", None)
            why = in_words or type(problem).__name__
        hint = "restore by hand what it describes, then delete it"
        raise SafetyRefusal(f"can't read the undo file: {why}", place=str(path), hint=hint)


def _own_text(path: Path) -> bytes:
    """Return what is in a file that nobody but this user could write; raise OSError or ValueError, in words."""
    if path.is_symlink():
        raise ValueError("it is a link")
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise ValueError("it is a link or no file")
        if os.name != "nt" and (found.st_uid != os.getuid() or found.st_mode & 0o022):
            raise ValueError("it is another user's, or others can write it")
        text = file.read()
    if is_too_deep(text, DEEPEST + 4):  # a profile lies in a list of a member
        raise ValueError("it is nested deeper than any profile")
    return text


def _spelled(base_url: str) -> str:
    """Return an address with its host in small letters."""
    parts = urlsplit(base_url)
    return parts._replace(netloc=parts.netloc.lower()).geturl()


def prepare(state_dir: Path) -> None:
    """Make the directory, for its owner alone; raise UsageError for one in which everybody could write."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state_dir.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            hint = f"chmod 700 {shlex.quote(str(state_dir))}"
            raise UsageError("everybody can write into the state directory", place=str(state_dir), hint=hint)
    except OSError as problem:
        raise UsageError(f"can't make the state directory: {problem.strerror}", place=str(state_dir)) from problem


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":  # pragma: no cover - Windows can't open a directory to sync it
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
