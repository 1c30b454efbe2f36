"""A world's profiles in Redis: what was changed, over the fixtures that each process has loaded itself.

A change is computed here and stored only if the profile is still, byte for byte, the one that it was computed from;
otherwise it is computed anew. Whoever comes too late does so because another succeeded, so somebody always gets on.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from itertools import count

import msgspec
import orjson

from mockserver.profile.keys import Key, read_key, write_key
from mockserver.profile.keys import names as names_of
from mockserver.state.content import too_many_snapshots, world_full
from mockserver.state.overlay import Overlay
from mockserver.state.profiles import (
    Change,
    Changed,
    Make,
    Profiles,
    ProfileStore,
    Update,
    alternate_id_taken,
    profile_id_of,
    profile_unknown,
)
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import unavailable
from mockserver.state.redis.last_seen import Seen, read_seen
from mockserver.state.redis.view import ATTEMPTS, WorldView, Write, new_version, profile_arguments


class RedisProfiles(ProfileStore):
    """The profiles that one world sees, for all processes."""

    __slots__ = ("_base", "_world")

    def __init__(self, world: WorldView) -> None:
        self._world = world
        self._base = world.shared.base

    def read(self, key: Key) -> bytes | None:
        return self._find(key).body

    def update(self, key: Key, change: Change) -> Update:
        world = self._world
        if world.serving and world.asked is not None and world.asked[0] == key:
            return self._update_later(key, world.asked[1], change)
        with world.shared.turn(world.name, key):
            for _ in self._world.attempts():
                seen = self._find(key)
                changed = _apply(change, seen)
                if changed.body is seen.body or self._commit(key[0], seen, changed.body, changed.names):
                    return Update(seen.body, changed.body, changed.facts)
        raise self._overtaken()

    def _update_later(self, key: Key, seen: Seen, change: Change) -> Update:
        """Compute the change now; it is stored when the request ends."""
        changed = _apply(change, seen)
        if changed.body is not seen.body:
            self._world.pending = self._write(key[0], seen, changed.body, changed.names)
            self._world.asked = key, seen._replace(body=changed.body)
        return Update(seen.body, changed.body, changed.facts)

    def create(self, client: str, make: Make) -> Update:
        for _ in self._world.attempts():
            for slot in count(self._world.next_slot()):
                made = make(slot - len(self._base.bodies))
                if self._find(profile_id_of(client, made)).slot is None:
                    break
            if self._commit(client, Seen(slot, b"", None), made.body, made.names):
                return Update(None, made.body, made.facts)
        raise self._overtaken()

    def put(self, client: str, body: bytes, names: Sequence[tuple[str, str]]) -> bool:
        keys = [(client, *pair) for pair in names]
        for _ in self._world.attempts():
            owned = next((seen for key in keys if (seen := self._find(key)).slot is not None), None)
            target = owned or Seen(self._world.next_slot(), b"", None)
            if self._commit(client, target, body, names):
                return owned is None
        raise self._overtaken()

    def delete(self, key: Key) -> bytes | None:
        for _ in self._world.attempts():
            seen = self._find(key)
            if seen.slot is None:
                return None
            if self._commit(key[0], seen, b"", ()):
                return seen.body
        raise self._overtaken()

    def reset(self) -> None:
        self.restore(Overlay(self._base))

    def snapshot(self) -> Overlay:
        next_slot, bodies, index = self._world.shared.redis.run(scripts.READ_OVERLAY, self._world.name)
        overlay = Overlay(self._base, int(next_slot) if next_slot else None)
        overlay.bodies = {int(slot): body or None for slot, body in _pairs(bodies)}
        overlay.index = {read_key(key): int(slot) if slot else None for key, slot in _pairs(index)}
        return overlay

    def restore(self, overlay: Overlay) -> None:
        bodies = [part for slot, body in overlay.bodies.items() for part in (slot, body or b"")]
        index = [part for key, slot in overlay.index.items() for part in (write_key(key), "" if slot is None else slot)]
        most = self._world.shared.content.world_bytes
        self._world.write(scripts.WRITE_OVERLAY, overlay.next_slot, most, new_version(), len(bodies), *bodies, *index)

    def items(self, start: int = 0, *, changed: bool = False) -> Iterator[tuple[Key, bytes]]:
        return self._copy().items(start, changed=changed)

    @property
    def count(self) -> int:
        return self._copy().count

    def _copy(self) -> Profiles:
        copy = Profiles(self._base)
        copy.restore(self.snapshot())
        return copy

    @property
    def changed_count(self) -> int:
        return int(self._world.shared.redis.read("HLEN", self._world.key("profiles")))

    def _find(self, key: Key) -> Seen:
        world = self._world
        if world.serving and world.asked is not None and world.asked[0] == key:
            return world.asked[1]
        answer = world.shared.redis.run(scripts.READ_PROFILE, world.name, *profile_arguments(key, self._base))
        return read_seen(answer, self._base)

    def _commit(self, client: str, seen: Seen, body: bytes, ids: Sequence[tuple[str, str]] | None) -> bool:
        """Store new bytes now, and the keys of `ids` as `_write` does; False if somebody was faster."""
        assert seen.slot is not None, "a profile has a number"
        write = self._write(client, seen, body, ids)
        self._world.serving = False
        most = self._world.shared.content.world_bytes
        outcome = self._world.write_once(
            scripts.COMMIT_PROFILE, seen.slot, seen.version, write.body, most, write.version, *write.keys
        )
        if outcome == scripts.TOO_LARGE:
            raise world_full(most)
        if outcome == scripts.GONE:
            self._world.refresh()
        elif outcome > 0:
            raise alternate_id_taken(write.wanted[outcome - 1])
        return bool(outcome == 0)

    def _write(self, client: str, seen: Seen, body: bytes, ids: Sequence[tuple[str, str]] | None) -> Write:
        """Return what the script is told: the keys of `ids` lead here instead of the old ones, unless None."""
        wanted = {} if ids is None else {(client, *pair): None for pair in ids}
        freed = set[Key]()
        if ids is not None and seen.body is not None:
            freed = {(client, *pair) for pair in names_of(orjson.loads(seen.body))} - wanted.keys()
        leading = [part for key in wanted for part in profile_arguments(key, self._base)]
        return Write(new_version(), body, (len(freed), *map(write_key, freed), *leading), list(wanted))

    def _overtaken(self) -> Exception:
        return unavailable(f"Other processes changed the profile {ATTEMPTS} times while this request was under way.")


class RedisSnapshots(MutableMapping[str, Overlay]):
    """A world's named snapshots, each as one value."""

    __slots__ = ("_world",)

    def __init__(self, world: WorldView) -> None:
        self._world = world

    def __getitem__(self, name: str) -> Overlay:
        packed = self._world.shared.redis.read("HGET", self._world.key("snapshots"), name)
        if packed is None:
            raise KeyError(name)
        next_slot, bodies, index = msgspec.msgpack.decode(packed)
        overlay = Overlay(self._world.shared.base, next_slot)
        overlay.bodies, overlay.index = bodies, {read_key(key): slot for key, slot in index.items()}
        return overlay

    def __setitem__(self, name: str, overlay: Overlay) -> None:
        index = {write_key(key): slot for key, slot in overlay.index.items()}
        packed = msgspec.msgpack.encode([overlay.next_slot, overlay.bodies, index])
        content = self._world.shared.content
        kept = self._world.write(scripts.KEEP_SNAPSHOT, name, packed, content.max_snapshots, content.world_bytes)
        if kept == scripts.FULL:
            raise too_many_snapshots(content.max_snapshots)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._world.write(scripts.DROP_SNAPSHOT, name)

    def __iter__(self) -> Iterator[str]:
        return iter([name.decode() for name in self._world.shared.redis.read("HKEYS", self._world.key("snapshots"))])

    def __len__(self) -> int:
        return int(self._world.shared.redis.read("HLEN", self._world.key("snapshots")))

    def __contains__(self, name: object) -> bool:
        key = self._world.key("snapshots")
        return isinstance(name, str) and bool(self._world.shared.redis.read("HEXISTS", key, name))


def _apply(change: Change, seen: Seen) -> Changed:
    if seen.body is None:
        raise profile_unknown()
    return change(seen.body)


def _pairs(flat: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)
