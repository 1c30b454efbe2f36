"""What all parts of a world in Redis share: its small state as one request sees it, and guarded writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Any, Final, NamedTuple

import orjson
from msgspec.structs import replace

from mockserver.errors import StoreUnavailable
from mockserver.faults.fields import APPLIED_OPS
from mockserver.faults.rules import Counter, Fault
from mockserver.faults.text import Known, from_json, to_json
from mockserver.state.clock import system_now
from mockserver.state.content import Content
from mockserver.state.overlay import Base
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import Redis, unavailable
from mockserver.state.world import Rows

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRIPES: Final = 64
ATTEMPTS: Final = 200
"""How often a change is computed anew at most; threads of one process wait for each other instead."""
# What was checked when it was taken in is read back whatever dialect is in use.
_CHECKED: Final = Known(applied_ops=(*APPLIED_OPS, "move", "copy"))


class Bounds(NamedTuple):
    """What a journal may hold: exchanges, bytes, and bytes together with all others."""

    entries: int
    world_bytes: int
    bytes: int


class Header(NamedTuple):
    """A world's small state at one moment; times in microseconds."""

    epoch: bytes
    revision: bytes
    seed: int
    frozen: int | None
    offset: int
    faults: bytes
    counters: bytes
    next_slot: int


class Shared:
    """What all worlds of one process have in common."""

    def __init__(
        self,
        redis: Redis,
        base: Base,
        bounds: Bounds,
        *,
        open_world: Callable[[str], Header],
        faults: Sequence[Fault],
        content: Content,
    ) -> None:
        self.redis = redis
        self.base = base
        self.bounds = bounds
        self.open_world = open_world
        self.initial_faults = tuple(faults)
        self.content = content
        self._locks = [Lock() for _ in range(_STRIPES)]

    def fresh_faults(self) -> bytes:
        """Return the rules of a new world, taken in now, as bytes."""
        started = system_now().timestamp()
        return write_faults(tuple((fault, started) for fault in self.initial_faults))

    @contextmanager
    def turn(self, *what: object) -> Iterator[None]:
        """Let the threads of this process write one after the other, so that only processes compete."""
        with self._locks[hash(what) % _STRIPES]:
            yield


class WorldView:
    """A world's small state as it is when it is first asked for; what this view writes it sees, what others write not.

    A view that found the store away stays so.
    """

    __slots__ = ("_away", "_header", "name", "shared")

    def __init__(self, name: str, shared: Shared, header: Header | None = None) -> None:
        self.name = name
        self.shared = shared
        self._header = header
        self._away: StoreUnavailable | None = None

    def header(self) -> Header:
        """Return the world's small state, read when it is first asked for."""
        if self._header is None:
            if self._away is not None:
                raise self._away
            try:
                self._header = self.shared.open_world(self.name)
            except StoreUnavailable as refusal:
                self._away = refusal
                raise
        return self._header

    def refresh(self) -> None:
        """Forget what was read."""
        self._header = None

    def key(self, kind: str) -> str:
        """Return the name of one of this world's keys in Redis."""
        return f"{scripts.PREFIX}{kind}:{self.name}"

    def next_slot(self) -> int:
        """Return the number that the next new profile gets."""
        return int(self.shared.redis.read("HGET", self.key("header"), "next") or len(self.shared.base.bodies))

    def write_once(self, script: scripts.Script, *arguments: str | bytes | int) -> Any:
        """Run a script that is guarded by the world's epoch; it may answer that the world is gone."""
        return self.shared.redis.run(script, self.name, self.header().epoch, *arguments)

    def write(self, script: scripts.Script, *arguments: str | bytes | int) -> Any:
        """Run a script that is guarded by the world's epoch, on the world that there is now."""
        for _ in range(ATTEMPTS):
            answer = self.write_once(script, *arguments)
            self.refresh()
            if answer != scripts.GONE:
                return answer
        raise unavailable(f"The world {self.name} was deleted {ATTEMPTS} times while this request was under way.")

    def take(self, header: Header) -> None:
        """Take what this view has just written as what is there."""
        self._header = header


def write_faults(rows: Rows) -> bytes:
    """Return rules and their times as bytes."""
    return orjson.dumps([[to_json(fault), created, fault.enabled] for fault, created in rows])


@lru_cache(maxsize=256)
def read_faults(written: bytes) -> Rows:
    """Return the rules that bytes hold; kept, for they change seldom and are asked for with every request."""
    return tuple(
        (replace(from_json(document, known=_CHECKED), enabled=enabled), created)
        for document, created, enabled in orjson.loads(written)
    )


def write_counters(counters: Mapping[str, Counter]) -> bytes:
    """Return counters as bytes."""
    return orjson.dumps({name: [*counter] for name, counter in counters.items()})


def read_counters(written: bytes) -> dict[str, Counter]:
    """Return the counters that bytes hold."""
    return {name: Counter(*counter) for name, counter in orjson.loads(written).items()} if written != b"{}" else {}
