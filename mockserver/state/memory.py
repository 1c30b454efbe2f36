"""Worlds in this process's memory: the default store, and the faster one."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from threading import Lock

from mockserver.faults.rules import Counter, Decision, Facts, Fault, decide, expired
from mockserver.journal.log import Journal
from mockserver.profile.keys import Key
from mockserver.state.clock import Clock
from mockserver.state.overlay import Base, Clash, Overlay, places_in
from mockserver.state.profiles import Profiles
from mockserver.state.world import DEFAULT_WORLD, World, check_name, world_unknown

_log = logging.getLogger(__name__)


class MemoryWorld:
    """One namespace: profiles, faults, journal, clock, seed and snapshots."""

    __slots__ = (
        "_fault_lock",
        "_initial_faults",
        "clock",
        "counters",
        "faults",
        "journal",
        "name",
        "profiles",
        "seed",
        "snapshots",
    )

    def __init__(self, name: str, base: Base, journal: Journal, *, seed: int, faults: Sequence[Fault] = ()) -> None:
        self.name = name
        self.seed = seed
        self.profiles = Profiles(base)
        self.clock = Clock()
        self.journal = journal
        self.snapshots: dict[str, Overlay] = {}
        self._initial_faults = tuple(faults)
        self.faults: tuple[tuple[Fault, float], ...] = ()
        self.counters: dict[str, Counter] = {}
        self._fault_lock = Lock()
        if faults:
            self.reset_faults()

    def add_fault(self, fault: Fault) -> None:
        """Add a rule, or replace the one with its id and start counting anew; it expires by this world's clock."""
        with self._fault_lock:
            row = (fault, self.clock.now().timestamp())
            known = [old.id for old, _ in self.faults]
            rows = list(self.faults)
            if fault.id in known:
                rows[known.index(fault.id)] = row
            else:
                rows.append(row)
            self.faults = tuple(rows)
            self.counters.pop(fault.id, None)

    def remove_fault(self, fault_id: str) -> bool:
        """Remove a rule; return whether it was there."""
        with self._fault_lock:
            rows = tuple(row for row in self.faults if row[0].id != fault_id)
            removed = len(rows) < len(self.faults)
            self.faults = rows
            self.counters.pop(fault_id, None)
            return removed

    def reset_faults(self) -> None:
        """Go back to the faults that the server was started with, all counters at zero."""
        with self._fault_lock:
            started = self.clock.now().timestamp()
            self.faults = tuple((fault, started) for fault in self._initial_faults)
            self.counters = {}

    def clear_faults(self) -> None:
        """Remove every rule, also those that the server was started with."""
        with self._fault_lock:
            self.faults, self.counters = (), {}

    def decide_fault(self, facts: Facts) -> Decision:
        """Count the request for each matching rule and return what is due; atomic."""
        with self._fault_lock:
            now = self.clock.now().timestamp()
            live = [fault for fault, created in self.faults if not expired(fault, created_at=created, now=now)]
            decision = decide(live, facts, self.counters, seed=self.seed, world=self.name)
            self.counters.update(decision.counters)
            return decision

    def reset(self) -> None:
        """Go back to the fixtures, the initial faults, an empty journal and the system's clock."""
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
        limit: int = 1000,
        strict: bool = False,
        evicted: Callable[[MemoryWorld], None] | None = None,
    ) -> None:
        self._make = make
        self._base = base
        self._limit = limit
        self._strict = strict
        self._on_eviction = evicted
        self._lock = Lock()
        self._worlds: OrderedDict[str, MemoryWorld] = OrderedDict()
        self.default = make(DEFAULT_WORLD, base)
        self.evictions = 0
        self.numbers: Iterator[int] = count(1)

    def get(self, name: str | None, key: Key | None = None) -> MemoryWorld:
        """Return the world of that name; raise NotFound for an unknown one under strict worlds."""
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

    def create(self, name: str) -> MemoryWorld:
        """Make a world, or return the one that is there, also under strict worlds."""
        if name == DEFAULT_WORLD:
            return self.default
        with self._lock:
            return self._worlds.get(name) or self._create(name)

    def _create(self, name: str) -> MemoryWorld:
        check_name(name)
        world = self._worlds[name] = self._make(name, self._base)
        while len(self._worlds) > self._limit:
            _, oldest = self._worlds.popitem(last=False)
            self.evictions += 1
            _log.warning("world %s was evicted: more than %d worlds (--max-worlds)", oldest.name, self._limit)
            if self._on_eviction:
                self._on_eviction(oldest)
        return world

    def delete(self, name: str) -> bool:
        """Remove a world; the default one is reset instead. Return whether there was one."""
        if name == DEFAULT_WORLD:
            self.default.reset()
            return True
        with self._lock:
            return self._worlds.pop(name, None) is not None

    def names(self) -> list[str]:
        """Return every world's name, the default first, then by last use."""
        with self._lock:
            return [DEFAULT_WORLD, *self._worlds]

    def rebase(self, base: Base) -> dict[str, list[Clash]]:
        """Go over to new fixtures in every world, and return what worlds' own changes and they both claim."""
        places = places_in(base)
        with self._lock:
            self._base = base
            worlds = [self.default, *self._worlds.values()]
            return {world.name: found for world in worlds if (found := world.profiles.rebase(base, places))}

    def check(self) -> None:
        """Do nothing: memory is always there."""

    def disconnect(self) -> None:
        """Do nothing: memory is not connected to."""

    def all(self) -> list[World]:
        """Return every world."""
        with self._lock:
            return [self.default, *self._worlds.values()]
