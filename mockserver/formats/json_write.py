"""Documents to JSON, as the vendor's stack prints them (docs/dialect.md)."""

from __future__ import annotations

import json
from typing import Any

import orjson

# JavaScriptUtils escapes these three of the characters beyond ASCII (library, read in source).
_ESCAPED_BEYOND_ASCII = tuple((char.encode(), f"\\u{ord(char):04x}".encode()) for char in "\x85\u2028\u2029")


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
