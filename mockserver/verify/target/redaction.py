"""What may be shown of an exchange: paths, types, lengths and salted hashes. An allow-list: the unknown stays hidden.

The salt is drawn per run: within a report equal values have equal hashes, between reports nothing can be looked up.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from typing import Any

# The library's message templates: what stands in the gaps comes from the profile or from the request.
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
_DATE = r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
_CACHING = r"(?:no-cache|no-store|private|public|must-revalidate|max-age=\d+)"
_METHOD = "(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE)"
# A server may put anything into a header, so that only what each is meant for is shown.
_PLAIN_HEADERS = {
    "cache-control": rf"{_CACHING}(?:, ?{_CACHING})*",
    "pragma": "no-cache",
    "expires": rf"-1|0|{_DATE}",
    "allow": rf"{_METHOD}(?:, ?{_METHOD})*",
    "www-authenticate": r'(?:PNAUTHINFO3|Basic|Bearer|Negotiate|NTLM)(?: realm="https://[a-z]+\.mypreferences\.com")?',
    "retry-after": rf"\d+|{_DATE}",
}
# Sentences of the checks that hold what a server sent: a header's value, or names of members that it made up.
_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|None"""
_OF_A_HEADER = re.compile(
    r"(the header (?P<name>\S+) is |Content-Type is |a 405 must say Allow: PATCH, it says )"
    rf"(?P<value>{_QUOTED})(?P<rest>.*)",
    re.DOTALL,
)
_AFTER_A_PLACE = "|".join(
    (
        r"is missing|is no member of the contract|is [a-z]+, it is not [a-z ]+|is out of the contract's range",
        r"is (?:not the one value|none of the values) that the contract allows|does not match .+",
        r"has \d+ (?:characters|entries), at most \d+ are allowed|holds elements, it is a [a-z]+",
        r"is neither true nor false|is no whole number|is nil, which it can't be|has attributes other than .+",
        r"is not called \w+|are not in the page's order|are not the expected ones in the expected order",
    )
)
_OF_A_PLACE = re.compile(rf"((?:an entry|the elements|the members) of )?(/.*)( (?:{_AFTER_A_PLACE}))", re.DOTALL)
_OF_PLACES = re.compile(r"(.* differs from what was expected at )(/.*?)( and \d+ more places)?", re.DOTALL)
_OF_AN_ELEMENT = re.compile(r"(.* in the expected order: )(.*)( stands where \w+ was expected)", re.DOTALL)
_OF_AN_ENTITY = re.compile(
    r"(the body is not well-formed XML: undefined entity )(.*)(: line \d+, column \d+)", re.DOTALL
)


class Redactor:
    """Shows what is known to be harmless and hashes the rest; `names` are the member names that may be shown."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._salt = secrets.token_bytes(16)

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
        return value if re.fullmatch(_PLAIN_HEADERS.get(name, "(?!)"), value) else self.value(value)

    def problem(self, text: str) -> str:
        """Return a sentence of a check without what only the server can have put into it."""
        if found := _OF_A_HEADER.fullmatch(text):
            name = (found["name"] or ("allow" if "Allow" in found[1] else "content-type")).lower()
            value = ast.literal_eval(found["value"])
            shown = self.header(name, value)
            return f"{found[1]}{found['value'] if shown == value else shown}{found['rest']}"
        if found := _OF_A_PLACE.fullmatch(text):
            return f"{found[1] or ''}{self.pointer(found[2])}{found[3]}"
        if found := _OF_PLACES.fullmatch(text):
            places = ", ".join(map(self.pointer, found[2].split(", ")))
            return f"{found[1]}{places}{found[3] or ''}"
        if found := _OF_AN_ELEMENT.fullmatch(text) or _OF_AN_ENTITY.fullmatch(text):
            return f"{self.problem(found[1])}{self.name(found[2])}{found[3]}"
        return text

    def name(self, name: str) -> str:
        """Return a member's name if the contract knows it, else its hash."""
        return name if name in self._names else f"#{self.hash(name)}"

    def _segment(self, part: str) -> str:
        plain = part in ("", "-") or (part.isascii() and part.isdigit() and len(part) <= 4)
        return part if plain else self.name(part)
