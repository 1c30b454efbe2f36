"""What all parts of a world in Redis share: its small state as one request sees it, and guarded writes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from random import getrandbits
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

import orjson
from msgspec.structs import replace

from mockserver.errors import ApiError, StoreUnavailable
from mockserver.faults.fields import APPLIED_OPS
from mockserver.faults.rules import Counter, Fault
from mockserver.faults.text import Known, from_json, to_json
from mockserver.journal.log import Overtaken
from mockserver.profile.keys import Key, write_key
from mockserver.state.clock import stopwatch, system_now
from mockserver.state.content import Content, crowded, world_full
from mockserver.state.overlay import Base
from mockserver.state.profiles import alternate_id_taken
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import Redis, unavailable
from mockserver.state.redis.last_seen import Header, LastSeen, Seen, read_header, read_seen
from mockserver.state.world import Rows

_log = logging.getLogger(__name__)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRIPES: Final = 64
ATTEMPTS: Final = 200
PATIENCE_S: Final = 5.0
"""For how long a request is computed anew; by times a process beside a busier one would soon be refused."""
"""How often a change is computed anew at most; threads of one process wait for each other instead."""
# What was checked when it was taken in is read back whatever dialect is in use.
_CHECKED: Final = Known(applied_ops=(*APPLIED_OPS, "move", "copy"))


class Bounds(NamedTuple):
    """What a journal may hold: exchanges, bytes, and bytes together with all others."""

    entries: int
    world_bytes: int
    bytes: int


class OpenWorld(Protocol):
    """Reads a world's small state, and what the database says of a profile; makes the world if need be."""

    def __call__(self, name: str, key: Key | None = None) -> tuple[Header, Seen | None]: ...


class Write(NamedTuple):
    """A change of the profile that a request is about: new version and bytes, and what the script is told of keys."""

    version: bytes
    body: bytes
    keys: Sequence[str | bytes | int]
    wanted: Sequence[Key]


class Shared:
    """What all worlds of one process have in common."""

    def __init__(
        self,
        redis: Redis,
        base: Base,
        bounds: Bounds,
        *,
        open_world: OpenWorld,
        faults: Sequence[Fault],
        content: Content,
    ) -> None:
        self.redis = redis
        self.base = base
        self.bounds = bounds
        self.open_world = open_world
        self.initial_faults = tuple(faults)
        self.content = content
        self.last_seen = LastSeen()
        self._locks = [Lock() for _ in range(_STRIPES)]

    def fresh_faults(self) -> bytes:
        """Return the rules of a new world, taken in now, as bytes."""
        started = system_now().timestamp()
        return write_faults(tuple((fault, started) for fault in self.initial_faults))

    def make_room(self) -> None:
        """Let worlds go until all together hold what they may, the least recently used first."""
        for name in self.redis.run(scripts.MAKE_ROOM, self.content.max_bytes):
            _log.warning("world %s was evicted: %s", name.decode(), crowded(self.content.max_bytes))

    def turn(self, *what: object) -> Lock:
        """Return what lets the threads of this process write one after the other, so that only processes compete."""
        return self._locks[hash(what) % _STRIPES]


