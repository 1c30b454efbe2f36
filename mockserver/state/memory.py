"""Worlds in this process's memory: the default store, and the faster one. What each method does says `world.py`."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from threading import Lock

from mockserver.faults.rules import Counter, Decision, Facts, Fault, expired, matching, strike
from mockserver.journal.log import Journal
from mockserver.profile.keys import Key
from mockserver.state.clock import Clock
from mockserver.state.content import Content, Share, Snapshots, crowded, fault_size, too_many_faults
from mockserver.state.overlay import Base, Clash
from mockserver.state.profiles import Profiles
from mockserver.state.world import DEFAULT_WORLD, World, check_name, switched, world_unknown

_log = logging.getLogger(__name__)


class MemoryWorld:
    """One namespace: profiles, faults, journal, clock, seed and snapshots."""

    __slots__ = (
        "_fault_lock",
        "_fault_sizes",
        "_initial_faults",
        "clock",
        "counters",
        "faults",
        "journal",
        "name",
        "profiles",
        "seed",
        "share",
        "snapshots",
    )

    def __init__(
        self,
        name: str,
        base: Base,
        journal: Journal,
        *,
        seed: int,
        faults: Sequence[Fault] = (),
        content: Content | None = None,
    ) -> None:
        self.name = name
        self.seed = seed
        self.share = Share(content or Content())
        self.profiles = Profiles(base, self.share)
        self.clock = Clock()
        self.journal = journal
        self.snapshots = Snapshots(self.share)
        self._initial_faults = tuple(faults)
        self.faults: tuple[tuple[Fault, float], ...] = ()
        self.counters: dict[str, Counter] = {}
        self._fault_sizes: dict[str, int] = {}  # of those that were added, the initial ones belong to all worlds
        self._fault_lock = Lock()
        if faults:
            self.reset_faults()

    def add_fault(self, fault: Fault) -> None:
        with self._fault_lock:
            row = (fault, self.clock.now().timestamp())
            rows = list(self.faults)
            place = next((place for place, (old, _) in enumerate(rows) if old.id == fault.id), len(rows))
            if place >= self.share.content.max_faults:
                rows = self._without_expired(rows, row[1])
                place = len(rows)
            self._count_fault(fault.id, fault_size(fault))
            rows[place : place + 1] = [row]
            self.faults = tuple(rows)
            self.counters.pop(fault.id, None)

    def remove_fault(self, fault_id: str) -> bool:
        with self._fault_lock:
            rows = tuple(row for row in self.faults if row[0].id != fault_id)
            removed = len(rows) < len(self.faults)
            self.faults = rows
            self.counters.pop(fault_id, None)
            self._count_fault(fault_id, 0)
            return removed

    def switch_fault(self, fault_id: str, *, enabled: bool) -> bool:
        with self._fault_lock:
            self.faults = switched(self.faults, fault_id, enabled=enabled)
            return any(fault.id == fault_id for fault, _ in self.faults)

    def reset_faults(self) -> None:
        with self._fault_lock:
            started = self.clock.now().timestamp()
            self.faults = tuple((fault, started) for fault in self._initial_faults)
            self.counters = {}
            self._uncount_faults()

    def clear_faults(self) -> None:
        with self._fault_lock:
            self.faults, self.counters = (), {}
            self._uncount_faults()

    def _without_expired(self, rows: list[tuple[Fault, float]], now: float) -> list[tuple[Fault, float]]:
        """Make room for one more rule; raise BoundReached if none has ended."""
        left = [row for row in rows if not expired(row[0], created_at=row[1], now=now)]
        if len(left) >= self.share.content.max_faults:
            raise too_many_faults(self.share.content.max_faults)
        for fault_id in {fault.id for fault, _ in rows} - {fault.id for fault, _ in left}:
            self._count_fault(fault_id, 0)
            self.counters.pop(fault_id, None)
        return left

    def _count_fault(self, fault_id: str, size: int) -> None:
        with self.share.lock:
            self.share.grow(size - self._fault_sizes.get(fault_id, 0))
            self._fault_sizes.pop(fault_id, None)
            if size:
                self._fault_sizes[fault_id] = size

    def _uncount_faults(self) -> None:
        with self.share.lock:
            self.share.grow(-sum(self._fault_sizes.values()))
            self._fault_sizes = {}

    def decide_fault(self, facts: Facts) -> Decision:
        while True:
            # Which rules match rests on no counter: found out before the lock, so that nobody waits for a long patch.
            rows, now = self.faults, self.clock.now().timestamp()
            live = [row for row in rows if not expired(row[0], created_at=row[1], now=now)]
            due = matching([fault for fault, _ in live], facts)
            with self._fault_lock:
                if self.faults is not rows:
                    continue
                decision = strike(due, self.counters, seed=self.seed, world=self.name)
                self.counters.update(decision.counters)
                return decision

    def reset(self) -> None:
        self.clock.reset()
        self.profiles.reset()
        self.reset_faults()
        self.journal.clear()


class MemoryWorlds:
    """All worlds by name, made on first use; beyond the bound the least recently used one goes."""

    def __init__(
        self,
        make: Callable[[str, Base], MemoryWorld],
        base: Base,
        *,
        content: Content | None = None,
        limit: int = 1000,
        strict: bool = False,
        evicted: Callable[[MemoryWorld], None] | None = None,
    ) -> None:
        self._make = make
        self._base = base
        self._content = content or Content()
        self._limit = limit
        self._strict = strict
        self._on_eviction = evicted
        self._lock = Lock()
        self._worlds: OrderedDict[str, MemoryWorld] = OrderedDict()
        self.default = make(DEFAULT_WORLD, base)
        self.evictions = 0
        self.numbers: Iterator[int] = count(1)

    @property
    def appended(self) -> int:
        return sum(world.journal.total for world in self.all())

    def get(self, name: str | None, key: Key | None = None) -> MemoryWorld:
        if self._content.used > self._content.max_bytes:
            self._make_room()
        if name is None or name == DEFAULT_WORLD:
            return self.default
        with self._lock:
            world = self._worlds.get(name)
            if world is not None:
                self._worlds.move_to_end(name)
                return world
            if self._strict:
                raise world_unknown(name)
            return self._create(name)

    serve = get

    def create(self, name: str) -> MemoryWorld:
        if name == DEFAULT_WORLD:
            return self.default
        with self._lock:
            return self._worlds.get(name) or self._create(name)

    def _create(self, name: str) -> MemoryWorld:
        check_name(name)
        world = self._worlds[name] = self._make(name, self._base)
        while len(self._worlds) > self._limit:
            self._evict(next(iter(self._worlds)), f"more than {self._limit} worlds (--max-worlds)")
        return world

    def _make_room(self) -> None:
        """Let worlds that hold something go, the least recently used first; the one that was used last stays."""
        content = self._content
        with self._lock:
            for name in list(self._worlds)[:-1]:
                if content.used <= content.max_bytes:
                    return
                if self._worlds[name].share.used:
                    self._evict(name, crowded(content.max_bytes))

    def _evict(self, name: str, why: str) -> None:
        world = self._worlds.pop(name)
        world.share.leave()
        world.journal.end()
        self.evictions += 1
        _log.warning("world %s was evicted: %s", name, why)
        if self._on_eviction:
            self._on_eviction(world)

    def delete(self, name: str) -> bool:
        if name == DEFAULT_WORLD:
            self.default.reset()
            return True
        with self._lock:
            world = self._worlds.pop(name, None)
        if world is not None:
            world.share.leave()
            world.journal.end()
        return world is not None

    @property
    def content_bytes(self) -> int:
        return self._content.used

    def names(self) -> list[str]:
        with self._lock:
            return [DEFAULT_WORLD, *self._worlds]

    def rebase(self, base: Base) -> dict[str, list[Clash]]:
        """Go over to new fixtures in every world, and return what worlds' own changes and they both claim."""
        with self._lock:
            self._base = base
            worlds = [self.default, *self._worlds.values()]
            return {world.name: found for world in worlds if (found := world.profiles.rebase(base))}

    def check(self) -> None:
        """Do nothing: memory is always there."""

    def beside(self, loop: object) -> None:
        """Return nothing: nobody waits for memory."""

    def disconnect(self) -> None:
        """Do nothing: memory is not connected to."""

    def all(self) -> list[World]:
        with self._lock:
            return [self.default, *self._worlds.values()]
