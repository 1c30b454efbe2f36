"""JSON request bodies to operations, as the vendor's stack reads them.

Web API's JsonMediaTypeFormatter hands the body to Json.NET, whose JArray.Load and Populate fill a list of operations;
each failure is logged under the path where the reader stood, which becomes a ModelState key (library;
docs/dialect.md, rows O1-O14 and D1-D9).
"""

from __future__ import annotations

import re
import sys
from typing import Any

import orjson

from mockserver.formats.bounds import is_too_deep, too_many_operations
from mockserver.formats.negotiation import DEPTH_LIMIT, is_utf_16
from mockserver.patch.dialect import SUPPORTED_OPERATIONS
from mockserver.profile.dates import BEYOND_CALENDAR

_MEMBERS = frozenset(("op", "path", "value", "from"))
_SCALARS = frozenset((str, int, bool, type(None)))
_DATE_STARTS = frozenset(start[:6] for start in BEYOND_CALENDAR)
_LONG_DIGITS = re.compile(rb"[0-9]{19}")


def read_patch(
    body: bytes, *, charset: str | None, depth_limit: int = DEPTH_LIMIT, most: int = sys.maxsize
) -> list[dict[str, Any] | None] | None:
    """Return the operations of a body, None for a null document (empty, blank, `null`).

    A null operation is None; any other is a dict of those of "op", "path", "from" (str or None) and "value" (plain
    JSON values, inf, nan, UNDEFINED and Constructor) that were sent. Raises MalformedBody, and BadRequest as soon as
    more than `most` elements are met: a longer patch is refused in any case, so nothing behind them is looked at.
    """
    utf_16 = charset is not None and is_utf_16(charset)
    if not utf_16 and (operations := _read_quickly(body, depth_limit, most)) is not None:
        return operations
    # Imported with the first body that needs it: Json.NET's grammar would slow every start.
    from mockserver.formats.json_lenient import read_leniently

    return read_leniently(body, utf_16=utf_16, depth_limit=depth_limit, most=most)


def read_object(body: bytes, *, charset: str | None) -> tuple[dict[str, Any] | None, bool]:
    """Return the object of a body, None for a null document, and whether it is strict JSON; raises MalformedBody.

    Read as a patch is, but for texts of dates, which stay as they are where a text is wanted (assumed: read in source).
    """
    utf_16 = charset is not None and is_utf_16(charset)
    try:
        document = None if utf_16 or _LONG_DIGITS.search(body) else orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if type(document) is dict and not is_too_deep(document, DEPTH_LIMIT):
        return document, True
    from mockserver.formats.json_lenient import read_object_leniently

    return read_object_leniently(body, utf_16=utf_16, depth_limit=DEPTH_LIMIT), False


def _read_quickly(body: bytes, depth_limit: int, most: int) -> list[dict[str, Any] | None] | None:
    """Read a body with orjson; None if that can't be done, or is refused, or Json.NET might read it differently."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(document) is not list:
        return None
    if len(document) > most:
        raise too_many_operations(most)
    for operation in document:
        if type(operation) is not dict or not _is_plain(operation):
            break
    else:
        return document
    if _LONG_DIGITS.search(body) or is_too_deep(document, depth_limit):
        return None
    if (b"Date(" in body or b"31T24:" in body or b"\\u" in body) and _may_hold_a_date(document):
        return None
    from mockserver.formats.json_binding import Binding

    binding = Binding({})
    bound = binding.bind(document)
    return None if binding.refusals else bound


def _is_plain(operation: dict[str, Any]) -> bool:
    """Say that an operation needs no binding: members as they are bound, no dates, a value that can't be misread."""
    op, path, value = operation.get("op"), operation.get("path"), operation.get("value")
    return (
        operation.keys() <= _MEMBERS
        and type(op) is str
        and op in SUPPORTED_OPERATIONS
        and type(path) is str
        and path.startswith("/")
        and not path.startswith("/Date(")
        and "from" not in operation
        and (value[:6] not in _DATE_STARTS if type(value) is str else type(value) in _SCALARS or _is_flat(value))
    )


def _may_hold_a_date(document: list[Any]) -> bool:
    """Say whether some text might be a date beyond the calendar, or `/Date(n)/`, where escapes count (row C17)."""
    waiting: list[Any] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if value.startswith(BEYOND_CALENDAR):
                return True
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _is_flat(value: Any) -> bool:
    # orjson loses digits only in floats, and what holds no container can't be nested too deeply.
    return type(value) is dict and (
        not value or (next(iter(value))[:1] != "$" and all(map(_is_plain_scalar, value.values())))
    )


def _is_plain_scalar(member: Any) -> bool:
    return member[:6] not in _DATE_STARTS if type(member) is str else type(member) in _SCALARS
