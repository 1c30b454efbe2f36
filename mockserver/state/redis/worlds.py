"""Worlds in Redis or Valkey, for several processes at a time: the same words as in memory, one step a script."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from mockserver.errors import StoreUnavailable, UsageError
from mockserver.faults.rules import Fault
from mockserver.profile.keys import Key
from mockserver.settings import without_password
from mockserver.state.content import Content
from mockserver.state.overlay import Base, Fingerprint
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import Redis, connector, unavailable
from mockserver.state.redis.last_seen import Header, Seen, read_header, read_seen
from mockserver.state.redis.view import Bounds, Shared, profile_arguments
from mockserver.state.redis.world import RedisWorld
from mockserver.state.world import DEFAULT_WORLD, Beside, World, check_name, world_unknown

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_log = logging.getLogger(__name__)
_SPARE = 1 << 44
_OTHER_FIXTURES = b"other fixtures"
_ONE_SET = "Start all servers of one database with the same fixtures, take another database, or empty it: FLUSHDB."


def connect(url: str, base: Base, *, entries: int, size: int, **options: Any) -> RedisWorlds:
    """Return the worlds of a database; raise UsageError if it can't be used. The journals' bounds are as in memory."""
    redis = Redis(connector(url), without_password(url))
    worlds = RedisWorlds(redis, base, Bounds(entries, size, size), **options)
    worlds.start()
    return worlds


class RedisWorlds:
    """All worlds by name, shared with every other server on the same database; the least recently used goes first."""

    def __init__(
        self,
        redis: Redis,
        base: Base,
        bounds: Bounds,
        *,
        seed: int = 0,
        faults: Sequence[Fault] = (),
        limit: int = 1000,
        strict: bool = False,
        content: Content | None = None,
    ) -> None:
        self._redis = redis
        self._seed = seed
        self._limit = limit
        self._strict = strict
        # A packed file has it written down.
        self._fingerprint = getattr(base.bodies, "fingerprint", None) or str(Fingerprint(base.bodies))
        # A request that finds the store away reaches no journal, which numbers all others.
        self.numbers: Iterator[int] = count((os.getpid() << 20) + _SPARE)
        self._shared = Shared(redis, base, bounds, open_world=self._view, faults=faults, content=content or Content())

    def start(self) -> None:
        """Check that this server can work on the database; raise UsageError if not."""
        try:
            self._open(DEFAULT_WORLD)
        except StoreUnavailable as refusal:
            hint = "start Redis or correct the URL, or keep state in memory: --store memory"
            hint = _ONE_SET if refusal.hint == _ONE_SET else hint
            raise UsageError(refusal.why, place="store", hint=hint) from refusal

    @property
    def default(self) -> World:
        return RedisWorld(DEFAULT_WORLD, self._shared)

    @property
    def evictions(self) -> int:
        return int(self._redis.read("GET", f"{scripts.PREFIX}evictions") or 0)

    @property
    def appended(self) -> int:
        return int(self._redis.read("GET", f"{scripts.PREFIX}appended") or 0)

    @property
    def content_bytes(self) -> int:
        """An estimate of what all worlds hold together: changed profiles, snapshots and faults."""
        return int(self._redis.read("GET", f"{scripts.PREFIX}content") or 0)

    def get(self, name: str | None) -> World:
        """Return the world of that name; raise NotFound for an unknown one under strict worlds."""
        name = name or DEFAULT_WORLD
        return RedisWorld(name, self._shared, self._open(name, make=self._may_make(name))[0])

    def serve(self, name: str | None, key: Key | None) -> World:
        """Return the world for one request, as it was last seen; what does not hold shows when the request ends."""
        name, known = name or DEFAULT_WORLD, self._shared.last_seen
        header, seen = known.headers.get(name), known.profile(name, key) if key is not None else None
        if header is None or (key is not None and seen is None):
            header, seen = self._open(name, key, make=self._may_make(name))
        world = RedisWorld(name, self._shared, header)
        world.serving = True
        world.asked = None if key is None or seen is None else (key, seen)
        return world

    def create(self, name: str) -> World:
        """Make a world, or return the one that is there, also under strict worlds."""
        return RedisWorld(name, self._shared, self._open(name)[0])

    def delete(self, name: str) -> bool:
        """Remove a world; the default one is reset instead. Return whether there was one."""
        if name == DEFAULT_WORLD:
            self.default.reset()
            return True
        return bool(self._redis.run(scripts.DELETE, name))

    def names(self) -> list[str]:
        """Return every world's name, the default first, then by last use."""
        return [
            DEFAULT_WORLD,
            *(name.decode() for name in self._redis.read("ZRANGE", f"{scripts.PREFIX}worlds", 0, -1)),
        ]

    def all(self) -> list[World]:
        """Return every world."""
        return [RedisWorld(name, self._shared) for name in self.names()]

    def check(self) -> None:
        """Raise StoreUnavailable if the store can't be reached."""
        self._open(DEFAULT_WORLD)

    def disconnect(self) -> None:
        """Close this thread's connection; a process that forks does so first."""
        self._redis.disconnect()

    def beside(self, loop: AbstractEventLoop) -> Beside | None:
        """Return what lets requests of a server's loop wait for Redis at the same time; None without greenlet."""
        try:
            from mockserver.state.redis.overlap import Overlap, asking
        except ImportError:
            return None
        self._redis.asking = asking
        return Overlap(self._redis.connect, loop).run

    def _may_make(self, name: str) -> bool:
        return name == DEFAULT_WORLD or not self._strict

    def _view(self, name: str, key: Key | None = None) -> tuple[Header, Seen | None]:
        return self._open(name, key, touch=False, make=self._may_make(name))

    def _open(
        self, name: str, key: Key | None = None, *, touch: bool = True, make: bool = True
    ) -> tuple[Header, Seen | None]:
        """Return a world's small state, and what the database says of a profile."""
        if make:
            check_name(name)
        faults = self._shared.fresh_faults()
        slots = len(self._shared.base.bodies)
        flags = (int(touch), int(make), self._limit)
        asked = () if key is None else profile_arguments(key, self._shared.base)
        own = self._fingerprint, self._seed, faults, slots, token_hex(8)
        answer = self._redis.run(scripts.OPEN, name, *flags, *own, *asked)
        if answer == _OTHER_FIXTURES:
            raise unavailable(f"{self._redis.shown_url} holds the state of a server with other fixtures.", _ONE_SET)
        if not answer:
            raise world_unknown(name)
        for evicted in answer[1]:
            _log.warning("world %s was evicted: more than %d worlds (--max-worlds)", evicted.decode(), self._limit)
        if int(answer[3] or 0) > self._shared.content.max_bytes:
            self._shared.make_room()
        header = read_header(answer[0])
        seen = None if key is None else read_seen(answer[2], self._shared.base)
        self._shared.last_seen.note(name, header, key, seen)
        return header, seen
