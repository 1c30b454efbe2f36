"""Does a profile obey the contract? Used for fixtures, prepared state and the strict dialect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from mockserver.nearest import did_you_mean
from mockserver.profile.conversion import INT64_MAX, INT64_MIN
from mockserver.profile.members import Kind, Member


class Problem(Struct, frozen=True):
    """One breach of the contract: a JSON Pointer, what is wrong there, what to write instead."""

    path: str
    text: str
    hint: str


KIND_WORDS = {
    Kind.STRING: "text",
    Kind.BOOLEAN: "true or false",
    Kind.INTEGER: "a whole number",
    Kind.OBJECT: "an object",
    Kind.LIST: "a list",
}
"""What a member of each kind holds, in words."""
_EXPECTED = {
    Kind.STRING: "text in quotes",
    Kind.BOOLEAN: "true or false",
    Kind.INTEGER: "a whole number of at most 64 bits",
    Kind.OBJECT: "an object { }",
    Kind.LIST: "a list [ ]",
}


def problems(value: Any, member: Member, path: str = "") -> Iterator[Problem]:
    """Yield every breach below a value; a member that is absent is none, since it gets a default."""
    if value is None and member.nullable:
        return
    if not has_kind(value, member.kind):
        yield Problem(path or "/", f"{_shown(value)} is not {_EXPECTED[member.kind]}", _kind_hint(member))
    elif member.kind is Kind.OBJECT:
        yield from _object_problems(value, member, path)
    elif member.item is not None:
        for index, item in enumerate(value):
            yield from problems(item, member.item, f"{path}/{index}")
    elif member.max_length is not None and text_length(value) > member.max_length:
        size = text_length(value)
        yield Problem(path, f"{size} characters; at most {member.max_length} are allowed", "shorten the text")


def has_kind(value: Any, kind: Kind) -> bool:
    """Tell whether a value that isn't null is of a member's kind."""
    if kind is Kind.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool) and INT64_MIN <= value <= INT64_MAX
    types: Mapping[Kind, type] = {Kind.STRING: str, Kind.BOOLEAN: bool, Kind.OBJECT: dict, Kind.LIST: list}
    return isinstance(value, types[kind])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind_hint(member: Member) -> str:
    null = " or null" if member.nullable else ""
    return f"write {_EXPECTED[member.kind]}{null}"


def _object_problems(value: Mapping[str, Any], member: Member, path: str) -> Iterator[Problem]:
    for name, item in value.items():
        child = member.members.get(name)
        if child is None:
            yield Problem(
                f"{path}/{name}", f"{member.clr_type.rsplit('.', 1)[-1]} has no such member", _near(name, member)
            )
        else:
            yield from problems(item, child, f"{path}/{name}")


def _near(name: str, member: Member) -> str:
    same = member.find(name)
    known = [same.name] if same else member.members
    return did_you_mean(name, known, f"its members are {', '.join(member.members)}")


def text_length(text: str) -> int:
    """Return a text's length in UTF-16 units, as .NET's MaxLengthAttribute counts: most emoji count twice.

    Assumed: the page says "Max length", which is what its generator prints for that attribute and no other.
    """
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


def too_long(value: Any, member: Member) -> list[tuple[str, int]]:
    """Return (member name, limit) of each string over its limit, counted as `text_length` does."""
    limit = member.max_length
    if isinstance(value, str):
        return [(member.name, limit)] if limit is not None and text_length(value) > limit else []
    parts: Iterable[tuple[Any, Member]] = ()
    if isinstance(value, dict):
        parts = ((value.get(name), child) for name, child in member.members.items() if child.bounded)
    elif isinstance(value, list) and member.item is not None and member.bounded:
        parts = ((item, member.item) for item in value)
    return [row for inner, child in parts for row in too_long(inner, child)]


def complete(value: Any, member: Member, defaults: Mapping[str, Any] | None = None) -> Any:
    """Return the value with every absent member present, in the contract's order.

    `defaults` overrides the contract's defaults of the top level (a client's default type and locale).
    """
    if isinstance(value, dict) and member.kind is Kind.OBJECT:
        given = defaults or {}
        return {
            name: complete(value[name], child) if name in value else given.get(name, child.default)
            for name, child in member.members.items()
            if child.returned or value.get(name) is not None
        }
    if isinstance(value, list) and member.item is not None:
        return [complete(item, member.item) for item in value]
    return value
