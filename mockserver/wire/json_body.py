"""JSON request bodies to operations, and documents to JSON, as the vendor's stack does it.

Web API's JsonMediaTypeFormatter hands the body to Json.NET, whose JArray.Load and Populate fill a list of operations;
each failure is logged under the path where the reader stood, which becomes a ModelState key (library;
docs/dialect.md, rows O1-O14 and D1-D9).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from mockserver.errors import MalformedBody
from mockserver.wire.json_binding import Binding, no_operation, value_kind
from mockserver.wire.newtonsoft import JsonArrayReader, JsonReaderError

DEPTH_LIMIT = 256
"""FormattingUtilities.DefaultMaxDepth: the nesting at which Web API's formatters stop (library)."""

_PARAMETER = "operations"
_MEMBERS = frozenset(("op", "path", "value", "from"))
_SCALARS = frozenset((str, int, bool, type(None)))
_SHORTEST_DATE = len("2024-01-05T10:00:00")
_LONG_DIGITS = re.compile(rb"[0-9]{19}")
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


# JavaScriptUtils escapes these three of the characters beyond ASCII (library, read in source).
_ESCAPED_BEYOND_ASCII = tuple((char.encode(), f"\\u{ord(char):04x}".encode()) for char in "\x85\u2028\u2029")

# --- the vendor's reading ---------------------------------------------------------------------------------------


def read_patch(
    body: bytes, *, charset: str | None, depth_limit: int = DEPTH_LIMIT
) -> list[dict[str, Any] | None] | None:
    """Return the operations of a body, None for a null document (empty, blank, `null`).

    A null operation is None; any other is a dict of those of "op", "path", "from" (str or None) and "value" (plain
    JSON values, inf and nan) that were sent. Raises MalformedBody.
    """
    utf_16 = charset is not None and _is_utf_16(charset)
    if not utf_16 and (operations := _read_quickly(body, depth_limit)) is not None:
        return operations
    text = _decode_leniently(body, utf_16=utf_16)
    reader = JsonArrayReader(text, depth_limit=depth_limit)
    try:
        document = reader.load()
    except JsonReaderError as error:
        raise _malformed([error], text) from None
    if document is None:
        return None
    binding = Binding(reader.places)
    bound = binding.bind(document)
    if binding.refusals:
        raise _malformed(binding.refusals, text)
    return bound


def _read_quickly(body: bytes, depth_limit: int) -> list[dict[str, Any] | None] | None:
    """Read a body with orjson; None if that can't be done, or is refused, or Json.NET might read it differently."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if type(document) is not list:
        return None
    for operation in document:
        if type(operation) is not dict or not _is_plain(operation):
            break
    else:
        return document
    if body.count(b"[") + body.count(b"{") > depth_limit or _LONG_DIGITS.search(body):
        return None
    binding = Binding({})
    bound = binding.bind(document)
    return None if binding.refusals else bound


def _is_plain(operation: dict[str, Any]) -> bool:
    """Say that an operation needs no binding: members as they are bound, no dates, a value that can't be misread."""
    get = operation.get
    op, path, value = get("op"), get("path"), get("value")
    return (
        operation.keys() <= _MEMBERS
        and type(op) is str
        and len(op) < _SHORTEST_DATE
        and type(path) is str
        and path[:1] == "/"
        and path[:6] != "/Date("
        and get("from") is None
        and (type(value) in _SCALARS or (type(value) is dict and _is_flat(value)))
    )


def _is_flat(value: dict[str, Any]) -> bool:
    # orjson loses digits only in floats, and what holds no container can't be nested too deeply.
    return not value or (next(iter(value))[:1] != "$" and all(type(member) in _SCALARS for member in value.values()))


# --- strict reading -----------------------------------------------------------------------------------------------


def read_strict_patch(body: bytes, *, charset: str | None, depth_limit: int = DEPTH_LIMIT) -> list[Any]:
    """Return the operations of a body of strict JSON (RFC 8259), each an object as sent; raises MalformedBody.

    What no UTF-8 document can hold or no double can carry (half a surrogate pair, 1e400) is refused as well.
    """
    text = _decode(body, *_encoding(body, _is_utf_16(charset or "")), errors="strict", final=True)
    if (at := _first_too_deep(text, depth_limit)) is not None:
        hint = f"Nest at most {depth_limit} levels."
        raise _malformed([JsonReaderError("", at, "the body is nested too deeply", hint, "body-too-deep")], text)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed([JsonReaderError("", error.pos, error.msg, _ADVICE_TO_STRICT)], text) from None
    if not isinstance(document, list):
        hint = "Wrap the operation in [ ]: a patch is an array of operations."
        raise _malformed(
            [JsonReaderError("", 0, f"the body is {value_kind(document)}", hint, "body-not-an-array")], text
        )
    if refusals := list(_not_objects(document)):
        raise _malformed(refusals, text)
    # orjson reads an integer beyond 64 bits as a float; the standard library keeps every digit.
    return json.loads(text) if _LONG_DIGITS_IN_TEXT.search(text) else document


def _not_objects(document: list[Any]) -> Iterator[JsonReaderError]:
    for index, node in enumerate(document):
        if not isinstance(node, dict):
            yield no_operation(f"[{index}]", 0, f"operation {index} is {value_kind(node)}")


def _first_too_deep(text: str, depth_limit: int) -> int | None:
    if text.count("[") + text.count("{") <= depth_limit:
        return None
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > depth_limit:
            return match.start()
    return None


# --- bytes to text ------------------------------------------------------------------------------------------------


def _is_utf_16(charset: str) -> bool:
    # Any other name, known or not, falls back to the formatter's first encoding, UTF-8 (library, row H9).
    return charset.lower() == "utf-16"


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


# --- refusals -----------------------------------------------------------------------------------------------------


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


# --- documents to JSON --------------------------------------------------------------------------------------------


def write_json(document: Any) -> bytes:
    """Write compact JSON as Json.NET prints it, in UTF-8; half a surrogate pair becomes U+FFFD (row C18).

    No member of the resource is a float: one that needs an exponent would be spelled as orjson does.
    """
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError:
        # An integer beyond 64 bits, or half a surrogate pair, which orjson refuses.
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        body = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return escape_separators(body)


def escape_separators(body: bytes) -> bytes:
    """Escape the three characters beyond ASCII that Json.NET escapes (library, read in source)."""
    if not body.isascii():
        for character, escape in _ESCAPED_BEYOND_ASCII:
            # Looking for the lead byte alone takes a thirtieth of the time, and it is mostly absent.
            if character[0] in body:
                body = body.replace(character, escape)
    return body
