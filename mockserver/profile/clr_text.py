"""Values as .NET prints them: in a message by ToString(), in JSON by Json.NET (docs/dialect.md, rows C1 and C7)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple

from mockserver.profile.dates import parse_date
from mockserver.profile.work import DEFAULT_WORK, Work


class Undefined:
    """A JavaScript `undefined`, or a hole as in `[,1]`; one instance, UNDEFINED."""

    def __repr__(self) -> str:
        return "undefined"


UNDEFINED = Undefined()


class Constructor(NamedTuple):
    """A JavaScript `new Name(arguments)`."""

    name: str
    arguments: list[Any]


def plain(value: Any) -> Any:
    """Return a value that was read as JSON can show it: undefined as null, a constructor as its arguments."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, Constructor)):
        return [plain(item) for item in (value.arguments if isinstance(value, Constructor) else value)]
    return None if value is UNDEFINED else value


def round_trip_text(number: float) -> str:
    """Write a double as Json.NET does: the old "R" format with a decimal point (rows C7, D7)."""
    if math.isnan(number) or math.isinf(number):
        return clr_text(number)
    text = _general(number, 15)
    if float(text) != number:
        text = _general(number, 17)
    return text if "." in text or "E" in text else f"{text}.0"


def _general(number: float, precision: int) -> str:
    """Write a finite double with so many digits as .NET does: half of the last one goes away from zero, not to even."""
    text = f"{number:.{precision}g}"
    longer = f"{number:.{precision}e}"
    if longer.partition("e")[0].endswith("5"):
        text = _half_up(text, longer, number, precision)
    return "0" if text == "-0" else text.replace("e", "E")


def _half_up(text: str, longer: str, number: float, precision: int) -> str:
    """Return the text with its last digit rounded up if `longer`, which has one digit more, is the whole number."""
    from decimal import ROUND_HALF_UP, Context, Decimal

    exact = Decimal(longer)
    if exact != number:
        return text
    rounded = Context(prec=precision, rounding=ROUND_HALF_UP).plus(exact).normalize()
    if "e" not in text:
        return f"{rounded:f}"
    mantissa, _, power = f"{rounded:e}".partition("e")
    return f"{mantissa}e{int(power):+03d}"


def clr_text(value: Any, *, dates: tzinfo | None = UTC, work: Work | None = None) -> str:
    """Write a value as .NET's ToString() under en-US does, which is how the vendor's messages quote it.

    `dates` is the server's zone, None where strings are not read as dates.
    """
    if value is None or value is UNDEFINED:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "NaN" if math.isnan(value) else _general(value, 15)
    if isinstance(value, str):
        date = parse_date(value, dates) if dates else None
        return date.text if date else value
    return _indented(value, "\n", work or Work(DEFAULT_WORK), dates)


def _indented(value: Any, newline: str, work: Work, dates: tzinfo | None) -> str:
    """Write JSON as JToken.ToString() does: two spaces, one member a line, Json.NET's own escapes."""
    deeper = newline + "  "
    if isinstance(value, (Mapping, list)):
        work.spend(len(value) * len(deeper))  # of a value that is nested deeply, nearly all is indentation
    if isinstance(value, Mapping):
        rows = [f"{_quoted(key)}: {_indented(item, deeper, work, dates)}" for key, item in value.items()]
        return "{" + ",".join(deeper + row for row in rows) + (newline if rows else "") + "}"
    if isinstance(value, list):
        items = ",".join(deeper + _indented(item, deeper, work, dates) for item in value)
        return f"[{items}{newline if value else ''}]"
    if isinstance(value, Constructor):
        arguments = ",".join(deeper + _indented(item, deeper, work, dates) for item in value.arguments)
        return f"new {value.name}({arguments}{newline})"
    return _scalar_json(value, dates)


def _scalar_json(value: Any, dates: tzinfo | None) -> str:
    if value is UNDEFINED:
        return "undefined"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        text = round_trip_text(value)
        return text if math.isfinite(value) else f'"{text}"'
    if isinstance(value, str):
        date = parse_date(value, dates) if dates else None
        return _quoted(date.json if date else value)
    return str(value)


_ESCAPES = {
    **{chr(code): f"\\u{code:04x}" for code in (*range(32), 0x85, 0x2028, 0x2029)},
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_ESCAPED = str.maketrans(_ESCAPES)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'
