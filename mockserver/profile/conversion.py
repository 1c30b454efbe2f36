"""Typed conversion: how the vendor's software reads a JSON value into a member.

Microsoft.AspNetCore.JsonPatch writes the value as JSON and reads it back as the member's CLR type, so the rules are
Json.NET's (library; docs/dialect.md, rows C1-C19).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mockserver.profile.members import Kind, Member

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# NumberStyles.Integer: white space around, one sign, ASCII digits, and trailing NULs.
_INTEGER = re.compile(r"[\t-\r ]*([+-]?[0-9]+)[\t-\r ]*\0*", re.ASCII)
# bool.TryParse trims what char.IsWhiteSpace says, and NULs; U+001C to U+001F are no white space there.
_BLANK = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\0]*"
_BOOLEAN = re.compile(f"{_BLANK}(true|false){_BLANK}", re.IGNORECASE | re.ASCII)
_LONGEST_DATE = 40
# DateTimeParser.ParseTime takes at most seven digits of the fraction (the possessive quantifier: all it can get), then
# ParseZone must reach the end. It is lax: a colon or two digits may follow anything, and without a sign they mean
# nothing, so nine digits of a fraction are a date while eight are none (read in source).
_ISO_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}+))?"
    r"(?:([Zz])|(?:([+-])(\d\d))?(?::(\d\d)?|(\d\d))?)",
    re.ASCII,
)
_MICROSOFT_DATE = re.compile(r"/Date\((-?\d{1,19})([+-]\d{4}|[+-]\d\d)?\)/", re.ASCII)
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REFERENCE = object()


class ConversionError(Exception):
    """The value can't be read as the member's type."""


class ClrDate:
    """A date that Json.NET recognised in a string: how it is written back and how it prints in a message."""

    __slots__ = ("json", "text")

    def __init__(self, moment: datetime, ticks: int, zone: str) -> None:
        fraction = f".{ticks:07d}".rstrip("0").rstrip(".")
        self.json = f"{moment:%Y-%m-%dT%H:%M:%S}".zfill(19) + fraction + zone
        hour = moment.hour % 12 or 12
        half = "AM" if moment.hour < 12 else "PM"
        self.text = f"{moment.month}/{moment.day}/{moment.year:04d} {hour}:{moment:%M:%S} {half}"


def parse_date(text: str) -> ClrDate | None:
    """Return the date that Json.NET's default DateParseHandling sees in a string, or None (rows C16, C17).

    An offset is converted to the server's zone, taken to be UTC (assumed).
    """
    if text.startswith("/"):
        microsoft = _MICROSOFT_DATE.fullmatch(text)
        return _microsoft_date(int(microsoft[1]), bool(microsoft[2])) if microsoft else None
    # A short look first: nearly every string that is converted is no date.
    if not 19 <= len(text) <= _LONGEST_DATE or text[10] != "T":
        return None
    iso = _ISO_DATE.fullmatch(text)
    return _iso_date(iso) if iso else None


def _microsoft_date(milliseconds: int, has_offset: bool) -> ClrDate | None:
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    return ClrDate(moment, moment.microsecond * 10, "+00:00" if has_offset else "Z")


def _iso_date(match: re.Match[str]) -> ClrDate | None:
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    ticks = int((match[7] or "").ljust(7, "0"))
    midnight = hour == 24 and not (minute or second or ticks)
    try:
        moment = datetime(year, month, day, 0 if midnight else hour, minute, second) + timedelta(days=midnight)
    except (ValueError, OverflowError):
        return None
    if match[8]:
        return ClrDate(moment, ticks, "Z")
    if not match[9]:
        return ClrDate(moment, ticks, "")
    offset = timedelta(hours=int(match[10]), minutes=int(match[11] or match[12] or 0))
    return ClrDate(*_in_server_zone(moment, ticks, -offset if match[9] == "+" else offset), "+00:00")


def _in_server_zone(moment: datetime, ticks: int, difference: timedelta) -> tuple[datetime, int]:
    """Return the moment in UTC; beyond the calendar's ends Json.NET keeps its first or last tick (read in source)."""
    try:
        return moment + difference, ticks
    except OverflowError:
        return (datetime.min, 0) if difference < timedelta() else (datetime.max, 9_999_999)


