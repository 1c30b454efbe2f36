"""What people sign in place of `ClientId:UserId:Timestamp`, as pairs (how it differs, message)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Final
from urllib.parse import quote

from mockserver.auth.signing import Credentials, issued_at, utf8

Text = str | bytes
Variants = Iterable[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class Signing:
    """All that may have gone into a signature.

    `client_id` is written as in the URL, `known_as` as the server knows it; `other_keys` are pairs (whose it is, key)
    besides the user's own.
    """

    credentials: Credentials
    client_id: str
    user_id: str
    secrets: tuple[str, ...]
    known_as: str = ""
    other_keys: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        """The string to sign."""
        return f"{self.client_id}:{self.user_id}:{self.timestamp}"

    @property
    def timestamp(self) -> str:
        """The timestamp as written."""
        return self.credentials.timestamp

    def digest(self, key: Text, message: Text, algorithm: str = "") -> bytes:
        """Sign as the scheme says."""
        algorithm = algorithm or self.credentials.scheme.algorithm
        if self.credentials.scheme.keyed:
            return hmac.digest(as_bytes(key), as_bytes(message), algorithm)
        return hashlib.new(algorithm, as_bytes(message) + b":" + as_bytes(key)).digest()


def as_bytes(text: Text) -> bytes:
    """Encode text as UTF-8, leave bytes alone."""
    return text if isinstance(text, bytes) else utf8(text)


_SEPARATORS: Final = ("", "|", ",", "\n", "/", " ", "-", ".", "_", ";", "&", ": ")
_FRAMES: Final = (("", "\n"), ("", "\r\n"), ("", " "), ("", ":"), ('"', '"'))
_CLOCK: Final = re.compile(r"([0-9-]{10}T[0-9:]{8}(\.[0-9]{3})?)(Z|[+-].*)?")


def spelt_clients(signing: Signing) -> Variants:
    """The clientId in other letters than in the URL."""
    sent = signing.client_id
    for client_id in dict.fromkeys((signing.known_as, sent.lower(), sent.upper(), _quoted(sent))):
        yield client_id, f"{client_id}:{signing.user_id}:{signing.timestamp}"


def without_world(signing: Signing) -> Variants:
    """The clientId without the name of a world that follows it in the URL."""
    client_id, separator, _ = signing.client_id.partition("~")
    if separator:
        yield client_id, f"{client_id}:{signing.user_id}:{signing.timestamp}"


def spelt_users(signing: Signing) -> Variants:
    """The UserId in other letters than in Credential."""
    sent = signing.user_id
    for user_id in dict.fromkeys((sent.lower(), sent.upper(), _quoted(sent), sent.partition("@")[0])):
        yield user_id, f"{signing.client_id}:{user_id}:{signing.timestamp}"


def timestamps(signing: Signing) -> Variants:
    """The same moment in the other forms in which programs print it."""
    for timestamp in dict.fromkeys(_same_times(signing.timestamp)):
        yield timestamp, f"{signing.client_id}:{signing.user_id}:{timestamp}"


def near_timestamps(signing: Signing) -> Variants:
    """The clock read twice, for the message and for Credential: within 3 s, or 20 ms if it shows milliseconds."""
    read = _CLOCK.fullmatch(signing.timestamp)
    if not read or not "0002" < read[1] < "9999":
        return
    step, reach, precision = (0.001, 20, "milliseconds") if read[2] else (1.0, 3, "seconds")
    for steps in (steps for count in range(1, reach + 1) for steps in (-count, count)):
        moved = datetime.fromisoformat(read[1]) + timedelta(seconds=steps * step)
        text = moved.isoformat(timespec=precision) + (read[3] or "")
        yield text, f"{signing.client_id}:{signing.user_id}:{text}"


def orders(signing: Signing) -> Variants:
    """The three parts in another order."""
    return (_joined(parts) for parts in list(permutations(_parts(signing)))[1:])


def separators(signing: Signing) -> Variants:
    """The three parts with something else between them."""
    return ((separator, _joined(_parts(signing), separator)[1]) for separator in _SEPARATORS)


def incomplete(signing: Signing) -> Variants:
    """One or two of the three parts."""
    client, user, timestamp = _parts(signing)
    pairs = ((user, timestamp), (client, timestamp), (client, user))
    yield from (_joined(parts) for parts in (*pairs, (user,), (timestamp,)))
    yield _joined((user, timestamp), "/")


def framed(signing: Signing) -> Variants:
    """Characters before or after the message."""
    return ((f"{before}…{after}", f"{before}{signing.message}{after}") for before, after in _FRAMES)


def _same_times(timestamp: str) -> Iterator[str]:
    issued = issued_at(timestamp)
    if issued is None or not 1 < issued.year < 9999:
        return
    utc = issued.astimezone(UTC)
    seconds = utc.strftime("%Y-%m-%dT%H:%M:%S")
    for fraction in ("", f".{utc:%f}", f".{utc:%f}"[:4], f".{utc:%f}0"):
        yield from (f"{seconds}{fraction}{zone}" for zone in ("Z", "", "+00:00", "+0000"))
    yield from (timestamp.removesuffix("Z"), timestamp.lower(), _quoted(timestamp), timestamp.replace("T", " "))
    yield from (str(int(issued.timestamp())), str(int(issued.timestamp() * 1000)))
    for pattern in (
        "%Y%m%dT%H%M%SZ",
        "%Y-%m-%d",
        "%Y-%m-%d %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%a, %d %b %Y %H:%M:%S GMT",
    ):
        yield utc.strftime(pattern)


def _parts(signing: Signing) -> tuple[tuple[str, str], ...]:
    return ("ClientId", signing.client_id), ("UserId", signing.user_id), ("Timestamp", signing.timestamp)


def _joined(parts: Iterable[tuple[str, str]], separator: str = ":") -> tuple[str, str]:
    names, values = zip(*parts, strict=True)
    return separator.join(names), separator.join(values)


def _quoted(text: str) -> str:
    return quote(utf8(text), safe="")
