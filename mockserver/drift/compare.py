"""Two answers to the same request: where they differ, and how much that matters to a client."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.errors import UsageError
from mockserver.verify.calls import Reply
from mockserver.verify.checks import Unreadable, read_error, read_loosely, read_profile
from mockserver.verify.contract import Contract, load_yaml, type_name
from mockserver.verify.differences import MISSING, differences
from mockserver.verify.target.redaction import Redactor


class Kind(StrEnum):
    """What a difference does to a client that was tested against the one side and meets the other."""

    BREAKING = "breaking"
    DIFFERS = "differs"
    ASSUMPTION = "assumption"
    TOLERATED = "tolerated"
    COSMETIC = "cosmetic"


class Difference(NamedTuple):
    """One difference of two answers; `left` and `right` are descriptions that are fit to be shown."""

    kind: Kind
    what: str
    place: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Volatile:
    """What may differ without meaning anything, and which headers count."""

    places: tuple[str, ...]
    headers: Mapping[str, Kind]

    def covers(self, pointer: str) -> bool:
        """Say whether a place's value is volatile."""
        return any(re.fullmatch(re.escape(place).replace(r"\*", "[^/]*"), pointer) for place in self.places)


def load_volatile(path: Path) -> Volatile:
    """Read the declaration; raise UsageError for what it can't mean."""
    document = load_yaml(path) or {}
    if unknown := set(document) - {"body", "headers"}:
        raise UsageError(f"unknown: {', '.join(sorted(unknown))}", place=str(path), hint="write body and headers")
    places, headers = document.get("body") or [], document.get("headers") or {}
    if wrong := [place for place in places if not isinstance(place, str) or not place.startswith("/")]:
        raise UsageError(f"{wrong[0]!r} is no place", place=f"{path}: body", hint="write /Edited/ModifiedDate")
    kinds = {kind.value: kind for kind in (Kind.DIFFERS, Kind.COSMETIC)}
    if wrong := [value for value in headers.values() if value not in kinds]:
        raise UsageError(f"{wrong[0]!r} is not possible", place=f"{path}: headers", hint="write differs or cosmetic")
    return Volatile(tuple(places), {name.lower(): kinds[kind] for name, kind in headers.items()})


