"""Worlds: the unit of state. Everything that can change belongs to one, and two never see each other.

Here is what each store offers; `memory` keeps it in this process, `redis` where several processes share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from msgspec.structs import replace

from mockserver.errors import BadRequest, NotFound
from mockserver.faults.rules import Counter, Decision, Facts, Fault
from mockserver.journal.log import ExchangeLog
from mockserver.profile.keys import Key
from mockserver.state.clock import Clock
from mockserver.state.overlay import Overlay
from mockserver.state.profiles import ProfileStore

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

DEFAULT_WORLD = "default"
Rows: TypeAlias = tuple[tuple[Fault, float], ...]
"""Rules, each with the time at which its world took it in, in seconds since 1970."""
Beside: TypeAlias = Callable[[Callable[[], Any], Callable[[Any], None]], Any]
"""Does work, the first argument, and returns what that returns; or None if it waits, and calls the second then."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class World(Protocol):
    """One namespace: profiles, faults, journal, clock, seed and snapshots.

    Every method and property of a shared store raises StoreUnavailable while the store is away, but `name`,
    `clock.now` and the journal's `append`.
    """

    @property
    def name(self) -> str: ...

    @property
    def seed(self) -> int: ...

    @property
    def profiles(self) -> ProfileStore: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def journal(self) -> ExchangeLog: ...

    @property
    def snapshots(self) -> MutableMapping[str, Overlay]: ...

    @property
    def faults(self) -> tuple[tuple[Fault, float], ...]:
        """The rules in order, each with the time at which the world took it in, in seconds since 1970."""

    @property
    def counters(self) -> Mapping[str, Counter]: ...

    def add_fault(self, fault: Fault) -> None:
        """Add a rule, or replace the one with its id and start counting anew; it expires by this world's clock."""

    def remove_fault(self, fault_id: str) -> bool:
        """Remove a rule; return whether it was there."""

    def switch_fault(self, fault_id: str, *, enabled: bool) -> bool:
        """Switch a rule on or off, its counts kept; return whether it is there."""

    def reset_faults(self) -> None:
        """Go back to the faults that the server was started with, all counters at zero."""

    def clear_faults(self) -> None:
        """Remove every rule, also those that the server was started with."""

    def decide_fault(self, facts: Facts) -> Decision:
        """Count the request for each matching rule and return what is due; atomic."""

    def reset(self) -> None:
        """Go back to the fixtures, the initial faults, an empty journal and the system's clock."""


class Worlds(Protocol):
    """All worlds by name, made on first use; beyond a bound the least recently used one goes."""

    @property
    def default(self) -> World: ...

    @property
    def evictions(self) -> int: ...

    @property
    def appended(self) -> int:
        """A number that changes with each exchange that one of the journals takes."""

    @property
    def content_bytes(self) -> int:
        """An estimate of what all worlds hold together: changed profiles, snapshots and faults."""

    @property
    def numbers(self) -> Iterator[int]:
        """What requests are numbered with, each differently, in order of arrival; a shared journal numbers anew."""

    def get(self, name: str | None) -> World:
        """Return the world of that name; raise NotFound for an unknown one under strict worlds."""

    def serve(self, name: str | None, key: Key | None) -> World:
        """Return the world of that name for one request, which ends when its exchange is appended to the journal.

        `key` is the profile that the request is about. A shared store may show what it saw before: `append` then raises
        Overtaken, and the request is to be handled again, in the same world.
        """

    def create(self, name: str) -> World:
        """Make a world, or return the one that is there, also under strict worlds."""

    def delete(self, name: str) -> bool:
        """Remove a world; the default one is reset instead. Return whether there was one."""

    def names(self) -> list[str]:
        """Return every world's name, the default first, then by last use."""

    def all(self) -> list[World]:
        """Return every world."""

    def check(self) -> None:
        """Raise StoreUnavailable if the store can't be reached."""

    def beside(self, loop: AbstractEventLoop) -> Beside | None:
        """Return what lets requests of a server's loop wait for the store at the same time; None where none waits."""

    def disconnect(self) -> None:
        """Close what this thread holds open; a process that forks does so first."""


def check_name(name: str) -> None:
    """Raise BadRequest for a name that can't be a world's."""
    if not _NAME.fullmatch(name):
        raise BadRequest(
            "The namespace's name is not valid.",
            rule="namespace-invalid",
            why=f"{name[:100]!r} can't name a world.",
            hint="use at most 128 letters, digits and . _ : - with a letter or digit first",
        )


def world_unknown(name: str) -> NotFound:
    """Return the refusal of a world that strict worlds don't make by themselves."""
    return NotFound(
        f"The namespace '{name}' does not exist.",
        rule="namespace-unknown",
        hint="make it first with POST /__admin/namespaces, or start without --strict-worlds",
    )


def switched(rows: Rows, fault_id: str, *, enabled: bool) -> Rows:
    """Return the rules with one of them switched on or off."""
    return tuple(
        (replace(fault, enabled=enabled), created) if fault.id == fault_id else (fault, created)
        for fault, created in rows
    )


def decide_fault(world: World, facts: Facts) -> Decision | None:
    """Count the request for each matching rule of the world and return what is due; None without any rule."""
    return world.decide_fault(facts) if world.faults else None
