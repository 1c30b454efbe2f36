"""What this process last saw of worlds and profiles in Redis: a request is computed from it, and checked at its end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple

from mockserver.profile.keys import Key
from mockserver.state.overlay import Base

_MOST: Final = 4096
_MOST_BYTES: Final = 32 << 20
_chains = count(1)


class Header(NamedTuple):
    """A world's small state at one moment; times in microseconds."""

    epoch: bytes
    version: bytes
    revision: bytes
    seed: int
    frozen: int | None
    offset: int
    faults: bytes
    counters: bytes
    next_slot: int


class Seen(NamedTuple):
    """A profile: its number, None for a key that leads to none; the version of what was changed, empty where it is the
    fixtures' own; its bytes, None for a deleted one; and the chain of changes that it ends.

    A chain begins with what the database said. Changes in it may not be stored yet: if one is not, none after it is.
    """

    slot: int | None
    version: bytes
    body: bytes | None
    chain: int = 0


class LastSeen:
    """What was seen, for all threads; bounded, and forgotten as a whole when there is no room."""

    def __init__(self) -> None:
        self.headers: dict[str, Header] = {}
        self._profiles: dict[tuple[str, Key], Seen] = {}
        self._bytes = 0

    def profile(self, world: str, key: Key) -> Seen | None:
        """Return what was last seen of a profile."""
        return self._profiles.get((world, key))

    def note(self, world: str, header: Header, key: Key | None = None, seen: Seen | None = None) -> None:
        """Keep what the database just said."""
        if len(self.headers) >= _MOST or len(self._profiles) >= _MOST or self._bytes > _MOST_BYTES:
            self.headers, self._profiles, self._bytes = {}, {}, 0
        known = self.headers.get(world)
        if known is None or known.faults != header.faults:
            self._bytes += len(header.faults)
        self.headers[world] = header
        if key is not None and seen is not None:
            before = self._profiles.get((world, key))
            self._profiles[world, key] = seen
            self._bytes += len(seen.body or b"") - (len(before.body or b"") if before is not None else 0)

    def after(self, world: str, key: Key, failed: Seen, told: Seen) -> Seen:
        """Return from what to go on after a change that was not stored: what was told then, unless others did so."""
        known = self._profiles.get((world, key))
        return told if known is None or known.chain == failed.chain else known

    def forget(self, world: str, key: Key, failed: Seen) -> None:
        """Forget the chain of a change that was not stored."""
        if (known := self._profiles.get((world, key))) is not None and known.chain == failed.chain:
            del self._profiles[world, key]
            self._bytes -= len(known.body or b"")


def read_header(row: Sequence[bytes]) -> Header:
    """Return the header that a script answers with."""
    epoch, version, revision, seed, frozen, offset, faults, counters, next_slot, _ = row
    moment = int(frozen) if frozen else None
    return Header(epoch, version, revision, int(seed), moment, int(offset), faults, counters, int(next_slot))


def read_seen(answer: Sequence[bytes | None] | None, base: Base) -> Seen:
    """Return the profile that a script answers with."""
    chain = next(_chains)
    if not answer or answer[0] is None:
        return Seen(None, b"", None, chain)
    slot, version, body = int(answer[0]), answer[1] or b"", answer[2]
    return Seen(slot, version, base.bodies[slot] if body is None else body or None, chain)
