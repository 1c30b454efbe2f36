"""JSON Pointers as the vendor's software reads them, and the walk along them (docs/dialect.md, rows P1-P10, A1-A8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonpointer import JsonPointer

from mockserver.errors import BadRequest
from mockserver.profile.members import Member

# int.TryParse under NumberStyles.Integer: "03", "+1", " 1" and "1\0" are all indices (library, row A1).
# Leading zeros stay outside the group: Python's int() refuses more than 4,300 digits.
_INT32 = re.compile(r"[\t-\r ]*([+-]?)(?=[0-9])0*([0-9]{0,10})[\t-\r ]*\0*", re.ASCII)
_SHORTER_THAN_ANY_BOUND = 10
_CACHED_LENGTH = 200


class ProfilePointer(JsonPointer):
    """A pointer whose empty segments are dropped and whose leading slash is optional (library, rows P1-P3)."""

    def __init__(self, pointer: str) -> None:
        self.text = pointer
        # What RFC 6901 would refuse: no leading slash, or empty segments.
        self.tolerated = not pointer.startswith("/") or "//" in pointer or pointer.endswith("/")
        self.parts = [_unescape(segment, pointer) for segment in pointer.split("/") if segment]


def _unescape(segment: str, pointer: str) -> str:
    if "~" not in segment:
        return segment
    if re.search(r"~(?![01])", segment):
        raise BadRequest(
            f"The provided string '{pointer}' is an invalid path.", rule="path-escape-invalid", path=pointer
        )
    return segment.replace("~1", "/").replace("~0", "~")


class Place:
    """Where a pointer leads, as far as the contract alone can say.

    `first` is the profile's own member that it leads into, if there is one. Each of `steps` is a segment with the name
    of the member to go on with, None for a list's index, "" for a member that there is not. `container` describes what
    holds the last `segment`, `member` what that names: None for an index and for a member that there is not.
    """

    __slots__ = ("container", "first", "member", "pointer", "segment", "steps")

    def __init__(self, text: str, root: Member) -> None:
        self.pointer = pointer = ProfilePointer(text)
        self.first = root.find(pointer.parts[0]) if pointer.parts else None
        self.segment = pointer.parts[-1] if pointer.parts else ""
        self.steps: list[tuple[str, str | None]] = []
        self.container = root
        for segment in pointer.parts[:-1]:
            inner = self.container.item or self.container.find(segment)
            self.steps.append((segment, None if self.container.item else inner.name if inner else ""))
            if inner is None:  # no walk gets past it, and a kept place need not hold the rest
                break
            self.container = inner
        self.member = None if self.container.item else self.container.find(self.segment)

    def locate(self, document: Any, operation: Mapping[str, Any]) -> Any:
        """Walk to what holds the last segment; raise BadRequest where the vendor's walk stops.

        The vendor's message repeats the operation's name as sent.
        """
        target = document
        for segment, name in self.steps:
            if name is None:
                target = target[list_index(segment, len(target), self.pointer)]
            elif name:
                target = target.get(name)
            else:
                raise self._unknown(segment)
            if target is None:
                op = operation.get("op") or ""
                raise BadRequest(
                    f"For operation '{op}', the target location specified by path '{self.pointer.text}' was not found.",
                    rule="path-below-null",
                    path=self.pointer.text,
                )
        return target

    def last_member(self) -> Member:
        """Return the member that the last segment names; below a scalar there is none (library, rows P7, P10)."""
        if self.member is None:
            raise self._unknown(self.segment)
        return self.member

    def _unknown(self, segment: str) -> BadRequest:
        return BadRequest(
            f"The target location specified by path segment '{segment}' was not found.",
            rule="path-member-unknown",
            path=self.pointer.text,
        )


_cached_place = lru_cache(maxsize=4096)(Place)


def place_of(text: str, root: Member) -> Place:
    """Return where a pointer leads; short ones are kept, since clients send the same few paths again and again."""
    return _cached_place(text, root) if len(text) <= _CACHED_LENGTH else Place(text, root)


def _int32(segment: str) -> int | None:
    if len(segment) < _SHORTER_THAN_ANY_BOUND and segment.isdecimal() and segment.isascii():
        return int(segment)
    match = _INT32.fullmatch(segment)
    number = int(f"{match[1]}0{match[2]}") if match else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def list_index(segment: str, length: int, pointer: ProfilePointer, *, adding: bool = False) -> int:
    """Return the index named by the segment; one past the end is allowed only when adding (rows A1, A6-A8)."""
    index = _int32(segment)
    if index is None:
        raise BadRequest(
            f"The path segment '{segment}' is invalid for an array index.",
            rule="index-not-a-number",
            path=pointer.text,
        )
    if not 0 <= index < length + adding:
        raise BadRequest(
            f"The index value provided by path segment '{segment}' is out of bounds of the array size.",
            rule="index-out-of-bounds",
            path=pointer.text,
        )
    return index
