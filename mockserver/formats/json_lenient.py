"""JSON bodies read as text: as Json.NET reads them, or strictly.

Json.NET logs each failure under the path where the reader stood, which becomes a ModelState key (library;
docs/dialect.md, rows O7-O14 and D1-D9).
"""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson

from mockserver.errors import MalformedBody
from mockserver.formats.bounds import is_too_deep, too_many_operations
from mockserver.formats.json_binding import Binding, no_operation, value_kind
from mockserver.formats.json_names import has_repeated_names
from mockserver.formats.negotiation import DEPTH_LIMIT, is_utf_16
from mockserver.formats.newtonsoft import JsonReader, JsonReaderError

_PARAMETER = "operations"
_LONG_DIGITS_IN_TEXT = re.compile(r"[0-9]{19}")
# A string, also one that the text never closes, so that the search stays linear; or a bracket.
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_ADVICE_TO_STRICT = "This dialect reads strict JSON (RFC 8259): double quotes, no comments, nothing after the array."

# StreamReader looks for these whatever the charset; the longer ones first, since FF FE begins two of them (library).
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_leniently(body: bytes, *, utf_16: bool, depth_limit: int, most: int) -> list[dict[str, Any] | None] | None:
    """Return the operations of a body as `read_patch` does."""
    text = _decode_leniently(body, utf_16=utf_16)
    reader = JsonReader(text, depth_limit=depth_limit, most=most)
    try:
        document = reader.load()
    except JsonReaderError as error:
        raise _malformed([error], text) from None
    if document is None:
        return None
    if len(document) > most:
        raise too_many_operations(most)
    binding = Binding(reader.places, scripted=reader.scripted)
    bound = binding.bind(document)
    if binding.refusals:
        raise _malformed(binding.refusals, text)
    return bound


def read_object_leniently(body: bytes, *, utf_16: bool, depth_limit: int) -> dict[str, Any] | None:
    """Return the object of a body as `read_object` does."""
    text = _decode_leniently(body, utf_16=utf_16)
    try:
        document: dict[str, Any] | None = JsonReader(text, depth_limit=depth_limit, dates=False).load("{")
    except JsonReaderError as error:
        raise _malformed([error], text) from None
    return document


def read_strict_patch(body: bytes, *, charset: str | None, depth_limit: int = DEPTH_LIMIT) -> list[Any]:
    """Return the operations of a body of strict JSON (RFC 8259), each an object as sent; raises MalformedBody.

    What no UTF-8 document can hold or no double can carry (half a surrogate pair, 1e400) is refused as well, and so is
    a byte order mark, any other encoding, and an operation that has its op, path or value twice.
    """
    if is_utf_16(charset or "") or _encoding(body, utf_16=False)[1]:
        raise MalformedBody(
            [_PARAMETER],
            rule="body-bad-encoding",
            why="The body is UTF-16, or begins with a byte order mark.",
            hint="This dialect reads UTF-8 without a byte order mark (RFC 8259).",
        )
    text = _decode(body, "utf-8", 0, errors="strict", final=True)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        _refuse_too_deep(text, depth_limit)
        raise _malformed([JsonReaderError("", error.pos, error.msg, _ADVICE_TO_STRICT)], text) from None
    if is_too_deep(document, depth_limit):
        _refuse_too_deep(text, depth_limit)
    if not isinstance(document, list):
        hint = "Wrap the operation in [ ]: a patch is an array of operations."
        raise _malformed(
            [JsonReaderError("", 0, f"the body is {value_kind(document)}", hint, "body-not-an-array")], text
        )
    if refusals := list(_not_objects(document)):
        raise _malformed(refusals, text)
    if has_repeated_names(body, document) and (refusals := list(_repeated_members(text))):
        raise _malformed(refusals, text)
    # orjson reads an integer beyond 64 bits as a float; the standard library keeps every digit.
    return json.loads(text) if _LONG_DIGITS_IN_TEXT.search(text) else document


def _repeated_members(text: str) -> Iterator[JsonReaderError]:
    for index, pairs in enumerate(json.loads(text, object_pairs_hook=list)):
        counts = Counter(name for name, _ in pairs)
        for name in ("op", "path", "value"):
            if counts[name] > 1:
                hint = "Send each member once (RFC 6902, section 4)."
                problem = f"operation {index} has {counts[name]} members {name!r}"
                yield JsonReaderError(f"[{index}].{name}", 0, problem, hint, "rfc6902-refused")


def _not_objects(document: list[Any]) -> Iterator[JsonReaderError]:
    for index, node in enumerate(document):
        if not isinstance(node, dict):
            yield no_operation(f"[{index}]", 0, f"operation {index} is {value_kind(node)}")


def _refuse_too_deep(text: str, depth_limit: int) -> None:
    if text.count("[") + text.count("{") <= depth_limit:
        return
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > depth_limit:
            hint = f"Nest at most {depth_limit} levels."
            problem = JsonReaderError("", match.start(), "the body is nested too deeply", hint, "body-too-deep")
            raise _malformed([problem], text)


def _encoding(body: bytes, utf_16: bool) -> tuple[str, int]:
    """Return the encoding of a body and how many bytes its byte order mark takes."""
    if utf_16 and body.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", len(codecs.BOM_UTF16_LE)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return encoding, len(mark)
    return ("utf-16-le" if utf_16 else "utf-8"), 0


def _decode_leniently(body: bytes, *, utf_16: bool) -> str:
    """Decode as StreamReader does on .NET Framework (library).

    The formatter's own encodings throw on invalid bytes, those that a byte order mark selects put U+FFFD in their
    place; a character cut off by the end of the body is dropped.
    """
    encoding, mark = _encoding(body, utf_16)
    by_mark = mark > 0 and not (utf_16 and encoding == "utf-16-le")
    return _decode(body, encoding, mark, errors="replace" if by_mark else "strict", final=False)


def _decode(body: bytes, encoding: str, mark: int, *, errors: str, final: bool) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)(errors).decode(body[mark:], final)
    except UnicodeDecodeError as error:
        found = f"0x{error.object[error.start]:02X}"
        raise MalformedBody(
            [_PARAMETER],
            rule="body-bad-encoding",
            why=f"Byte {mark + error.start + 1} of the body, {found}, is not valid {encoding}.",
            hint="Encode the body as UTF-8, or as UTF-16 with charset=utf-16 in the Content-Type.",
        ) from None


def _malformed(refusals: list[JsonReaderError], text: str) -> MalformedBody:
    """Report every refusal's key, the first one's story."""
    keys: dict[str, str] = {}
    for refusal in refusals:
        key = f"{_PARAMETER}{refusal.path}"
        # ModelState compares its keys without case and keeps the first spelling.
        keys.setdefault(key.lower(), key)
    first = refusals[0]
    line = text.count("\n", 0, first.at) + 1
    column = first.at - text.rfind("\n", 0, first.at)
    more = f" ({len(refusals) - 1} more)" if len(refusals) > 1 else ""
    why = f"Line {line}, column {column}: {first}{more}."
    return MalformedBody(list(keys.values()), rule=first.rule, why=why, hint=first.hint)