class WorldView:
    """A world's small state as it is when it is first asked for; what this view writes it sees, what others write not.

    A view that found the store away stays so. One that serves a request of the API stores nothing before the request
    ends (`settle`), so that all of it takes one step.
    """

    __slots__ = ("_away", "_header", "_overtaken_at", "asked", "name", "pending", "serving", "shared")

    def __init__(self, name: str, shared: Shared, header: Header | None = None) -> None:
        self.name = name
        self.shared = shared
        self.serving = False
        self.asked: tuple[Key, Seen] | None = None
        """What the request is about, and what was seen of it."""
        self.pending: Write | None = None
        self._header = header
        self._away: StoreUnavailable | None = None
        self._overtaken_at: float | None = None  # for the first time

    def header(self) -> Header:
        """Return the world's small state, read when it is first asked for."""
        if self._header is None:
            if self._away is not None:
                raise self._away
            try:
                self._header, _ = self.shared.open_world(self.name)
            except StoreUnavailable as refusal:
                self._away = refusal
                raise
        return self._header

    def refresh(self) -> None:
        """Forget what was read."""
        self._header = None

    def attempts(self) -> Iterator[int]:
        """Count up, with a pause, while other processes are faster."""
        for attempt in range(ATTEMPTS):
            self.shared.redis.pause(attempt)
            yield attempt

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
            if answer == scripts.TOO_LARGE:
                raise world_full(self.shared.content.world_bytes)
            if answer != scripts.GONE:
                return answer
        raise unavailable(f"The world {self.name} was deleted {ATTEMPTS} times while this request was under way.")

    def take(self, header: Header) -> None:
        """Take what this view has just written as what is there."""
        self._header = header
        self.shared.last_seen.note(self.name, header)

    def settle(self, exchange: bytes) -> int:
        """End the request: store its change and its exchange if all that was seen holds; return the request's number.

        Raises Overtaken if something does not hold: the view then shows what is there now. Raises BadRequest if a new
        alternate id belongs to another profile, and StoreUnavailable.
        """
        try:
            return self._settle(exchange)
        except ApiError:
            # It was not stored, or that is not known; what was computed from it meanwhile falls with it.
            if self.asked is not None:
                self.shared.last_seen.forget(self.name, *self.asked)
            raise

    def _settle(self, exchange: bytes) -> int:
        header, pending, serving = self.header(), self.pending, self.serving
        about = _NOTHING if self.asked is None else _about(*self.asked, self.shared.base)
        content = self.shared.content
        change: tuple[str | bytes | int, ...] = ()
        if pending is not None and self.asked is not None:
            change = pending.body, content.world_bytes, content.max_bytes, pending.version, *pending.keys
            # Now, for other requests may be computed from it before this one ends: Redis sees them in the same order.
            key, seen = self.asked
            self.shared.last_seen.note(self.name, header, key, seen._replace(version=pending.version))
        self.serving, self.pending = False, None
        answer = self.shared.redis.run_beside(
            scripts.SETTLE, self.name, header.epoch, header.version, exchange, *self.shared.bounds, *about, *change
        )
        if not isinstance(answer, int) and answer and answer[0] == scripts.CROWDED:
            self.shared.make_room()
            answer = answer[1]
        if isinstance(answer, int):
            return answer
        if answer and answer[0] == scripts.TOO_LARGE:
            raise world_full(content.world_bytes)
        if answer and answer[0] == scripts.FULL:
            assert pending is not None, "what changes nothing takes no key"
            raise alternate_id_taken(pending.wanted[answer[1] - 1])
        self._see_again(answer, serving=serving)
        raise Overtaken

    def _see_again(self, answer: Sequence[Any], *, serving: bool) -> None:
        """Take what is there now; a world that is gone is made anew, as far as the next request would."""
        now = stopwatch()
        if self._overtaken_at is None:
            self._overtaken_at = now
        if now - self._overtaken_at > PATIENCE_S:
            raise unavailable(f"For {PATIENCE_S:g} seconds other processes were faster each time.")
        if answer:  # no pause: what the answer holds would be older after it, and overtaken again
            header, seen = read_header(answer[1]), read_seen(answer[2], self.shared.base)
            if self.asked is not None:
                seen = self.shared.last_seen.after(self.name, *self.asked, seen)
            self.shared.last_seen.note(self.name, header, self.asked and self.asked[0], seen)
        else:
            header, found = self.shared.open_world(self.name, self.asked and self.asked[0])
            seen = found or read_seen(None, self.shared.base)
        self._header, self.serving = header, serving
        self.asked = None if self.asked is None else (self.asked[0], seen)


_NOTHING: Final = ("", "", "", "")


def _about(key: Key, seen: Seen, base: Base) -> tuple[str | bytes | int, ...]:
    return *profile_arguments(key, base), "" if seen.slot is None else seen.slot, seen.version


def new_version() -> bytes:
    """Return a version that no profile ever had, in whatever database."""
    return b"%d" % getrandbits(63)


def profile_arguments(key: Key, base: Base) -> tuple[bytes, str]:
    """Return what a script needs to find a profile: its key, and its slot in the fixtures or nothing."""
    slot = base.index.get(key)
    return write_key(key), "" if slot is None else str(slot)


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
