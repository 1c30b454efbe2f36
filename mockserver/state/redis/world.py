"""One world in Redis, as one request sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from mockserver.errors import StoreUnavailable
from mockserver.faults.rules import Counter, Decision, Facts, Fault, expired, matching, strike
from mockserver.state.clock import Clock, system_now
from mockserver.state.content import too_many_faults, world_full
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import unavailable
from mockserver.state.redis.journal import RedisJournal
from mockserver.state.redis.last_seen import Header
from mockserver.state.redis.profiles import RedisProfiles, RedisSnapshots
from mockserver.state.redis.view import (
    ATTEMPTS,
    EPOCH,
    Shared,
    WorldView,
    read_counters,
    read_faults,
    write_counters,
    write_faults,
)
from mockserver.state.world import Rows, switched

_MICROSECOND: Final = timedelta(microseconds=1)


class RedisWorld(WorldView):
    """One world; profiles, journal and snapshots are always those of the moment."""

    __slots__ = ("_decision", "clock", "journal", "profiles", "snapshots")

    def __init__(self, name: str, shared: Shared, header: Header | None = None) -> None:
        super().__init__(name, shared, header)
        self.clock = RedisClock(self)
        self.journal = RedisJournal(self)
        self.profiles = RedisProfiles(self)
        self.snapshots = RedisSnapshots(self)
        self._decision: Decision | None = None

    @property
    def seed(self) -> int:
        return self.header().seed

    @property
    def faults(self) -> Rows:
        return read_faults(self.header().faults)

    @property
    def counters(self) -> Mapping[str, Counter]:
        return read_counters(self.header().counters)

    def add_fault(self, fault: Fault) -> None:
        """Add a rule, or replace the one with its id and start counting anew; it expires by this world's clock."""
        row = (fault, self.clock.now().timestamp())

        def change(rows: Rows) -> Rows:
            known = [old.id for old, _ in rows]
            if fault.id not in known:
                return (*self._with_room(rows, row[1]), row)
            place = known.index(fault.id)
            return (*rows[:place], row, *rows[place + 1 :])

        self._change_faults(change, {fault.id})

    def _with_room(self, rows: Rows, now: float) -> Rows:
        """Leave rules out that have ended if there are as many as may be; raise BoundReached if none has."""
        most = self.shared.content.max_faults
        if len(rows) < most:
            return rows
        left = tuple(row for row in rows if not expired(row[0], created_at=row[1], now=now))
        if len(left) >= most:
            raise too_many_faults(most)
        return left

    def remove_fault(self, fault_id: str) -> bool:
        """Remove a rule; return whether it was there."""
        before = self._change_faults(lambda rows: tuple(row for row in rows if row[0].id != fault_id), {fault_id})
        return any(fault.id == fault_id for fault, _ in before)

    def switch_fault(self, fault_id: str, *, enabled: bool) -> bool:
        """Switch a rule on or off, its counts kept; return whether it is there."""
        before = self._change_faults(lambda rows: switched(rows, fault_id, enabled=enabled), set())
        return any(fault.id == fault_id for fault, _ in before)

    def reset_faults(self) -> None:
        """Go back to the faults that the server was started with, all counters at zero."""
        started = self.clock.now().timestamp()
        self._change_faults(lambda rows: tuple((fault, started) for fault in self.shared.initial_faults), None)

    def clear_faults(self) -> None:
        """Remove every rule, also those that the server was started with."""
        self._change_faults(lambda rows: (), None)

    def decide_fault(self, facts: Facts) -> Decision:
        """Count the request for each matching rule and return what is due; atomic, and once for each request."""
        if self._decision is not None:
            return self._decision
        with self.shared.turn(self.name):
            for _ in self.attempts():
                now = self.clock.now().timestamp()
                live = [fault for fault, created in self.faults if not expired(fault, created_at=created, now=now)]
                decision = strike(matching(live, facts), self.counters, seed=self.seed, world=self.name)
                if not decision.counters:
                    return decision
                if self._swap_faults({**self.counters, **decision.counters}):
                    self._decision = decision if self.serving else None
                    return decision
        raise unavailable(f"Other processes changed the faults {ATTEMPTS} times while this request was under way.")

    def reset(self) -> None:
        """Go back to the fixtures, the initial faults, an empty journal and the system's clock; in one step."""
        self.write(scripts.RESET, self.shared.fresh_faults(), len(self.shared.base.bodies))

    def _change_faults(self, change: Callable[[Rows], Rows], counted_anew: set[str] | None) -> Rows:
        """Change the rules, and drop these counters or (None) all; return the rules before."""
        with self.shared.turn(self.name):
            self.refresh()
            for _ in self.attempts():
                before = self.faults
                dropped = self.counters.keys() if counted_anew is None else counted_anew
                counters = {name: counter for name, counter in self.counters.items() if name not in dropped}
                if self._swap_faults(counters, write_faults(change(before))):
                    return before
        raise unavailable(f"Other processes changed the faults {ATTEMPTS} times while this request was under way.")

    def _swap_faults(self, counters: Mapping[str, Counter], faults: bytes | None = None) -> bool:
        """Store counters, and rules unless None, if nobody else did meanwhile; the view then has them too."""
        header, counted = self.header(), write_counters(counters)
        changed = () if faults is None else (faults,)
        most = self.shared.content.world_bytes
        revision = self.write_once(scripts.SWAP_FAULTS, header.revision, counted, most, *changed)
        if revision == scripts.TOO_LARGE:
            raise world_full(most)
        if revision < 0:
            self.refresh()
            return False
        rules = header.faults if faults is None else faults
        self.take(header._replace(counters=counted, faults=rules, revision=b"%d" % revision))
        return True


class RedisClock(Clock):
    """A world's time, for all processes."""

    __slots__ = ("_world",)

    def __init__(self, world: RedisWorld) -> None:
        self._world = world

    @property
    def frozen(self) -> bool:
        return self._world.header().frozen is not None

    @property
    def offset_s(self) -> float:
        return timedelta(microseconds=self._world.header().offset).total_seconds()

    def now(self) -> datetime:
        """Return this world's time, in UTC; the system's while the store is away, for a refusal has a time too."""
        try:
            header = self._world.header()
        except StoreUnavailable:
            return system_now()
        if header.frozen is not None:
            return EPOCH + timedelta(microseconds=header.frozen)
        return system_now() + timedelta(microseconds=header.offset) if header.offset else system_now()

    def received(self) -> tuple[datetime | None, bool]:
        """Return the machine's time where it is not this world's, else None; and whether this world's stands still."""
        try:
            header = self._world.header()
        except StoreUnavailable:
            return None, False
        frozen = header.frozen is not None
        return (system_now() if frozen or header.offset else None), frozen

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the clock at a moment, by default now."""
        header = self._world.header()
        self._world.write(scripts.SET_CLOCK, ((at or self.now()) - EPOCH) // _MICROSECOND, header.offset)

    def advance(self, seconds: float) -> None:
        """Move the clock, frozen or not; backwards with a negative number. Raises OverflowError past its range."""
        self._in_memory().advance(seconds)  # which knows its range
        self._world.write(scripts.ADVANCE_CLOCK, timedelta(seconds=seconds) // _MICROSECOND)

    def reset(self) -> None:
        """Follow the system's clock again."""
        self._world.write(scripts.SET_CLOCK, "", 0)

    def _in_memory(self) -> Clock:
        header, twin = self._world.header(), Clock()
        twin.advance(header.offset / 1_000_000)
        if header.frozen is not None:
            twin.freeze(self.now())
        return twin
