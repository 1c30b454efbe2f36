"""Text inside XML as the vendor's serialiser escapes it."""

from __future__ import annotations

import re

_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Control characters become references even where XML 1.0 forbids them; every line end becomes LF (library, section 5).
_SPECIAL = re.compile("\r\n?|[&<>\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escape_text(text: str) -> str:
    """Return the text as element content; quotes stay as they are."""
    return _SPECIAL.sub(_replacement, text) if _SPECIAL.search(text) else text


def _replacement(match: re.Match[str]) -> str:
    found = match[0]
    return "\n" if found[0] == "\r" else _MARKUP.get(found) or f"&#x{ord(found):X};"
