"""The fixtures: which clients and profiles a server starts with, or every reason why it can't.

Read are `clients.toml`, `profiles/<clientId>/<name>.json` and, for many profiles, `profiles/<clientId>.ndjson` or
`profiles/<clientId>.ndjson.gz`, one profile a line.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mockserver.core.auth import Client
from mockserver.core.conformance import Problem
from mockserver.core.keys import Key, fold
from mockserver.core.members import MemberTree
from mockserver.errors import UsageError
from mockserver.store.fixture_clients import nearest, read_clients
from mockserver.store.fixture_profiles import ProfileReader, ReadProfile
from mockserver.store.ndjson import READ_ERRORS, SUFFIXES, read_lines

Progress = Callable[[int, int], None]

_LISTED_PROBLEMS: Final = 20
_PROBLEMS_PER_FILE: Final = 1000


@dataclass(frozen=True, slots=True)
class FixtureProblem:
    """One thing wrong with the fixtures; `place` is a JSON Pointer, `line:column` or a TOML key, or empty."""

    file: str
    place: str
    text: str
    hint: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.place}" if self.place else self.file
        return f"{where}: {self.text}\n  {self.hint}"


class KeyIndex(Mapping[Key, int]):
    """From a profile's key to its number, in constant time.

    A dictionary for each pair of client and type takes a third of the memory of one with the whole keys.
    """

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], dict[str, int]] = {}

    def __getitem__(self, key: Key) -> int:
        client, kind, value = key
        return self._numbers[client, kind][value]

    def get(self, key: Key, default: Any = None, /) -> Any:
        """Return the profile's number, or the default."""
        client, kind, value = key
        values = self._numbers.get((client, kind))
        return default if values is None else values.get(value, default)

    def __iter__(self) -> Iterator[Key]:
        for (client, kind), values in self._numbers.items():
            for value in values:
                yield client, kind, value

    def __len__(self) -> int:
        return sum(map(len, self._numbers.values()))

    def claim(self, key: Key, number: int) -> int:
        """Give a key to a profile unless another has it; return whose it is."""
        client, kind, value = key
        values = self._numbers.get((client, kind))
        if values is None:
            values = self._numbers[client, kind] = {}
        return values.setdefault(value, number)


@dataclass(frozen=True, slots=True)
class FixtureSet:
    """The loaded fixtures, never changed: `bodies`, `owners` and the numbers in `index` go together."""

    clients: Mapping[str, Client]
    bodies: Sequence[bytes]
    index: Mapping[Key, int]
    owners: Sequence[str]


def load_fixtures(directory: Path, tree: MemberTree, *, progress: Progress | None = None) -> FixtureSet:
    """Load and check everything; raise one UsageError that lists what is wrong.

    `clients` is keyed by the folded client id, `owners` holds the id as written. `progress` is called with
    (bytes read, bytes in all), about a hundred times.
    """
    with _no_collector():
        loading = _Loading(Path(directory), tree, progress)
    if loading.problems:
        raise UsageError(_listed(loading.problems))
    return FixtureSet(loading.clients, tuple(loading.bodies), loading.index, tuple(loading.owners))


