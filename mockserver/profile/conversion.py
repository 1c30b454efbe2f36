"""Typed conversion: how the vendor's software reads a JSON value into a member.

Microsoft.AspNetCore.JsonPatch writes the value as JSON and reads it back as the member's CLR type, so the rules are
Json.NET's (library; docs/dialect.md, rows C1-C19).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any

import orjson

from mockserver.profile.clr_text import UNDEFINED, clr_text, round_trip_text
from mockserver.profile.dates import parse_date
from mockserver.profile.members import Kind, Member
from mockserver.profile.work import Work, expansion

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# NumberStyles.Integer: white space around, one sign, ASCII digits, and trailing NULs.
_INTEGER = re.compile(r"[\t-\r ]*([+-]?[0-9]+)[\t-\r ]*\0*", re.ASCII)
# bool.TryParse trims what char.IsWhiteSpace says, and NULs; U+001C to U+001F are no white space there.
_BLANK = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\0]*"
_BOOLEAN = f"(?ia){_BLANK}(true|false){_BLANK}"  # compiled when a text comes for a boolean: few do
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BITS_OF_ANY_DOUBLE = 1023


class Identified(dict[str, tuple[str, Any]]):
    """The objects with an `$id` that one value has brought so far: by that id, their class and themselves (row C19).

    And the work that is left for the value.
    """

    __slots__ = ("work",)

    def __init__(self, work: Work | None) -> None:
        super().__init__()
        self.work = work

    def spend(self, size: int) -> None:
        if self.work is not None:
            self.work.spend(size)


class ConversionError(Exception):
    """The value can't be read as the member's type."""


def convert(
    value: Any,
    member: Member,
    *,
    dates: tzinfo | None = UTC,
    work: Work | None = None,
    identified: Identified | None = None,
) -> Any:
    """Return the value as the member would store it; raise ConversionError if Json.NET could not read it.

    `dates` is the server's zone; None for a value that is already a CLR object (move, copy): its strings are not read
    as dates.
    """
    if value is None:
        if member.nullable:
            return None
        raise ConversionError
    if identified is None and (member.item is not None or member.members):
        identified = Identified(work)
    return _CONVERTERS[member.kind](value, member, dates, identified)


def _to_string(value: Any, member: Member, dates: tzinfo | None, identified: Identified) -> str:
    if isinstance(value, str):
        date = parse_date(value, dates) if dates and (value[:1] == "/" or value[10:11] == "T") else None
        text = date.json if date else value
        # A lone surrogate can't be encoded; .NET writes U+FFFD on the wire (row C18).
        return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _digits(value)
    if isinstance(value, float):
        return round_trip_text(value)
    raise ConversionError


def _digits(number: int) -> str:
    if number.bit_length() > _BITS_OF_ANY_DOUBLE:
        try:
            float(number)
        except OverflowError:  # ReadAsString wants every number to be a double
            raise ConversionError from None
    return str(number)


def _to_boolean(value: Any, member: Member, dates: tzinfo | None, identified: Identified) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := re.fullmatch(_BOOLEAN, value)):
        return match[1].lower() == "true"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value != 0
    raise ConversionError


def _to_integer(value: Any, member: Member, dates: tzinfo | None, identified: Identified) -> int:
    if isinstance(value, str):
        match = _INTEGER.fullmatch(value)
        number = _bounded_int(match[1]) if match else None
    elif isinstance(value, float):
        number = round(value) if math.isfinite(value) else None
    else:
        number = int(value) if isinstance(value, int) else None
    if number is None or not INT64_MIN <= number <= INT64_MAX:
        raise ConversionError
    return number


def _bounded_int(digits: str) -> int | None:
    # Without its leading zeros: Python's int() refuses more than 4,300 digits.
    significant = digits.lstrip("+-").lstrip("0") or "0"
    sign = -1 if digits.startswith("-") else 1
    return sign * int(significant) if len(significant) <= 19 else None


def _to_object(value: Any, member: Member, dates: tzinfo | None, identified: Identified) -> dict[str, Any] | None:
    if value == "" or value is UNDEFINED:
        return None
    if not isinstance(value, Mapping):
        raise ConversionError
    result = dict(member.template)
    items = list(value.items())
    if items and items[0][0].startswith("$"):
        reference, items = _metadata(items, result, member, identified)
        if reference is not None:
            referenced: dict[str, Any] | None = _referenced(reference, member, identified)
            return referenced
    for name, item in items:
        if (child := member.find(name)) is not None:
            result[child.name] = convert(item, child, dates=dates, identified=identified)
    return result


def _metadata(
    items: list[tuple[str, Any]], result: dict[str, Any], member: Member, identified: Identified
) -> tuple[str | None, list[tuple[str, Any]]]:
    """Take the leading `$ref`, `$id` and `$type` off an object's members: return the reference, or the members left.

    A container there derails the library's reader, and `$values` is for lists alone: both end in a refusal.
    """
    identity = None
    while items and items[0][0] in ("$id", "$type", "$ref", "$values"):
        name, item = items.pop(0)
        if name == "$ref" and isinstance(item, str) and parse_date(item) is None:
            if items:
                raise ConversionError
            return item, []
        if not _may_be(name, item):
            raise ConversionError
        if name == "$id":
            identity = None if item in (None, UNDEFINED) else clr_text(item)
    if identity is not None:
        if identity in identified:
            raise ConversionError
        identified[identity] = member.clr_type, result
    return None, items


def _may_be(name: str, item: Any) -> bool:
    """Say whether the library's reader gets past a member of metadata with that value, which refers to nothing."""
    if name == "$id":
        return item is None or item is UNDEFINED or isinstance(item, (str, int, float))
    return item is None if name == "$ref" else name == "$type" and isinstance(item, (str, int, float))


def _referenced(reference: str, member: Member, identified: Identified) -> Any:
    """Return the very object of that id, null for one that is unknown; another class can't be assigned."""
    clr_type, item = identified.get(reference, (member.clr_type, None))
    if clr_type != member.clr_type:
        raise ConversionError
    identified.spend(len(orjson.dumps(item)))
    return item


def _to_list(value: Any, member: Member, dates: tzinfo | None, identified: Identified) -> list[Any] | None:
    if value == "" or value is UNDEFINED:
        return None
    if isinstance(value, Mapping):
        reference, _ = _metadata(list(value.items()), {}, member, identified)
        if reference is not None:
            referenced: list[Any] | None = _referenced(reference, member, identified)
            return referenced
    if not isinstance(value, list) or member.item is None:
        raise ConversionError
    item_member = member.item
    identified.spend(expansion(value, member))
    return [convert(item, item_member, dates=dates, identified=identified) for item in value]


_CONVERTERS: Mapping[Kind, Callable[[Any, Member, tzinfo | None, Any], Any]] = {
    Kind.STRING: _to_string,
    Kind.BOOLEAN: _to_boolean,
    Kind.INTEGER: _to_integer,
    Kind.OBJECT: _to_object,
    Kind.LIST: _to_list,
}
