"""Replacements for texts: the same piece always by the same other piece, drawn by a keyed hash, formats kept.

A text is taken apart into words, numbers, dates, hosts and what is encoded in it; each piece is replaced by itself.
So a name is the same in its member, in an e-mail address and inside a URL, and a telephone number in each notation.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from random import Random
from urllib.parse import quote, unquote

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.package import pip_install
from mockserver.recording.guard import LEAST, Guard, digits_of, folded

ROUNDS = 200
# After so many draws of a telephone number, its country and area code are replaced as well.
STUBBORN = 12
INT64_MAX = 2**63 - 1
# Nobody has a mailbox or a server there (RFC 2606).
RESERVED = ("example", "test", "invalid")
_KEPT_WORDS = frozenset({"mailto", "tel", "www"})
_SAYS_NOTHING = _KEPT_WORDS | {"true", "false", "null", "yes", "no", "http", "https"}
_DAY = r"(?<!\d)\d{4}-\d\d-\d\d"
_TIME = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
Words = Mapping[int, Sequence[str]]
_PIECES = re.compile(
    r"(?P<url>https?://[^\s\"'<>]+)"
    r"|(?P<email>[^\s@<>\"'(),;:/?&=]{1,64}@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<guid>(?<!\w)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\w))"
    rf"|(?P<moment>{_DAY}{_TIME})"
    r"|(?P<escaped>[\w.~!$'*+-]{0,64}(?:%[0-9A-Fa-f]{2}[\w.~!$'*+-]*)+)"
    r"|(?P<number>\d[\d ().\-/]*\d|\d)"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<symbol>[\u2190-\u2bff\U0001f000-\U0001faff])"
)
# One digit, two or three (ITU-T E.164).
_COUNTRY_CODE = re.compile(r"\s*(?:\+|00)(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})")


def plausible_words() -> Words:
    """Return invented words that could be names, by their length: Faker's; raise UsageError if it is not installed."""
    try:
        from faker.providers.person.en_US import Provider
    except ImportError as missing:
        hint = pip_install("faker>=33")
        raise UsageError("recording needs the package Faker, which is not installed", hint=hint) from missing
    words: Mapping[int, list[str]] = defaultdict(list)
    for word in sorted({name.lower() for name in (*Provider.first_names, *Provider.last_names)}):
        if word.isascii() and word.isalpha():
            words[len(word)].append(word)
    return words


def says_nothing(text: str) -> bool:
    """Say whether a text is nobody's: a flag, the calendar's first or last day, or signs alone."""
    if text.lower() in _SAYS_NOTHING or re.fullmatch(rf"(?:0001-01-01|9999-12-31){_TIME}", text):
        return True
    return not any(found.lastgroup for found in _PIECES.finditer(text))


def dates_in(text: str) -> list[str]:
    """Return the moments that a text names, ISO 8601."""
    return [found["moment"] for found in _PIECES.finditer(text) if found["moment"]]


def _phone_tails(phones: Iterable[str]) -> frozenset[str]:
    """Return the last digits of telephone numbers, which are one customer's: country and area code stay.

    The country code is known where one is written as such; the same number without a plus sign follows.
    """
    tails: set[str] = set()
    for phone in sorted(phones, key=lambda phone: (not _COUNTRY_CODE.match(phone), phone)):
        code, digits = _COUNTRY_CODE.match(phone), digits_of(phone)
        own = digits_of(phone[code.end() :]) if code else digits
        if code or not digits.endswith(tuple(tails)):
            tails |= {own[-8:]} if len(own) >= LEAST else set()
    return frozenset(tails)


