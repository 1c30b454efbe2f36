"""A profile as bytes, opened no further than a patch looks into it.

Most patches touch one or two members: the others stay the bytes they were, neither decoded nor copied nor written anew
(measured: 3 us instead of 11 for a profile of 3.3 KB). Where members stand is kept for the last few profiles, since
clients change and read the same one again and again: what was just written need not be read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from mockserver.formats.json_write import escape_separators

Members = Mapping[str, Raw]
_Thing = TypeVar("_Thing")
_Found = TypeVar("_Found")

_KEPT = 8
LONGEST_KEPT = 16 * 1024
"""The longest profile whose members are kept: a member keeps all the bytes that it was read from."""

_read_members = msgspec.json.Decoder(dict[str, Raw]).decode
_read_value = msgspec.json.decode
_write = msgspec.json.Encoder().encode
_kept: OrderedDict[int, tuple[bytes, Members]] = OrderedDict()


class OpenProfile(dict[str, Any]):
    """A profile whose members are decoded when something is about to look into them: reach them first."""

    __slots__ = ("_reached",)

    def __init__(self, members: Members) -> None:
        dict.__init__(self, members)
        self._reached: dict[str, Raw | None] = {}  # how each such member was written

    def reach(self, name: str) -> Any:
        """Return a member, decoded from now on."""
        if name in self._reached:
            return self.get(name)
        written = self._reached[name] = self.get(name)
        if written is None:
            return None
        value = self[name] = _read_value(written)
        return value

    def reached(self, *names: str) -> dict[str, Any]:
        """Return members alone, decoded."""
        return {name: self.reach(name) for name in names}

    def untouched(self, *names: str) -> bool:
        """Tell whether nobody has reached for the members, so that they are as they were."""
        return self._reached.keys().isdisjoint(names)

    def changed(self) -> bool:
        """Tell whether any member would be written otherwise than it was read."""
        for name, written in self._reached.items():
            if name in self and (written is None or write_profile(self[name]) != bytes(written)):
                return True
        return False

    def write(self) -> bytes:
        """Return the profile's bytes, as `write_profile` does; their members are known when they are opened next."""
        members: dict[str, Raw] = dict(self)
        for name in self._reached:
            if name in members:
                members[name] = Raw(write_profile(members[name]))
        body = _write(members)
        if len(body) <= LONGEST_KEPT:
            keep_last(_kept, body, members)
        return body


def open_profile(body: bytes) -> OpenProfile:
    """Return the profile of a body that `write_profile` or `write_json` wrote."""
    return OpenProfile(members_of(body))


def members_of(body: bytes) -> Members:
    """Return a profile's own members, each as the bytes it was written as."""
    kept = _kept.get(id(body))
    if kept is not None and kept[0] is body:
        return kept[1]
    members: Members = _read_members(body)
    if len(body) <= LONGEST_KEPT:
        keep_last(_kept, body, members)
    return members


def keep_last(kept: OrderedDict[int, tuple[_Thing, _Found]], thing: _Thing, found: _Found) -> None:
    """Keep what was found of a thing, by its identity, and of the last few others alone."""
    if id(thing) not in kept:  # each step by itself is safe beside another thread's
        while len(kept) >= _KEPT:
            kept.popitem(last=False)
    kept[id(thing)] = thing, found


def write_profile(profile: Any) -> bytes:
    """Return the profile, or a part of it, as Json.NET prints it, as `write_json` does."""
    body = _write(profile)
    return body if body.isascii() else escape_separators(body)
