"""Names that an object of a JSON text has twice, which no reader of ours keeps."""

from __future__ import annotations

from typing import Any

import orjson


def has_repeated_names(raw: bytes, document: Any) -> bool:
    """Return whether an object names a member twice: then the text has more strings than what was read from it."""
    return _count_strings(raw) != _count_strings(orjson.dumps(document))


def _count_strings(text: bytes) -> int:
    quotes = text.count(b'"')
    if b"\\" in text:
        # Once escaped backslashes are gone, a quote after a backslash is an escaped one.
        quotes -= text.replace(rb"\\", b"").count(rb"\"")
    return quotes // 2
