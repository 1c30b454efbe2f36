"""Text inside XML as the vendor's serialiser escapes it (docs/dialect.md, rows X7 and X8)."""

from __future__ import annotations

import re

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Control characters become references even where XML 1.0 forbids them, every line end becomes LF and half a surrogate
# pair U+FFFD (library, rows X7 and X8).
_SPECIAL = re.compile("\r\n?|[&<>\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def escape_text(text: str) -> str:
    """Return the text as element content; quotes stay as they are."""
    return _SPECIAL.sub(_replacement, text) if _SPECIAL.search(text) else text


def _replacement(match: re.Match[str]) -> str:
    found = match[0]
    if found[0] == "\r":
        return "\n"
    return "\ufffd" if "\ud800" <= found <= "\udfff" else _MARKUP.get(found) or f"&#x{ord(found):X};"