def round_trip_text(number: float) -> str:
    """Write a double as Json.NET does: the old "R" format with a decimal point (rows C7, D7)."""
    if math.isnan(number) or math.isinf(number):
        return clr_text(number)
    text = f"{number:.15g}"
    if float(text) != number:
        text = f"{number:.17g}"
    text = _clr_exponent(text)
    return text if "." in text or "E" in text else f"{text}.0"


def _clr_exponent(text: str) -> str:
    return "0" if text == "-0" else text.replace("e", "E")


def clr_text(value: Any, *, dates: bool = True) -> str:
    """Write a value as .NET's ToString() under en-US does, which is how the vendor's messages quote it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "NaN" if math.isnan(value) else _clr_exponent(f"{value:.15g}")
    if isinstance(value, str):
        date = parse_date(value) if dates else None
        return date.text if date else value
    return _indented(value, "\n")


def _indented(value: Any, newline: str) -> str:
    """Write JSON as JToken.ToString() does: two spaces, one member a line, Json.NET's own escapes."""
    deeper = newline + "  "
    if isinstance(value, Mapping):
        rows = [f"{_quoted(key)}: {_indented(item, deeper)}" for key, item in value.items()]
        return "{" + ",".join(deeper + row for row in rows) + (newline if rows else "") + "}"
    if isinstance(value, list):
        return "[" + ",".join(deeper + _indented(item, deeper) for item in value) + (newline if value else "") + "]"
    return _scalar_json(value)


def _scalar_json(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        text = round_trip_text(value)
        return text if math.isfinite(value) else f'"{text}"'
    if isinstance(value, str):
        date = parse_date(value)
        return _quoted(date.json if date else value)
    return str(value)


_ESCAPES = {
    **{chr(code): f"\\u{code:04x}" for code in (*range(32), 0x85, 0x2028, 0x2029)},
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_ESCAPED = str.maketrans(_ESCAPES)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def convert(value: Any, member: Member, *, dates: bool = True) -> Any:
    """Return the value as the member would store it; raise ConversionError if Json.NET could not read it.

    `dates` is False for a value that is already a CLR object (move, copy): its strings are not read as dates.
    """
    if value is None:
        if member.nullable:
            return None
        raise ConversionError
    return _CONVERTERS[member.kind](value, member, dates)


def _to_string(value: Any, member: Member, dates: bool) -> str:
    if isinstance(value, str):
        date = parse_date(value) if dates else None
        text = date.json if date else value
        # A lone surrogate can't be encoded; .NET writes U+FFFD on the wire (row C18).
        return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return round_trip_text(value)
    raise ConversionError


def _to_boolean(value: Any, member: Member, dates: bool) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _BOOLEAN.fullmatch(value)):
        return match[1].lower() == "true"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value != 0
    raise ConversionError


def _to_integer(value: Any, member: Member, dates: bool) -> int:
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


def _to_object(value: Any, member: Member, dates: bool) -> dict[str, Any] | None:
    if value == "":
        return None
    if not isinstance(value, Mapping):
        raise ConversionError
    result = dict(member.template)
    for name, item in _without_metadata(value):
        if name is _REFERENCE:
            return None
        if (child := member.find(name)) is not None:
            result[child.name] = convert(item, child, dates=dates)
    return result


def _without_metadata(value: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Drop leading `$id`/`$type`; a leading `$ref` makes the whole object a reference, which is null (row C19)."""
    items = list(value.items())
    while items and items[0][0] in ("$id", "$type", "$ref"):
        name, item = items.pop(0)
        if name == "$ref" and isinstance(item, str):
            if items:
                raise ConversionError
            return [(_REFERENCE, item)]
    return items


def _to_list(value: Any, member: Member, dates: bool) -> list[Any] | None:
    if value == "":
        return None
    if isinstance(value, Mapping) and _without_metadata(value)[:1] and _without_metadata(value)[0][0] is _REFERENCE:
        return None
    if not isinstance(value, list) or member.item is None:
        raise ConversionError
    item_member = member.item
    return [convert(item, item_member, dates=dates) for item in value]


_CONVERTERS: Mapping[Kind, Callable[[Any, Member, bool], Any]] = {
    Kind.STRING: _to_string,
    Kind.BOOLEAN: _to_boolean,
    Kind.INTEGER: _to_integer,
    Kind.OBJECT: _to_object,
    Kind.LIST: _to_list,
}
