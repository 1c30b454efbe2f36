"""What a world changed over its fixtures, and how that is carried over to new fixtures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import orjson

from mockserver.profile.keys import Key, alternate_ids, fold


class Base(Protocol):
    """The loaded fixtures, shared by all worlds and never changed; a profile is known by its owner and ProfileId."""

    @property
    def bodies(self) -> Sequence[bytes]: ...

    @property
    def index(self) -> Mapping[Key, int]: ...

    @property
    def owners(self) -> Sequence[str]: ...

    @property
    def profile_ids(self) -> Sequence[int]: ...


class Overlay:
    """What differs from the fixtures: changed bytes, and keys that moved, appeared or went (None)."""

    __slots__ = ("base", "bodies", "index", "next_slot")

    def __init__(self, base: Base, next_slot: int | None = None) -> None:
        self.base = base
        self.bodies: dict[int, bytes | None] = {}
        self.index: dict[Key, int | None] = {}
        self.next_slot = len(base.bodies) if next_slot is None else next_slot

    def copy(self) -> Overlay:
        twin = Overlay(self.base, self.next_slot)
        twin.bodies, twin.index = dict(self.bodies), dict(self.index)
        return twin


class Clash(NamedTuple):
    """An alternate id or ProfileId that a world's own profile and a fixture claim; the world's keeps it."""

    what: str
    world_profile: int
    fixture_profile: int


Places = Mapping[tuple[str, int], int]
"""Where in the fixtures a profile is, by its folded client and ProfileId."""


def places_in(base: Base) -> Places:
    """Return where each profile of the fixtures is."""
    owners = {owner: fold(owner) for owner in set(base.owners)}
    ids = zip(base.owners, base.profile_ids, strict=True)
    return {(owners[owner], number): slot for slot, (owner, number) in enumerate(ids)}


def carry(old: Overlay, new: Base, places: Places) -> tuple[Overlay, list[Clash]]:
    """Return what the world changed as changes of new fixtures, and what both claim.

    A profile that the world changed or removed stays so, whatever its fixture says now; all others follow the fixtures.
    """
    carried, clashes, wanted = Overlay(new), list[Clash](), dict[Key, tuple[int, int]]()
    # Removed ones first: another profile may have taken the ProfileId of a removed one.
    for slot, body in sorted(old.bodies.items(), key=lambda row: row[1] is not None):
        known = _identity(old, slot, body)
        if known is None or (known not in places and body is None):
            continue
        client, number = known
        place = places.get(known, carried.next_slot)
        carried.next_slot = max(carried.next_slot, place + 1)
        if place < len(new.bodies):
            carried.index.update(dict.fromkeys(_keys(client, new.bodies[place])))
            is_new = slot >= len(old.base.bodies) and place not in carried.bodies
            if is_new and body != new.bodies[place]:
                clashes.append(Clash(f"ProfileId {number} of {client}", number, number))
        carried.bodies[place] = body
        wanted.update(dict.fromkeys(_keys(client, body), (place, number)))
    for key, (place, number) in wanted.items():
        owner = new.index.get(key)
        if owner is not None and owner not in carried.bodies:
            clashes.append(Clash(f"alternate id {'/'.join(key)}", number, new.profile_ids[owner]))
        carried.index[key] = place
    return carried, clashes


def _identity(overlay: Overlay, slot: int, body: bytes | None) -> tuple[str, int] | None:
    """Return the client and ProfileId of a changed profile; None for one of this world that is out of reach."""
    if slot < len(overlay.base.bodies):
        return fold(overlay.base.owners[slot]), overlay.base.profile_ids[slot]
    if body is None:
        return None
    client = next((key[0] for key, place in overlay.index.items() if place == slot), None)
    return None if client is None else (client, orjson.loads(body)["ProfileId"])


def _keys(client: str, body: bytes | None) -> list[Key]:
    return [] if body is None else [(client, *pair) for pair in alternate_ids(orjson.loads(body))]
