"""One world's profiles: copy-on-write over the fixtures, at rest as immutable bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol

import orjson

from mockserver.errors import BadRequest, NotFound
from mockserver.profile.keys import Key, alternate_ids
from mockserver.state.overlay import Base, Clash, Overlay, Places, carry


class Changed(NamedTuple):
    """What a change makes of a profile: its new bytes and, only if they changed, its alternate ids.

    `facts` is what whoever asked for the change wants to know of it.
    """

    body: bytes
    alternate_ids: Sequence[tuple[str, str]] | None = None
    facts: Any = None


class Update(NamedTuple):
    """A profile before and after, the same object twice if nothing changed, and the facts of the change."""

    before: bytes
    after: bytes
    facts: Any = None


Change = Callable[[bytes], Changed]


class ProfileStore(Protocol):
    """The profiles that one world sees, wherever they are kept."""

    def read(self, key: Key) -> bytes | None:
        """Return a profile's bytes, or None."""

    def update(self, key: Key, change: Change) -> Update:
        """Apply a pure change to one profile, all or nothing; the change may be called again.

        Raises NotFound for an unknown key and BadRequest if a new alternate id belongs to another profile.
        """

    def put(self, client: str, body: bytes, alternate_ids: Sequence[tuple[str, str]]) -> bool:
        """Create or replace the profile that owns the first of its alternate ids; return whether it was created."""

    def delete(self, key: Key) -> bool:
        """Remove a profile with all its keys; return whether there was one."""

    def reset(self) -> None:
        """Go back to the fixtures."""

    def snapshot(self) -> Overlay:
        """Return the present state, to be restored later as often as wanted."""

    def restore(self, overlay: Overlay) -> None:
        """Go back to a snapshot of this world."""

    def items(self) -> Iterator[tuple[Key, bytes]]:
        """Yield one (key, bytes) per profile, under its first key."""

    @property
    def changed_count(self) -> int: ...


class Profiles:
    """One world's profiles in memory. Safe under threads: writers of one profile take turns, others don't wait."""

    __slots__ = ("_base", "_locks", "_overlay", "_swap")

    def __init__(self, base: Base) -> None:
        self._base = base
        self._overlay = Overlay(base)
        self._swap = Lock()
        self._locks: dict[int, Lock] = {}

    def read(self, key: Key) -> bytes | None:
        """Return a profile's bytes, or None."""
        overlay = self._overlay
        slot = self._slot(overlay, key)
        return None if slot is None else self._body(overlay, slot)

    def update(self, key: Key, change: Change) -> Update:
        """Apply a pure change to one profile, one writer at a time; what it raises leaves everything as it was.

        The change may be called again if something else changes the profile meanwhile. Raises NotFound for an unknown
        key and BadRequest if a new alternate id belongs to another profile.
        """
        while True:
            overlay = self._overlay
            slot = self._slot(overlay, key)
            if slot is None:
                raise profile_unknown()
            with self._locks.get(slot) or self._locks.setdefault(slot, Lock()):
                if self._slot(overlay, key) != slot or (before := self._body(overlay, slot)) is None:
                    continue
                changed = change(before)
                if changed.body is before:
                    return Update(before, before, changed.facts)
                with self._swap:
                    # A reset, a put or a delete may have come between: then the change is made again, on what is there.
                    # Whoever moves a key writes the body anew, so the body tells.
                    if self._overlay is not overlay or self._body(overlay, slot) is not before:
                        continue
                    if changed.alternate_ids is not None:
                        self._reindex(overlay, key[0], slot, changed.alternate_ids)
                    overlay.bodies[slot] = changed.body
                return Update(before, changed.body, changed.facts)

    def put(self, client: str, body: bytes, alternate_ids: Sequence[tuple[str, str]]) -> bool:
        """Create or replace the profile that owns the first of its alternate ids; return whether it was created."""
        with self._swap:
            overlay = self._overlay
            keys = [(client, *pair) for pair in alternate_ids]
            slots = [slot for key in keys if (slot := self._slot(overlay, key)) is not None]
            slot = slots[0] if slots else overlay.next_slot
            self._reindex(overlay, client, slot, alternate_ids)
            overlay.next_slot = max(overlay.next_slot, slot + 1)
            overlay.bodies[slot] = body
            return not slots

    def delete(self, key: Key) -> bool:
        """Remove a profile with all its keys; return whether there was one."""
        with self._swap:
            overlay = self._overlay
            slot = self._slot(overlay, key)
            if slot is None:
                return False
            self._reindex(overlay, key[0], slot, ())
            overlay.bodies[slot] = None
            return True

    def reset(self) -> None:
        """Go back to the fixtures."""
        self.restore(Overlay(self._base))

    def snapshot(self) -> Overlay:
        """Return the present state, to be restored later as often as wanted."""
        with self._swap:
            return self._overlay.copy()

    def restore(self, overlay: Overlay) -> None:
        """Go back to a snapshot of this world."""
        with self._swap:
            self._overlay = overlay.copy()

    def rebase(self, base: Base, places: Places) -> list[Clash]:
        """Go over to new fixtures with what this world changed itself; return what both claim."""
        with self._swap:
            self._base = base
            self._overlay, clashes = carry(self._overlay, base, places)
            return clashes

    def items(self) -> Iterator[tuple[Key, bytes]]:
        """Yield one (key, bytes) per profile, under its first key."""
        overlay = self._overlay
        seen: set[int] = set()
        for key in (*overlay.base.index, *overlay.index):
            slot = self._slot(overlay, key)
            if slot is not None and slot not in seen and (body := self._body(overlay, slot)) is not None:
                seen.add(slot)
                yield key, body

    @property
    def changed_count(self) -> int:
        return len(self._overlay.bodies)

    def _slot(self, overlay: Overlay, key: Key) -> int | None:
        return overlay.index[key] if key in overlay.index else overlay.base.index.get(key)

    def _body(self, overlay: Overlay, slot: int) -> bytes | None:
        return overlay.bodies[slot] if slot in overlay.bodies else overlay.base.bodies[slot]

    def _reindex(self, overlay: Overlay, client: str, slot: int, pairs: Iterable[tuple[str, str]]) -> None:
        wanted = {(client, *pair) for pair in pairs}
        for key in wanted:
            if (owner := self._slot(overlay, key)) is not None and owner != slot:
                raise alternate_id_taken(key)
        for key in self._keys_of(overlay, client, slot) - wanted:
            # Where fixtures were read again, a profile of the world's own may have it.
            if self._slot(overlay, key) == slot:
                overlay.index[key] = None
        overlay.index.update(dict.fromkeys(wanted, slot))

    def _keys_of(self, overlay: Overlay, client: str, slot: int) -> set[Key]:
        body = self._body(overlay, slot) if slot in overlay.bodies or slot < len(overlay.base.bodies) else None
        return set() if body is None else {(client, *pair) for pair in alternate_ids(orjson.loads(body))}


def alternate_id_taken(key: Key) -> BadRequest:
    """Return the refusal of an alternate id that another profile of the client has."""
    return BadRequest(
        "The alternate id is already in use by another profile.",
        rule="alternate-id-taken",
        why=f"{key[1]}/{key[2]} belongs to another profile of this client.",
    )


def profile_unknown() -> NotFound:
    """Return the 404 of the API's later version; the text is assumed."""
    return NotFound("The requested profile was not found.", rule="profile-unknown")
