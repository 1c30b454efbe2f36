"""What may be shown of an exchange: paths, types, lengths and salted hashes. An allow-list: the unknown stays hidden.

The salt is drawn per run: within a report equal values have equal hashes, between reports nothing can be looked up.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from typing import Any

# The library's message templates: what stands in the gaps comes from the profile or from the request.
_GAP = "…"
_TEMPLATES = (
    (r"The current value '.*' at path '.*' is not equal to the test value '.*'\.", "current value … is not equal to …"),
    (r"The current value '.*' at position '.*' is not equal to the test value '.*'\.", "current value at … differs"),
    (r"The target location specified by path segment '.*' was not found\.", "path segment … was not found"),
    (r"For operation '.*', the target location specified by path '.*' was not found\.", "for …, path … was not found"),
    (r"The path segment '.*' is invalid for an array index\.", "path segment … is no array index"),
    (r"The index value provided by path segment '.*' is out of bounds of the array size\.", "index … is out of bounds"),
    (r"The value '.*' is invalid for target location\.", "value … is invalid for target location"),
    (r"The provided string '.*' is an invalid path\.", "… is an invalid path"),
    (r"Invalid JsonPatch operation '.*'\.", "invalid operation …"),
    (r"The request entity's media type '.*' is not supported for this resource\.", "media type … is not supported"),
    (r"No HTTP resource was found that matches the request URI '.*'\.", "no resource matches …"),
)
_FIXED = frozenset(
    {
        "The request is invalid.",
        "An error has occurred.",
        "Missing Authorization Header",
        "The scheme is invalid",
        "The specified date does not match an expected ISO 8601 format",
        "The difference between the issued timestamp and the current time is too large",
        "Unable to authenticate request",
        "Authorization has been denied for this request.",
    }
)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}(; ?charset=[a-z0-9-]{1,20})?", re.IGNORECASE)
_PLAIN_HEADERS = frozenset({"cache-control", "pragma", "expires", "allow", "www-authenticate", "retry-after"})
_PLAIN_VALUE = re.compile(r'[A-Za-z0-9 =,/:."-]{0,80}')


class Redactor:
    """Shows what is known to be harmless and hashes the rest; `names` are the member names that may be shown."""

    def __init__(self, names: Iterable[str] = (), salt: bytes | None = None) -> None:
        self._names = frozenset(names)
        self._salt = secrets.token_bytes(16) if salt is None else salt

    def hash(self, value: Any) -> str:
        """Return eight hexadecimal digits that are equal for equal values, within one run."""
        text = json.dumps(value, sort_keys=True, default=str)
        return hashlib.blake2b(text.encode(), key=self._salt, digest_size=4).hexdigest()

    def value(self, value: Any) -> str:
        """Describe a value by type, length and hash; null, flags and emptiness carry nothing personal."""
        if value is None or isinstance(value, bool):
            return json.dumps(value)
        if isinstance(value, str):
            return f"text of {len(value)} #{self.hash(value)}" if value else "empty text"
        if isinstance(value, (int, float)):
            return f"number #{self.hash(value)}"
        kind = "object" if isinstance(value, dict) else "list"
        return f"{kind} of {len(value)} #{self.hash(value)}"

    def pointer(self, pointer: str) -> str:
        """Return a JSON pointer with the names that the contract does not know hashed."""
        return "/".join(self._segment(part) for part in pointer.split("/"))

    def message(self, text: Any) -> str:
        """Return the template of an error text that the vendor's software is known to send, else its hash."""
        if not isinstance(text, str):
            return self.value(text)
        if text in _FIXED:
            return text
        for pattern, shown in _TEMPLATES:
            if re.fullmatch(pattern, text, re.DOTALL):
                return f"{shown} #{self.hash(text)}"
        return self.value(text)

    def header(self, name: str, value: str | None) -> str:
        """Return a header's value if it is one that never holds anything personal."""
        if value is None:
            return "absent"
        if name == "content-type" and _MEDIA_TYPE.fullmatch(value):
            return value
        return value if name in _PLAIN_HEADERS and _PLAIN_VALUE.fullmatch(value) else self.value(value)

    def _segment(self, part: str) -> str:
        if part in ("", "-") or (part.isascii() and part.isdigit() and len(part) <= 4) or part in self._names:
            return part
        return f"#{self.hash(part)}"