@contextmanager
def _no_collector() -> Iterator[None]:
    """Keep the garbage collector from looking through everything again and again while nothing can be garbage."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def check_fixtures(directory: Path, tree: MemberTree) -> list[FixtureProblem]:
    """Return every problem of the fixtures, in the order of the files."""
    return _Loading(Path(directory), tree, None).problems


def _listed(problems: Sequence[FixtureProblem]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    rows = [str(problem) for problem in problems[:_LISTED_PROBLEMS]]
    if len(problems) > _LISTED_PROBLEMS:
        rows.append(f"and {len(problems) - _LISTED_PROBLEMS} more; mockserver check lists them all")
    return "\n".join([f"the fixtures can't be used, {count}:", *rows])


class _Progress:
    """Reports each hundredth of the work once."""

    def __init__(self, callback: Progress | None, total: int) -> None:
        self._callback = callback
        self._total = total
        self._before = 0
        self._reported = 0

    def at(self, position: int) -> None:
        done = min(self._before + position, self._total)
        if self._callback and (done - self._reported) * 100 >= self._total:
            self._reported = done
            self._callback(done, self._total)

    def finish(self, size: int) -> None:
        self.at(size)
        self._before += size


class _Account:
    """What is needed of a client to load its profiles."""

    __slots__ = ("client_id", "key", "profile_ids", "reader")

    def __init__(self, reader: ProfileReader, client: Client) -> None:
        self.reader = reader
        self.client_id = client.client_id
        self.key = fold(client.client_id)
        self.profile_ids: dict[int, int] = {}


class _Loading:
    """One reading of a fixture directory."""

    def __init__(self, directory: Path, tree: MemberTree, progress: Progress | None) -> None:
        self.problems: list[FixtureProblem] = []
        self.clients: dict[str, Client] = {}
        self.bodies: list[bytes] = []
        self.owners: list[str] = []
        self.index = KeyIndex()
        self._tree = tree
        self._files: list[Path] = []
        self._origins = array("q")
        self._load(directory, progress)

    def _load(self, directory: Path, progress: Progress | None) -> None:
        if not directory.is_dir():
            self._refuse(directory, "no such directory", "name a directory with clients.toml and profiles/")
            return
        self._load_clients(directory / "clients.toml")
        self._check_names(directory)
        if not self.clients:
            return
        files = list(self._profile_files(directory / "profiles"))
        done = _Progress(progress, sum(path.stat().st_size for _, path in files))
        accounts = {name: _Account(ProfileReader(self._tree, client), client) for name, client in self.clients.items()}
        for client, path in files:
            self._load_profiles(accounts[fold(client.client_id)], path, done)

    def _load_clients(self, path: Path) -> None:
        try:
            raw = path.read_bytes()
        except OSError as error:
            self._refuse(path, f"can't be read: {error.strerror}", "write a table like [clients.ACME01] into it")
            return
        self.clients, found = read_clients(raw, self._tree)
        self._note(path, found)

    def _check_names(self, directory: Path) -> None:
        """Refuse what looks like fixtures but would not be read."""
        for path in _visible(directory):
            if path.is_dir() and path.name != "profiles":
                self._refuse(
                    path, "this folder is not read", nearest(path.name, ["profiles"], "profiles go to profiles/")
                )
            elif path.name.endswith((".json", *SUFFIXES)):
                self._refuse(path, "this file is not read here", "move it to profiles/<clientId>/")

    def _profile_files(self, directory: Path) -> Iterator[tuple[Client, Path]]:
        """Yield (client, file) for each file that holds profiles."""
        for path in _visible(directory):
            suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), "")
            if not path.is_dir() and not suffix:
                hint = f"profiles go to profiles/<clientId>/<name>.json or profiles/<clientId>{SUFFIXES[0]}"
                self._refuse(path, "not a file of profiles", hint)
            elif (client := self._client(path, path.name.removesuffix(suffix))) is not None:
                yield from ((client, file) for file in (self._folder(path) if path.is_dir() else [path]))

    def _client(self, path: Path, name: str) -> Client | None:
        client = self.clients.get(fold(name))
        if client is not None and client.client_id == name:
            return client
        known = [client.client_id for client in self.clients.values()]
        near = client.client_id if client else name
        hint = nearest(near, known, f"add [clients.{name}] to clients.toml")
        self._refuse(path, f"clients.toml has no client {name}", hint)
        return None

    def _folder(self, directory: Path) -> Iterator[Path]:
        for path in _visible(directory):
            if path.suffix == ".json" and path.is_file():
                yield path
            else:
                hint = (
                    f"keep only .json files here; a file with many profiles is profiles/{directory.name}{SUFFIXES[0]}"
                )
                self._refuse(path, "not a .json file", hint)

    def _load_profiles(self, account: _Account, path: Path, progress: _Progress) -> None:
        self._files.append(path)
        allowed = len(self.problems) + _PROBLEMS_PER_FILE
        try:
            for line, raw in _documents(path, progress):
                read = account.reader.read(raw)
                if isinstance(read, list):
                    self._note(path, read, line)
                else:
                    self._add(account, read, path, line)
                if len(self.problems) >= allowed:
                    self._refuse(path, f"{_PROBLEMS_PER_FILE} problems; the rest was not read", "correct these first")
                    break
        except READ_ERRORS as error:
            self._refuse(path, f"can't be read: {error}", "make it readable, and whole if it is compressed")
        progress.finish(path.stat().st_size)

    def _add(self, account: _Account, read: ReadProfile, path: Path, line: int) -> None:
        number = len(self.bodies)
        for kind, value in read.alternate_ids:
            if (owner := self.index.claim((account.key, kind, value), number)) != number:
                text = f"the alternate id {kind}/{value} is also that of {self._origin(owner)}"
                problem = Problem("/AlternateIds", text, "change one of the two; letter case doesn't tell them apart")
                self._note(path, [problem], line)
        if (owner := account.profile_ids.setdefault(read.profile_id, number)) != number:
            text = f"the ProfileId {read.profile_id} is also that of {self._origin(owner)}"
            self._note(path, [Problem("/ProfileId", text, "give each profile of a client its own")], line)
        self.bodies.append(read.body)
        self.owners.append(account.client_id)
        self._origins.append(len(self._files) << 32 | line)

    def _origin(self, number: int) -> str:
        """Return where a profile stands, as text."""
        origin = self._origins[number]
        path, line = self._files[(origin >> 32) - 1], origin & 0xFFFF_FFFF
        return f"{path}, line {line}" if line else str(path)

    def _note(self, path: Path, found: Sequence[Problem], line: int = 0) -> None:
        """Keep problems of a file, or of one line of it; a syntax error's own line number gives way to that."""
        for problem in found:
            place = problem.path
            if line:
                place = f"line {line}, {place}" if place.startswith("/") else f"{line}:{place.partition(':')[2]}"
            self.problems.append(FixtureProblem(str(path), place, problem.text, problem.hint))

    def _refuse(self, path: Path, text: str, hint: str) -> None:
        self.problems.append(FixtureProblem(str(path), "", text, hint))


def _visible(directory: Path) -> list[Path]:
    """Return a directory's entries in the order of their names, without hidden ones; nothing if it doesn't exist."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def _documents(path: Path, progress: _Progress) -> Iterator[tuple[int, bytes]]:
    """Yield (line, text) of each profile in a file; the line is 0 where the file is one profile."""
    if path.name.endswith(SUFFIXES):
        return read_lines(path, progress.at)
    return iter([(0, path.read_bytes())])