class Pseudonyms:
    """The replacements of one recording; `phones` are its telephone numbers, `originals` all that must not come back.

    `ids` are values that must stay different from each other, also without regard to letter case.
    """

    def __init__(self, key: bytes, words: Words, originals: Iterable[str], phones: Iterable[str] = ()) -> None:
        self._key = key
        originals = list(originals)
        self._originals = frozenset(map(folded, originals))
        self.guard = Guard(originals)
        self._words = {size: [word for word in row if not self.guard.finds(word)] for size, row in words.items()}
        self._tails = _phone_tails(phones)
        self._domain = next((name for name in RESERVED if not self.guard.finds(name)), RESERVED[0])
        self._bumps: Counter[tuple[str, str]] = Counter()
        self._pieces: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._used: list[tuple[str, str]] = []
        self._offset = self._clear_offset(sorted({moment for text in originals for moment in dates_in(text)}))

    def mapping(self, values: Iterable[str], ids: frozenset[str] = frozenset()) -> dict[str, str]:
        """Return each value's replacement; raise SafetyRefusal if one can't be had that holds no original."""
        ordered = sorted(set(values))
        clear: dict[str, bool] = {}
        for turn in range(ROUNDS):
            self._pieces, self._taken = {}, set()
            result: dict[str, str] = {}
            owners: dict[str, str] = {}
            wrong: list[str] = []
            for value in ordered:
                self._used = []
                new = result[value] = self.text(value)
                if new not in clear:
                    clear[new] = not self.guard.finds_besides_years(new)
                shared = owners.setdefault(folded(new), folded(value)) != folded(value)
                if not clear[new] or (shared and value in ids) or self._is_poor(value, new, patient=turn < ROUNDS // 6):
                    wrong.append(value)
                    self._bump(turn)
            if not wrong:
                return result
        raise SafetyRefusal(f"{len(wrong)} values can't be replaced without an original in their replacements")

    def _is_poor(self, value: str, new: str, *, patient: bool) -> bool:
        """Say whether a replacement could be mistaken for an original; of short ones there are too few to insist."""
        if value.isdecimal() and len(value) == 19 and int(new) > INT64_MAX:
            return True
        return not says_nothing(value) and folded(new) in self._originals and (patient or len(value) >= LEAST)

    def _bump(self, turn: int) -> None:
        """Let pieces of the last text be drawn anew: its long ones, then one after the other."""
        pieces = sorted(set(self._used), key=lambda piece: (-len(piece[1]), piece))
        long = [piece for piece in pieces if len(piece[1]) >= LEAST]
        one = pieces[turn // 2 % len(pieces) :][:1] if pieces else []
        self._bumps.update(long if long and turn % 2 == 0 else one)

    def text(self, text: str) -> str:
        """Return a text with each of its pieces replaced."""
        try:
            return text if says_nothing(text) else _PIECES.sub(self._replace, text)
        except RecursionError:  # URLs in URLs, encoded again and again: nobody reads that
            return re.sub(r"[^\W_]+", lambda run: self._piece("symbol", run[0]), text)

    def _replace(self, found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        replace: Mapping[str, Callable[[str], str]] = {
            "url": self._url,
            "email": self._email,
            "moment": self._moment,
            "escaped": lambda text: quote(self.text(unquote(text)), safe=""),
            "number": self._number,
        }
        piece = found[0]
        return replace[kind](piece) if kind in replace else self._piece(kind, piece)

    def _url(self, url: str) -> str:
        scheme, host, rest = re.fullmatch(r"(https?://)([^/?#]*)(.*)", url).groups()  # type: ignore[union-attr]
        user, at, host = host.rpartition("@")
        name, colon, port = host.partition(":")
        return f"{scheme}{self.text(user)}{at}{self._host(name)}{colon}{port}{self.text(rest)}"

    def _email(self, address: str) -> str:
        name, _, host = address.rpartition("@")
        return f"{self.text(name)}@{self._host(host)}"

    def _host(self, host: str) -> str:
        labels = host.split(".")
        return ".".join([*map(self.text, labels[:-1] or labels), self._domain])

    def _moment(self, moment: str) -> str:
        try:
            return f"{date.fromisoformat(moment[:10]) + self._offset}{moment[10:]}"
        except (ValueError, OverflowError):
            return self._digits(moment)

    def _digits(self, text: str) -> str:
        return re.sub(r"\d+", lambda run: self._piece("digits", run[0]), text)

    def _number(self, text: str) -> str:
        digits = digits_of(text)
        tail = next((digits[-size:] for size in range(8, LEAST - 1, -1) if digits[-size:] in self._tails), "")
        if not tail:
            return self._digits(text)
        head, end = digits[: -len(tail)], self._piece("digits", tail)
        if head and self._bumps["digits", tail] > STUBBORN:
            head = self._piece("digits", head)  # what stays of the number is somebody's value
        new = iter(head + end)
        return re.sub(r"\d", lambda _: next(new), text)

    def _piece(self, kind: str, piece: str) -> str:
        if kind == "word" and piece.lower() in _KEPT_WORDS:
            return piece
        token = (kind, piece.lower() if kind == "word" else piece)
        self._used.append(token)
        if token not in self._pieces:
            self._pieces[token] = self._drawn(*token)
            self._taken.add(self._pieces[token])
        new = self._pieces[token]
        cased = zip(new, piece, strict=True) if kind == "word" and len(new) == len(piece) else ()
        return "".join(sign.upper() if model.isupper() else sign for sign, model in cased) or new

    def _drawn(self, kind: str, piece: str) -> str:
        """Draw until a piece comes that stands for nothing else yet; of short ones there may be none left."""
        first = self._bumps[kind, piece]
        for attempt in range(first, first + 40):
            draw = self._random(kind, piece, attempt)
            new = _DRAWN[kind](piece, draw, self._words.get(len(piece), ()) if attempt < 8 else ())
            if new not in self._taken and new != piece:
                break
        return new

    def _random(self, *what: object) -> Random:
        # A keyed hash is what keeps it secret; the generator only stretches it.
        return Random(hmac.digest(self._key, repr(what).encode("utf-8", "backslashreplace"), "sha256"))  # noqa: S311

    def _clear_offset(self, moments: Sequence[str]) -> timedelta:
        """Return by how many days dates go back: so many that none of them then reads like an original."""
        best, fewest = None, len(moments) + 1
        for attempt in range(200):
            most = 3650 * (1 + attempt // 10)
            self._offset = -timedelta(days=200 + self._random("offset", attempt).randrange(most))
            new = [self._moment(moment) for moment in moments]
            found = list(islice(filter(self.guard.finds, new), fewest))
            if len(found) < fewest and not any(map(self.guard.finds_besides_years, found)):
                best, fewest = self._offset, len(found)
            if best is not None and not fewest:
                return best
        if best is not None:
            return best
        raise SafetyRefusal("no shift of the dates keeps them all apart from the original ones")


def _word(piece: str, draw: Random, words: Sequence[str]) -> str:
    if not all(unicodedata.name(sign, "").startswith("LATIN") for sign in piece):
        return _symbols(piece, draw, words)
    if words and len(piece) >= LEAST - 1:
        return draw.choice(words)
    start = draw.randrange(2)
    return "".join(draw.choice("aeiou" if (start + place) % 2 else "bdfghjklmnprstvwz") for place in range(len(piece)))


def _symbols(piece: str, draw: Random, _: Sequence[str]) -> str:
    """Replace each sign by one of its kind from the same part of Unicode, which is mostly the same script."""
    return "".join(draw.choice(_neighbours(sign)) for sign in piece)


def _neighbours(sign: str) -> Sequence[str]:
    start, kind = ord(sign) & ~0x3F, unicodedata.category(sign)
    return [near for code in range(start, start + 0x40) if unicodedata.category(near := chr(code)) == kind]


def _number(piece: str, draw: Random, _: Sequence[str]) -> str:
    """Keep zeros in front, and never begin with one in place of another digit."""
    zeros = 0 if set(digits_of(piece)) == {"0"} else len(piece) - len(piece.lstrip("0"))
    new = [draw.randrange(1 if place == zeros else 0, 10) if place >= zeros else 0 for place in range(len(piece))]
    return "".join(chr(ord(sign) - unicodedata.decimal(sign) + digit) for sign, digit in zip(piece, new, strict=True))


def _guid(piece: str, draw: Random, _: Sequence[str]) -> str:
    digits = "0123456789ABCDEF" if piece.upper() == piece else "0123456789abcdef"
    return re.sub("[^-]", lambda _: draw.choice(digits), piece)


_DRAWN = {"word": _word, "symbol": _symbols, "digits": _number, "guid": _guid}
