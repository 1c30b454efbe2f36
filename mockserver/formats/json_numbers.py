"""Numbers in lenient JSON, as Json.NET's ParseReadNumber reads them (library; docs/dialect.md, rows D7 and D9)."""

from __future__ import annotations

import re
from math import inf

_INTEGER = re.compile("-?[0-9]+")
_LEADING_ZERO = re.compile("0[^.eE]")
_HEXADECIMAL = re.compile("0[xX]([0-9A-Fa-f]+)")
_OCTAL = re.compile("0[0-7]+")
_LONGEST_INTEGER = 380


def read_number(token: str) -> int | float | None:
    """Return the number, or None where the library's reader stops."""
    if _LEADING_ZERO.match(token):
        return _int64_of_base(token)
    if _INTEGER.fullmatch(token):
        return int(token) if len(token) <= _LONGEST_INTEGER else None
    try:
        value = float(token)
    except ValueError:
        return None
    # .NET Framework's double.TryParse refuses what overflows (row D9).
    return value if value not in (inf, -inf) else None


def _int64_of_base(token: str) -> int | None:
    """Read 0x1F and 017 as Convert.ToInt64 does: 64 bits, so that the topmost bit is the sign."""
    if match := _HEXADECIMAL.fullmatch(token):
        value = int(match[1], 16)
    elif _OCTAL.fullmatch(token):
        value = int(token, 8)
    else:
        return None
    if value >= 1 << 64:
        return None
    return value - (1 << 64) if value >= 1 << 63 else value
