"""One world's profiles: copy-on-write over the fixtures, at rest as immutable bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, islice
from threading import Lock
from typing import Any, Final, Protocol

import orjson
from msgspec import Struct

from mockserver.errors import BadRequest, NotFound, StoreUnavailable
from mockserver.profile.keys import BY_PROFILE_ID, Key, fold, names
from mockserver.state.overlay import ENTRY, Base, Clash, Overlay, carry, key_size


class Changed(Struct, frozen=True):
    """What a change makes of a profile: its new bytes and, only if they changed, the names that lead to it.

    `facts` is what whoever asked for the change wants to know of it.
    """

    body: bytes
    names: Sequence[tuple[str, str]] | None = None
    facts: Any = None


class Update(Struct, frozen=True):
    """A profile before and after, the same object twice if nothing changed, and the facts of the change.

    None stands for a profile that was not there before, or is not there after.
    """

    before: bytes | None
    after: bytes | None
    facts: Any = None


Change = Callable[[bytes], Changed]
Make = Callable[[int], Changed]
"""Make the profile that is the n-th new one of its world, counted from 0."""


class Counted(Protocol):
    """What a world's profiles ask of whoever counts the bytes that it holds."""

    lock: Lock

    def grow(self, size: int) -> None:
        """Count bytes that come or go; raise BoundReached before they do. Call with the lock held."""


_FIXTURES: Final = object()
_PATIENCE_S: Final = 0.01
_ATTEMPTS: Final = 200
_MOST_LOCKS: Final = 1000


class ProfileStore(Protocol):
    """The profiles that one world sees, wherever they are kept; here is said what each store's methods do."""

    __slots__ = ()

    def read(self, key: Key) -> bytes | None:
        """Return a profile's bytes, or None."""

    def update(self, key: Key, change: Change) -> Update:
        """Apply a pure change to one profile, all or nothing; it may be called again if others change the profile.

        Raises NotFound for an unknown key and BadRequest if a new alternate id belongs to another profile.
        """

    def create(self, client: str, make: Make) -> Update:
        """Add a profile, all or nothing; it is made again while its ProfileId is another's.

        Raises BadRequest if an alternate id belongs to another profile. A number is never used twice.
        """

    def put(self, client: str, body: bytes, names: Sequence[tuple[str, str]]) -> bool:
        """Create or replace the profile that owns the first of its names; return whether it was created."""

    def delete(self, key: Key) -> bytes | None:
        """Remove a profile with all its keys; return what was there."""

    def reset(self) -> None:
        """Go back to the fixtures."""

    def snapshot(self) -> Overlay:
        """Return the present state, to be restored later as often as wanted."""

    def restore(self, overlay: Overlay) -> None:
        """Go back to a snapshot of this world."""

    def items(self, start: int = 0, *, changed: bool = False) -> Iterator[tuple[Key, bytes]]:
        """Yield one (key, bytes) per profile, under its first alternate id or, without one, its ProfileId.

        Leave out so many of the first, and with `changed` those that are as the fixtures have them.
        """

    @property
    def count(self) -> int: ...

    @property
    def changed_count(self) -> int: ...


