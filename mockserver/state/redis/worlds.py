"""Worlds in Redis or Valkey, for several processes at a time: the same words as in memory, one step a script."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import count
from typing import Any

from mockserver.errors import StoreUnavailable, UsageError
from mockserver.faults.rules import Fault
from mockserver.profile.keys import Key
from mockserver.settings import without_password
from mockserver.state.content import Content
from mockserver.state.overlay import Base
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import Redis, connector, unavailable
from mockserver.state.redis.profiles import profile_arguments
from mockserver.state.redis.view import Bounds, Header, Shared
from mockserver.state.redis.world import RedisWorld
from mockserver.state.world import DEFAULT_WORLD, World, check_name, world_unknown

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
        self._fingerprint = fingerprint(base)
        self.numbers = RequestNumbers()
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

    def get(self, name: str | None, key: Key | None = None) -> World:
        """Return the world of that name; raise NotFound for an unknown one under strict worlds."""
        name = name or DEFAULT_WORLD
        header, answer = self._open(name, key, make=name == DEFAULT_WORLD or not self._strict)
        world = RedisWorld(name, self._shared, header)
        if key is not None:
            world.profiles.expect(key, answer)
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

    def _view(self, name: str) -> Header:
        return self._open(name, touch=False)[0]

    def _open(self, name: str, key: Key | None = None, *, touch: bool = True, make: bool = True) -> tuple[Header, Any]:
        """Return a world's small state, and what the database says of a profile."""
        if make:
            check_name(name)
        faults = self._shared.fresh_faults()
        slots = len(self._shared.base.bodies)
        flags = (int(touch), int(make), self._limit)
        asked = () if key is None else profile_arguments(key, self._shared.base)
        answer = self._redis.run(scripts.OPEN, name, *flags, self._fingerprint, self._seed, faults, slots, *asked)
        if answer == _OTHER_FIXTURES:
            raise unavailable(f"{self._redis.shown_url} holds the state of a server with other fixtures.", _ONE_SET)
        self.numbers.offer(answer[0])
        if len(answer) == 1:
            raise world_unknown(name)
        for evicted in answer[2]:
            _log.warning("world %s was evicted: more than %d worlds (--max-worlds)", evicted.decode(), self._limit)
        return _header(answer[1]), answer[3]


class RequestNumbers(Iterator[int]):
    """Numbers requests in order of arrival, over all processes: each takes the one that came with its world."""

    def __init__(self) -> None:
        self._spare = count(_SPARE)
        self._local = threading.local()

    def offer(self, number: int) -> None:
        """Keep a number for this thread's next request."""
        self._local.number = number

    def __next__(self) -> int:
        number: int | None = self._local.__dict__.pop("number", None)
        # A request that finds the store away reaches no journal; its number is no other's.
        return (os.getpid() << 20) + next(self._spare) if number is None else number


def _header(row: Sequence[bytes]) -> Header:
    epoch, revision, seed, frozen, offset, faults, counters, next_slot, _ = row
    moment = int(frozen) if frozen else None
    return Header(epoch, revision, int(seed), moment, int(offset), faults, counters, int(next_slot))


def fingerprint(base: Base) -> str:
    """Return what tells these profiles from any others: slots mean the same only over the same ones."""
    digest = blake2b(digest_size=16)
    for body in base.bodies:
        digest.update(b"%d " % len(body))
        digest.update(body)
    return digest.hexdigest()
