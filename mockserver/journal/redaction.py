"""Redaction: what opens a door reaches no person, however wrongly it was sent.

All text for people passes through `Secrets` on its way out. What the server knows to be secret goes by content, from
eight characters on, also where it is escaped. Headers, URLs and sentences about them lose whatever looks like a
credential too, and a header whose name is not known to be harmless its value. Bodies and profiles lose what is known.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

REDACTED: Final = "[redacted]"
SHOWN_HEADERS: Final = frozenset(
    ("accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control", "connection",
     "content-encoding", "content-length", "content-type", "date", "expect", "host", "if-match", "if-none-match",
     "keep-alive", "origin", "pragma", "prefer", "te", "transfer-encoding", "upgrade", "user-agent", "via",
     "x-correlation-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-http-method-override",
     "x-mock-fault", "x-mock-namespace", "x-request-id", "x-requested-with")
)  # fmt: skip

Span = tuple[int, int]
Look = Callable[[bytes], Iterator[Span]]

# Fewer characters of a secret tell nothing, and would hide every other word.
_PIECE: Final = 8
_SHORTEST: Final = 4
_BLOCK: Final = 4
_LONGEST_KEPT: Final = 256
_SHORTEST_RANDOM: Final = 32

_LETTER: Final = r"[A-Za-z0-9+/_-]"
# What the routes say between what a caller says: long, and random to nobody.
_ROUTE: Final = re.compile(rb"(?i)/(?:Profiles?(?:/AlternateIdType)?|AlternateId)/")
_DIGEST: Final = "|".join(rf"{_LETTER}{{{size}}}" for size in (86, 64, 43))
# No pattern takes more than a bounded number of steps a character, whatever is sent.
# What credentials look like, the first group or all, and the words without one of which nothing does. Compiled when
# one of them is looked for, for every start would pay.
_LIKENESSES: Final = tuple(
    (words.encode().split(), pattern.encode())
    for words, pattern in (
        ("signature", r"(?i)signature\s*[=:]\s*[\"']?([^\s,;&\"'<>\[\\]+)"),
        ("bearer basic", r"(?i)\b(?:bearer|basic)\s+([\w.~+/=-]{16,})"),
        ("mpt1. eyj", r"(?:\beyJ|mpt1\.)[\w-]{8,}(?:\.[\w-]+)*"),
        ("://", r"://([^/\s@\"'<>?#\[]+)@"),
        (
            "=",
            r"(?i)[?&;][^=&?;\s\"'/]{0,64}(?:authorization|cookie|token|secret|passw|pwd|key|sig)[^=&?;\s\"'/]{0,64}"
            r"=([^&\s\"'#\[]+)",
        ),
    )
)
# Base64 of 32 bytes and more, with its padding or, standing alone, without; other random text; letters of one case and
# digits, but no GUID without its hyphens.
_RANDOM: Final = tuple(
    pattern.encode()
    for pattern in (
        rf"(?<![A-Za-z0-9+_-]){_LETTER}{{42,88}}={{1,2}}",
        rf"(?<![A-Za-z0-9+_-])(?:{_DIGEST})(?![A-Za-z0-9+/_=-])",
        r"(?<![A-Za-z0-9+])(?=[A-Z0-9+]*[a-z])(?=[a-z0-9+]*[A-Z])(?=[A-Za-z+]*[0-9])[A-Za-z0-9+]{32,}=*",
        r"(?i)(?<![A-Z0-9])(?![0-9A-F]{32}(?![A-Z0-9]))(?=[A-Z]*[0-9])(?=[0-9]*[A-Z])[A-Z0-9]{32,}",
    )
)
_RUNS: Final = bytes(97 if re.match(_LETTER, chr(code)) else 32 for code in range(256))
_LONG_RUN: Final = b"a" * _SHORTEST_RANDOM
_ESCAPE: Final = re.compile(
    rb"%([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\(.)|&#([0-9]{1,6});|&#[xX]([0-9A-Fa-f]{1,5});"
    rb"|&(amp|lt|gt|quot|apos);",
    re.DOTALL,
)
_NUL: Final = re.compile(rb"\0")
_MEANT: Final = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_MOST_ESCAPED: Final = 3

_DATE: Final = (
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9:]{2,5})?|[0-9]{9,13})"
)
_AUTHORIZATION: Final = (
    r"(?s)\s*(?P<scheme>(?i:pnauthinfo?[0-9]?(?:-hmac)?(?:-(?:sha|md)-?[0-9]{1,3})?|basic|bearer|digest|negotiate|ntlm))"
    rf"(?:(?P<credential>\s+Credential=(?P<user>[^=,;]*)/{_DATE}(?=[\s,;]|$))(?P<signature>[\s,;]*(?i:signature)=)?)?"
    r"(?P<rest>.*)"
)


class Secrets:
    """What a server knows to be secret, and how to take it out of text; `public` texts are none, if a secret has them.

    Text in which there is nothing to hide comes back as it is.
    """

    def __init__(self, known: Iterable[str], public: Iterable[str] = ()) -> None:
        self.texts = frozenset(known)
        forms = {form for secret in self.texts for form in _forms(secret)}
        named = {piece for text in public for piece in _pieces(text.encode("utf-8", "replace").lower())}
        self._pieces = frozenset(piece for form in forms for piece in _pieces(form)) - named
        self._blocks = frozenset(
            int.from_bytes(piece[at : at + _BLOCK], sys.byteorder) for piece in self._pieces for at in range(_BLOCK + 1)
        )
        short = b"|".join(re.escape(form) for form in forms if _SHORTEST <= len(form) < _PIECE)
        self._short = re.compile(rb"(?<![a-z0-9])(?:%b)(?![a-z0-9])" % short) if short else None
        self._kept_header = lru_cache(maxsize=1024)(self._header)
        self._kept_text = lru_cache(maxsize=4096)(self._text)

    def known(self, text: str) -> str:
        """Return text without what is known to be secret: for members of bodies and profiles."""
        return _rewritten(text, self._known)

    def text(self, text: str) -> str:
        """Return a URL, a header's value or a sentence without what is secret or looks like a credential."""
        return self._kept_text(text) if len(text) <= _LONGEST_KEPT else self._text(text)

    def _text(self, text: str) -> str:
        return _rewritten(text, self._anything)

    def body(self, body: bytes, *, quotes_url: bool = False) -> bytes:
        """Return a body without what is known to be secret; the vendor's 404 is a sentence about a URL."""
        return _without(body, self._anything if quotes_url else self._known)

    def content(self, value: Any) -> Any:
        """Return JSON data without what is known to be secret, in names and values."""
        if isinstance(value, str):
            return self.known(value)
        if isinstance(value, dict):
            return {self.content(name): self.content(member) for name, member in value.items()}
        return [self.content(item) for item in value] if isinstance(value, list | tuple) else value

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return headers as they may be shown; of Authorization the scheme and the vendor's Credential stay."""
        return tuple([
            self._kept_header(name, value) if len(value) <= _LONGEST_KEPT else self._header(name, value)
            for name, value in headers
        ])  # fmt: skip

    def _header(self, name: str, value: str) -> tuple[str, str]:
        folded = name.lower()
        if folded == "authorization":
            return name, self._authorization(value)
        return (name, self.text(value)) if folded in SHOWN_HEADERS else (self.text(name), REDACTED)

    def _authorization(self, value: str) -> str:
        """Keep the scheme and, of the vendor's own, the Credential; all else may be a secret in the wrong place."""
        found = re.match(_AUTHORIZATION, value)
        if found is None:
            return REDACTED
        scheme, credential, user, signature, rest = found.groups("")
        if credential and (self.text(user) != user or _has_long_run("".join(user.split()).encode())):
            return f"{scheme} {REDACTED}"
        if signature:
            return f"{scheme}{credential}{signature}{REDACTED}"
        if not credential and rest[:1].strip():
            return REDACTED
        return f"{scheme}{credential}{f' {REDACTED}' if rest.strip() or credential else ''}"

    def _anything(self, data: bytes) -> Iterator[Span]:
        yield from self._known(data)
        folded = data.lower()
        for words, likeness in _LIKENESSES:
            if any(word in folded for word in words):
                yield from (found.span(found.re.groups) for found in re.finditer(likeness, data))
        said = _ROUTE.sub(lambda found: b" " * len(found[0]), data)
        if _has_long_run(said):
            for random in _RANDOM:
                yield from (found.span() for found in re.finditer(random, said))

    def _known(self, data: bytes) -> Iterator[Span]:
        """Find pieces of secrets, in any letter case: each holds a block that starts at a multiple of its size."""
        folded = data.lower()
        if self._short is not None:
            yield from (found.span() for found in self._short.finditer(folded))
        blocks = memoryview(folded)[: len(folded) // _BLOCK * _BLOCK].cast("I")
        for block in self._blocks.intersection(blocks):
            place = -1
            while (place := folded.find(block.to_bytes(_BLOCK, sys.byteorder), place + 1)) >= 0:
                for start in range(max(0, place + _BLOCK - _PIECE), place + 1):
                    if folded[start : start + _PIECE] in self._pieces:
                        yield start, start + _PIECE


def _has_long_run(data: bytes) -> bool:
    return _LONG_RUN in data.translate(_RUNS)


def _forms(secret: str) -> Iterator[bytes]:
    """Yield a secret as it may be written: also as a form writes spaces, and as a gateway hands UTF-8 over."""
    data = secret.encode("utf-8", "replace").lower()
    yield data
    yield data.replace(b" ", b"+")
    yield data.decode("latin-1").encode()


def _pieces(form: bytes) -> Iterator[bytes]:
    return (form[at : at + _PIECE] for at in range(len(form) - _PIECE + 1))


def _rewritten(text: str, look: Look) -> str:
    data = text.encode("utf-8", "surrogatepass")
    shown = _without(data, look)
    return text if shown is data else shown.decode("utf-8", "replace")


def _without(data: bytes, look: Look) -> bytes:
    spans = sorted(_spans(data, look, _MOST_ESCAPED))
    if not spans:
        return data
    parts, end = list[bytes](), -1
    for start, stop in spans:
        if start > end:
            parts += (data[max(end, 0) : start], REDACTED.encode())
        end = max(end, stop)
    return b"".join((*parts, data[end:]))


def _spans(data: bytes, look: Look, depth: int) -> list[Span]:
    """Return where to redact, also what is found only once escapes are undone, and those in what they stand for."""
    spans = list(look(data))
    escape = _NUL if b"\0" in data else _ESCAPE
    if depth and (b"%" in data or b"\\" in data or b"&" in data or escape is _NUL):
        plain = escape.sub(_meant, data)
        if plain != data and (found := _spans(plain, look, depth - 1)):
            spans += _placed(data, escape, found)
    return spans


def _placed(data: bytes, escape: re.Pattern[bytes], spans: list[Span]) -> Iterator[Span]:
    """Yield where spans of the text without escapes stand in the one with them."""
    ends, moved, length = [0], [0], 0  # up to which place of the plain text how much longer the other one is
    for found in escape.finditer(data):
        meant = len(_meant(found))
        length += found.end() - found.start() - meant
        ends.append(found.end() - length)
        moved.append(length)
    for start, stop in spans:
        yield start + moved[bisect_right(ends, start) - 1], stop + moved[bisect_right(ends, stop) - 1]


def _meant(found: re.Match[bytes]) -> bytes:
    """Return what an escape stands for; a NUL, as between the letters of UTF-16, for nothing."""
    if found.re is _NUL:
        return b""
    percent, unicode, hexadecimal, escaped, decimal, reference, name = found.groups()
    if percent or hexadecimal:
        return bytes.fromhex((percent or hexadecimal).decode())
    if number := unicode or reference or decimal:
        return chr(min(int(number, 10 if decimal else 16), sys.maxunicode)).encode("utf-8", "surrogatepass")
    return _MEANT[name] if name else escaped