class Profiles(ProfileStore):
    """One world's profiles in memory. Safe under threads: writers of one profile take turns, others don't wait."""

    __slots__ = ("_base", "_grow", "_locks", "_overlay", "_swap")

    def __init__(self, base: Base, counted: Counted | None = None) -> None:
        self._base = base
        self._overlay = Overlay(base)
        self._swap = counted.lock if counted else Lock()
        self._grow: Callable[[int], None] = counted.grow if counted else _count_nothing
        self._locks: dict[int, Lock] = {}

    def read(self, key: Key) -> bytes | None:
        overlay = self._overlay
        slot = self._slot(overlay, key)
        return None if slot is None else self._body(overlay, slot)

    def update(self, key: Key, change: Change) -> Update:
        for _ in range(_ATTEMPTS):
            overlay = self._overlay
            moved: Any = overlay.index.get(key, _FIXTURES)
            slot = overlay.base.index.get(key) if moved is _FIXTURES else moved
            if slot is None:
                raise profile_unknown()
            lock = self._locks.get(slot) or self._locks.setdefault(slot, Lock())
            # Turns only save work: a change that takes long must not stop who else wants to change the profile.
            if len(self._locks) > _MOST_LOCKS:
                self._locks = {}
            taken = lock.acquire(blocking=False) or lock.acquire(timeout=_PATIENCE_S)
            try:
                own: Any = overlay.bodies.get(slot, _FIXTURES)
                before = self._body(overlay, slot) if own is _FIXTURES else own
                if overlay.index.get(key, _FIXTURES) != moved or before is None:
                    continue
                changed = change(before)
                if changed.body is before:
                    return Update(before, before, changed.facts)
                with self._swap:
                    # A reset, a put, a delete or somebody without patience may have come between: then the change is
                    # made again, on what is there. Whoever moves a key writes the body anew, so the body tells.
                    if self._overlay is not overlay or overlay.bodies.get(slot, _FIXTURES) is not own:
                        continue
                    self._write(overlay, key[0], slot, changed.body, changed.names)
                return Update(before, changed.body, changed.facts)
            finally:
                if taken:
                    lock.release()
        raise overtaken(_ATTEMPTS)

    def create(self, client: str, make: Make) -> Update:
        with self._swap:
            overlay, fixtures = self._overlay, len(self._overlay.base.bodies)
            for slot in count(overlay.next_slot):
                made = make(slot - fixtures)
                if self._slot(overlay, profile_id_of(client, made)) is None:
                    break
            self._write(overlay, client, slot, made.body, made.names)
            overlay.next_slot = slot + 1
            return Update(None, made.body, made.facts)

    def put(self, client: str, body: bytes, names: Sequence[tuple[str, str]]) -> bool:
        with self._swap:
            overlay = self._overlay
            keys = [(client, *pair) for pair in names]
            slots = [slot for key in keys if (slot := self._slot(overlay, key)) is not None]
            slot = slots[0] if slots else self._free_slot(overlay, keys)
            self._write(overlay, client, slot, body, names)
            overlay.next_slot = max(overlay.next_slot, slot + 1)
            return not slots

    def _free_slot(self, overlay: Overlay, keys: Iterable[Key]) -> int:
        """Return the slot of a new profile: that of a removed fixture with its ProfileId, or one that nobody has."""
        own = (overlay.base.index.get(key) for key in keys if key[1] == BY_PROFILE_ID)
        free = (slot for slot in own if slot is not None and overlay.bodies.get(slot, _FIXTURES) is None)
        return next(free, overlay.next_slot)

    def delete(self, key: Key) -> bytes | None:
        with self._swap:
            overlay = self._overlay
            slot = self._slot(overlay, key)
            if slot is None:
                return None
            body = self._body(overlay, slot)
            self._write(overlay, key[0], slot, None, ())
            return body

    def reset(self) -> None:
        self.restore(Overlay(self._base))

    def snapshot(self) -> Overlay:
        with self._swap:
            return self._overlay.copy()

    def restore(self, overlay: Overlay) -> None:
        with self._swap:
            self._grow(overlay.size - self._overlay.size)
            self._overlay = overlay.copy()

    def rebase(self, base: Base) -> list[Clash]:
        """Go over to new fixtures with what this world changed itself; return what both claim."""
        with self._swap:
            self._base = base
            self._overlay, clashes = carry(self._overlay, base)
            return clashes

    def items(self, start: int = 0, *, changed: bool = False) -> Iterator[tuple[Key, bytes]]:
        overlay = self._overlay
        fixtures, touched = len(overlay.base.bodies), sorted(overlay.bodies)
        clients = {slot: key[0] for key, slot in list(overlay.index.items()) if slot is not None}
        own = (slot for slot in touched if slot >= fixtures)
        # A snapshot may have brought back what other fixtures said, which the world did not touch.
        known = changed and overlay.base is self._base
        slots = iter(touched) if known else chain(range(fixtures), own)
        there = (slot for slot in slots if overlay.bodies.get(slot, _FIXTURES) is not None)
        for slot in islice(there, start, None):
            body = self._body(overlay, slot)
            client = clients.get(slot) or fold(overlay.base.owners[slot])
            keys = ((client, *pair) for pair in (names(orjson.loads(body)) if body is not None else ()))
            if body is not None and (key := next((key for key in keys if self._slot(overlay, key) == slot), None)):
                yield key, body

    @property
    def count(self) -> int:
        overlay = self._overlay
        fixtures = len(overlay.base.bodies)
        return fixtures + sum((body is not None) - (slot < fixtures) for slot, body in list(overlay.bodies.items()))

    @property
    def changed_count(self) -> int:
        return len(self._overlay.bodies)

    def _slot(self, overlay: Overlay, key: Key) -> int | None:
        slot: Any = overlay.index.get(key, _FIXTURES)
        return overlay.base.index.get(key) if slot is _FIXTURES else slot

    def _body(self, overlay: Overlay, slot: int) -> bytes | None:
        body: Any = overlay.bodies.get(slot, _FIXTURES)
        if body is not _FIXTURES:
            return body  # type: ignore[no-any-return]
        return overlay.base.bodies[slot] if slot < len(overlay.base.bodies) else None

    def _write(
        self, overlay: Overlay, client: str, slot: int, body: bytes | None, pairs: Iterable[tuple[str, str]] | None
    ) -> None:
        """Write a profile, and its keys unless None; all or nothing. Only what the fixtures have is noted as gone."""
        moved = {} if pairs is None else self._moved(overlay, client, slot, pairs)
        old: Any = overlay.bodies.get(slot, _FIXTURES)
        fixed = slot < len(overlay.base.bodies)
        kept = body is not None or fixed
        grown = (ENTRY + len(body or b"") if kept else 0) - (0 if old is _FIXTURES else ENTRY + len(old or b""))
        for key, leads in moved.items():
            grown += key_size(key) * ((leads is not None or key in overlay.base.index) - (key in overlay.index))
        self._grow(grown)
        overlay.size += grown
        for key, leads in moved.items():
            _put(overlay.index, key, leads, key in overlay.base.index)
        _put(overlay.bodies, slot, body, fixed)
        if not kept:
            self._locks.pop(slot, None)

    def _moved(
        self, overlay: Overlay, client: str, slot: int, pairs: Iterable[tuple[str, str]]
    ) -> dict[Key, int | None]:
        """Return where each key leads from now on; raise BadRequest for one of another profile."""
        wanted = {(client, *pair) for pair in pairs}
        for key in wanted:
            if (owner := self._slot(overlay, key)) is not None and owner != slot:
                raise alternate_id_taken(key)
        # Where fixtures were read again, a profile of the world's own may have a key that a fixture claims.
        freed = (key for key in self._keys_of(overlay, client, slot) - wanted if self._slot(overlay, key) == slot)
        return dict.fromkeys(freed) | dict.fromkeys(wanted, slot)

    def _keys_of(self, overlay: Overlay, client: str, slot: int) -> set[Key]:
        body = self._body(overlay, slot)
        return set() if body is None else {(client, *pair) for pair in names(orjson.loads(body))}


