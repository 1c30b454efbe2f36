"""Finds original values in a text, however they are spelled there.

It looks for the values themselves: a pattern finds only what looks like personal data to its author.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote, unquote_plus

# Shorter values are found in any text.
LEAST = 4
# Fewer digits than these are part of many other numbers.
LEAST_DIGITS = 6
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}")
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|([\\/"]))')
_YEAR = re.compile(r"(?<!\d)\d{4}(?=-\d\d-\d\d)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ ().\-/+]{1,3}(?=\d)")
_UNSEEN = ("Mn", "Cf")
Index = Mapping[tuple[str, ...], list[str]]


@lru_cache(maxsize=1 << 15)
def folded(text: str) -> str:
    """Return a text without letter case, accents and signs that nobody sees."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN).casefold()


def digits_of(text: str) -> str:
    """Return a text's digits alone, those of other scripts as ours."""
    return "".join(str(unicodedata.decimal(sign)) for sign in text if sign.isdecimal())


class Guard:
    """Knows the originals of one recording, and finds them in what would be written."""

    def __init__(self, originals: Iterable[str]) -> None:
        known = [text for text in originals if len(text) >= LEAST]
        numbers = [text for text in known if len(text) == LEAST and text.isdecimal()]
        self._longer = Guard(set(known) - set(numbers)) if numbers else self
        self._folded = _index(map(folded, known))
        # Of these, folding leaves too little to look for.
        self._exact = _index(text for text in known if len(folded(text)) < LEAST)
        self._digits = _index(digits for digits in map(digits_of, known) if len(digits) >= LEAST_DIGITS)

    def finds(self, text: str) -> bool:
        """Say whether an original is in a text: in any letter case, URL-, JSON-, XML- or Base64-encoded, as digits."""
        return any(
            _hit(folded(view), self._folded)
            or _hit(view, self._exact)
            or _hit(_BETWEEN_DIGITS.sub("", view), self._digits)
            for view in _views(text)
        )

    def finds_besides_years(self, text: str) -> bool:
        """Say whether an original is in a text, and not only a number of four digits that a date's year happens to be.

        Where many people have such numbers, no century is free of them.
        """
        return self.finds(text) and (self._longer.finds(text) or self.finds(_YEAR.sub("", text)))


def _index(needles: Iterable[str]) -> Index:
    index = defaultdict(list)
    for needle in set(needles):
        if len(needle) >= LEAST:
            index[tuple(needle[:LEAST])].append(needle)
    return dict(index)


def _hit(text: str, index: Index) -> bool:
    # A text that shares no beginning with any original is done without a step of Python for each letter.
    shared = index.keys() & set(zip(*(text[place:] for place in range(LEAST)), strict=False))
    return any(needle in text for start in shared for needle in index[start])


def _views(text: str) -> Iterable[str]:
    """Return a text as it is and as each decoding shows it, two of them one after the other included."""
    views = {text: None}
    for _ in range(2):
        views |= {
            decode(view): None for view in list(views) for decode in (unquote, unquote_plus, _unescape, html.unescape)
        }
    hidden = ("\n".join(_base64_texts(view)) for view in list(views))
    return views | {view: None for view in hidden if view}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _base64_texts(text: str) -> Iterator[str]:
    """Yield what runs of Base64 letters hold, wherever in one of them a value begins."""
    for run in _BASE64.findall(text):
        plain = run.replace("-", "+").replace("_", "/")
        for start in range(4):
            piece = plain[start:]
            piece = piece[: len(piece) - (len(piece) % 4 == 1)]
            yield base64.b64decode(piece + "=" * (-len(piece) % 4)).decode("utf-8", "ignore")
