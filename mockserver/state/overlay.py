"""What a world changed over its fixtures, and how that is carried over to new fixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple, Protocol

import orjson

from mockserver.profile.keys import Key, fold, names, profile_id_key

# Measured: what an entry takes beyond its bytes, and a key beyond its letters.
ENTRY: Final = 150
_KEY: Final = 350


class Base(Protocol):
    """The loaded fixtures, shared by all worlds and never changed."""

    @property
    def bodies(self) -> Sequence[bytes]: ...

    @property
    def index(self) -> Mapping[Key, int]: ...

    @property
    def owners(self) -> Sequence[str]: ...


class Fingerprint:
    """What tells profiles, in their order, from any others: slots mean the same only over the same ones."""

    def __init__(self, bodies: Iterable[bytes] = ()) -> None:
        self._digest = blake2b(digest_size=16)
        for body in bodies:
            self.add(body)

    def add(self, body: bytes) -> None:
        self._digest.update(b"%d " % len(body))
        self._digest.update(body)

    def __str__(self) -> str:
        return self._digest.hexdigest()


class Overlay:
    """What differs from the fixtures: changed bytes, and keys that moved, appeared or went (None).

    `size` is an estimate of the memory that it takes.
    """

    __slots__ = ("base", "bodies", "index", "next_slot", "size")

    def __init__(self, base: Base, next_slot: int | None = None) -> None:
        self.base = base
        self.bodies: dict[int, bytes | None] = {}
        self.index: dict[Key, int | None] = {}
        self.next_slot = len(base.bodies) if next_slot is None else next_slot
        self.size = 0

    def copy(self) -> Overlay:
        twin = Overlay(self.base, self.next_slot)
        twin.bodies, twin.index, twin.size = dict(self.bodies), dict(self.index), self.size
        return twin


def key_size(key: Key) -> int:
    """Return the memory that a key takes."""
    return _KEY + sum(map(len, key))


class Clash(NamedTuple):
    """A name that a world's own profile and a fixture claim, with their ProfileIds; the world's keeps it."""

    what: str
    world_profile: int
    fixture_profile: int


def carry(old: Overlay, new: Base) -> tuple[Overlay, list[Clash]]:
    """Return what the world changed as changes of new fixtures, and what both claim.

    A profile is known by its client and ProfileId. One that the world changed or removed stays so, whatever its fixture
    says now; all others follow the fixtures, those too that were brought back to theirs.
    """
    before, shift = len(old.base.bodies), len(new.bodies) - len(old.base.bodies)
    carried, clashes, wanted = Overlay(new, old.next_slot + shift), list[Clash](), dict[Key, tuple[int, int]]()
    # What it counts for stays, for reading again must not fail at a bound.
    carried.size = old.size
    # Removed ones first: another profile may have taken the ProfileId of a removed one.
    for slot, body in sorted(old.bodies.items(), key=lambda row: row[1] is not None):
        if slot < before and body == old.base.bodies[slot]:
            continue
        client, number = _identity(old, slot, body)
        place = new.index.get(profile_id_key(client, number))
        if place is None and body is None:
            continue
        if place is not None:
            fixture = new.bodies[place]
            carried.index.update(dict.fromkeys(_keys(client, fixture)))
            if slot >= before and place not in carried.bodies and body != fixture:
                clashes.append(Clash(f"ProfileId {number} of {client}", number, number))
        elif slot >= before:
            place = slot + shift
        else:
            place, carried.next_slot = carried.next_slot, carried.next_slot + 1
        carried.bodies[place] = body
        wanted.update(dict.fromkeys(_keys(client, body), (place, number)))
    for key, (place, number) in wanted.items():
        owner = new.index.get(key)
        if owner is not None and owner not in carried.bodies:
            clashes.append(Clash(f"alternate id {'/'.join(key)}", number, _profile_id(new.bodies[owner])))
        carried.index[key] = place
    return carried, clashes


def _identity(overlay: Overlay, slot: int, body: bytes | None) -> tuple[str, int]:
    """Return the client and ProfileId of a changed profile, as its fixture has them if it has one."""
    if slot < len(overlay.base.bodies):
        return fold(overlay.base.owners[slot]), _profile_id(overlay.base.bodies[slot])
    assert body is not None, "of a profile without a fixture nothing stays"
    return next(key[0] for key, place in overlay.index.items() if place == slot), _profile_id(body)


def _profile_id(body: bytes) -> int:
    number: int = orjson.loads(body)["ProfileId"]
    return number


def _keys(client: str, body: bytes | None) -> list[Key]:
    return [] if body is None else [(client, *pair) for pair in names(orjson.loads(body))]