def profile_id_of(client: str, made: Changed) -> Key:
    """Return the key of a new profile's ProfileId."""
    return next((client, *pair) for pair in made.names or () if pair[0] == BY_PROFILE_ID)


def _put(entries: dict[Any, Any], name: Any, value: Any, fixed: bool) -> None:
    """Set an entry; None removes it, but stands for what the fixtures have and the world has not."""
    if value is not None or fixed:
        entries[name] = value
    else:
        entries.pop(name, None)


def _count_nothing(size: int) -> None:
    """Count nothing, for profiles that no bound holds."""


def alternate_id_taken(key: Key) -> BadRequest:
    """Return the refusal of an alternate id that another profile of the client has."""
    return BadRequest(
        "The alternate id is already in use by another profile.",
        rule="alternate-id-taken",
        why=f"{key[1] or 'ProfileId'}/{key[2]} belongs to another profile of this client.",
    )


def overtaken(attempts: int) -> StoreUnavailable:
    """Return the refusal of a change that always came too late."""
    why = f"Others changed the profile {attempts} times while this request was under way."
    return StoreUnavailable("The service is unavailable.", rule="store-unavailable", why=why, hint="Send it again.")


def profile_unknown() -> NotFound:
    """Return the 404 of the API's later version; the text is assumed."""
    return NotFound("The requested profile was not found.", rule="profile-unknown")
