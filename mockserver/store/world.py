"""Worlds: the unit of state. Everything that can change belongs to one, and two never see each other."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from mockserver.core.faults import Counter, Decision, Facts, Fault, decide, expired
from mockserver.errors import BadRequest, NotFound
from mockserver.store.clock import Clock
from mockserver.store.journal import Journal
from mockserver.store.profiles import Base, Overlay, Profiles

DEFAULT_WORLD = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_log = logging.getLogger(__name__)


class World:
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

    def reset(self) -> None:
        """Go back to the fixtures, the initial faults, an empty journal and the system's clock."""
        self.clock.reset()
        self.profiles.reset()
        self.reset_faults()
        self.journal.clear()


class Worlds:
    """All worlds by name, made on first use; beyond the bound the least recently used one goes."""

    def __init__(
        self,
        make: Callable[[str], World],
        *,
        limit: int = 1000,
        strict: bool = False,
        evicted: Callable[[World], None] | None = None,
    ) -> None:
        self._make = make
        self._limit = limit
        self._strict = strict
        self._on_eviction = evicted
        self._lock = Lock()
        self._worlds: OrderedDict[str, World] = OrderedDict()
        self.default = make(DEFAULT_WORLD)
        self.evictions = 0

    def get(self, name: str | None) -> World:
        """Return the world of that name; raise NotFound for an unknown one under strict worlds."""
        if name is None or name == DEFAULT_WORLD:
            return self.default
        with self._lock:
            world = self._worlds.get(name)
            if world is not None:
                self._worlds.move_to_end(name)
                return world
            if self._strict:
                raise NotFound(
                    f"The namespace '{name}' does not exist.",
                    rule="namespace-unknown",
                    hint="make it first with POST /__admin/namespaces, or start without --strict-worlds",
                )
            return self._create(name)

    def create(self, name: str) -> World:
        """Make a world, or return the one that is there, also under strict worlds."""
        if name == DEFAULT_WORLD:
            return self.default
        with self._lock:
            return self._worlds.get(name) or self._create(name)

    def _create(self, name: str) -> World:
        check_name(name)
        world = self._worlds[name] = self._make(name)
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

    def all(self) -> list[World]:
        """Return every world."""
        with self._lock:
            return [self.default, *self._worlds.values()]


def check_name(name: str) -> None:
    """Raise BadRequest for a name that can't be a world's."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            "The namespace's name is not valid.",
            rule="namespace-invalid",
            why=f"{name[:40]!r} can't name a world.",
            hint="use at most 128 letters, digits and . _ : - with a letter or digit first",
        )


def decide_fault(world: World, facts: Facts) -> Decision | None:
    """Count the request for each matching rule of the world and return what is due; atomic per world."""
    if not world.faults:
        return None
    with world._fault_lock:
        now = world.clock.now().timestamp()
        live = [fault for fault, created in world.faults if not expired(fault, created_at=created, now=now)]
        decision = decide(live, facts, world.counters, seed=world.seed, world=world.name)
        world.counters.update(decision.counters)
        return decision