class Comparison:
    """Compares replies; knows contract, dialect and what is volatile, and shows only what the redactor lets pass."""

    def __init__(self, contract: Contract, dialect: str, volatile: Volatile, redactor: Redactor) -> None:
        self.contract = contract
        self.dialect = dialect
        self.volatile = volatile
        self.show = redactor

    def replies(self, left: Reply | None, right: Reply | None) -> Iterator[Difference]:
        """Yield the differences of two replies, None for one that never came."""
        if left is None or right is None:
            if left is not right:
                sides = ("none" if reply is None else "one" for reply in (left, right))
                yield Difference(Kind.BREAKING, "answer", "", *sides)
            return
        if left.status != right.status:
            both_fail = min(left.status, right.status) >= 400
            kind = Kind.DIFFERS if both_fail else Kind.BREAKING
            yield Difference(kind, "status", "", str(left.status), str(right.status))
        yield from self._content_types(left, right)
        yield from self._headers(left, right)
        if left.status == right.status:
            yield from self._bodies(left, right)

    def _content_types(self, left: Reply, right: Reply) -> Iterator[Difference]:
        sent = [reply.headers.get("content-type") for reply in (left, right)]
        if sent[0] == sent[1] or left.status != right.status or bool(left.body) != bool(right.body):
            return
        types = [re.split(r"[;\s]", value or "", maxsplit=1)[0].lower() for value in sent]
        kind = Kind.COSMETIC if types[0] == types[1] else Kind.BREAKING
        yield Difference(kind, "content type", "", *(self.show.header("content-type", value) for value in sent))

    def _headers(self, left: Reply, right: Reply) -> Iterator[Difference]:
        for name, kind in self.volatile.headers.items():
            sent = left.headers.get(name), right.headers.get(name)
            # A realm and the like belong to one status; where that differs already, they say nothing new.
            if sent[0] != sent[1] and left.status == right.status:
                yield Difference(kind, "header", name, *(self.show.header(name, value) for value in sent))

    def _bodies(self, left: Reply, right: Reply) -> Iterator[Difference]:
        if left.body == right.body:
            return
        if bool(left.body) != bool(right.body):
            kind = Kind.BREAKING if left.status == 200 else Kind.DIFFERS
            yield Difference(kind, "body", "", *("empty" if not reply.body else "present" for reply in (left, right)))
            return
        read = partial(read_profile, contract=self.contract, dialect=self.dialect) if left.status == 200 else read_error
        documents: list[Any] = []
        states = []
        for reply in (left, right):
            try:
                documents.append(read(reply))
                states.append("as in the contract")
            except Unreadable as why:
                documents.append(read_loosely(reply, self.contract, self.dialect) if left.status == 200 else None)
                states.append(f"unreadable: {why}")
        if states[0] != states[1]:
            yield Difference(Kind.BREAKING, "body", "", *states)
        if None not in documents:
            yield from self._values(*documents) if left.status == 200 else self._errors(*documents)

    def _values(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
        for pointer, one, other in differences(left, right):
            same_type = _kind_of(one) == _kind_of(other)
            if self.volatile.covers(pointer) and same_type:
                yield from self._notations(pointer, one, other)
                continue
            missing = one is MISSING or other is MISSING
            # Null stands for a value that isn't there in every nullable member, so it is no other type.
            kind = Kind.DIFFERS if not missing and (same_type or None in (one, other)) else Kind.BREAKING
            yield Difference(kind, "body", self.show.pointer(pointer), self._described(one), self._described(other))
        for pointer in _otherwise_ordered(left, right):
            yield Difference(Kind.COSMETIC, "order of members", pointer, "one", "another")

    def _notations(self, pointer: str, one: Any, other: Any) -> Iterator[Difference]:
        """Compare how two moments are written: which moments they are is not for a comparison to say."""
        shapes = [_notation(value) for value in (one, other)]
        if None not in shapes and shapes[0] != shapes[1]:
            yield Difference(Kind.DIFFERS, "notation of a date", self.show.pointer(pointer), *map(str, shapes))

    def _errors(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[Difference]:
        for pointer, one, other in differences(left, right):
            kind = Kind.COSMETIC if pointer == "/Message" else Kind.DIFFERS
            sides = ("missing" if value is MISSING else self.show.message(value) for value in (one, other))
            yield Difference(kind, "error", self.show.pointer(pointer), *sides)

    def _described(self, value: Any) -> str:
        return "missing" if value is MISSING else self.show.value(value)


def _notation(value: Any) -> str | None:
    """Return how a date is written, without its digits, None for what looks like no date.

    Decimals are left out: their number changes with the moment where zeros at the end are dropped.
    """
    if not isinstance(value, str) or not re.match(r"\d+[-/.]\d+[-/.]\d+", value):
        return None
    text = re.sub(r"(:\d\d)\.\d+", r"\1", value).replace("AM", "PM")
    return re.sub(r"\d+", lambda match: "9999" if len(match[0]) == 4 else "99", text)


def _otherwise_ordered(left: Any, right: Any, place: str = "") -> Iterator[str]:
    """Yield the place of each object whose common members stand in another order."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if [name for name in left if name in right] != [name for name in right if name in left]:
            yield place or "/"
        for name in left:
            if name in right:
                yield from _otherwise_ordered(left[name], right[name], f"{place}/{name}")
    elif isinstance(left, list) and isinstance(right, list):
        for index, pair in enumerate(zip(left, right, strict=False)):
            yield from _otherwise_ordered(*pair, f"{place}/{index}")


def _kind_of(value: Any) -> str:
    return "missing" if value is MISSING else type_name(value)
