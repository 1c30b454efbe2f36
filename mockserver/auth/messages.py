"""What people sign in place of `ClientId:UserId:Timestamp`, as pairs (how it differs, message)."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
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
    """All that may have gone into a signature; `other_keys` are pairs (whose it is, key) besides the user's own."""

    credentials: Credentials
    client_id: str
    user_id: str
    secrets: tuple[str, ...]
    client_ids: tuple[str, ...] = ()
    other_keys: tuple[tuple[str, str], ...] = ()
    method: str = ""
    url: str = ""
    body: bytes = b""

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


_SEPARATORS: Final = ("", "|", ",", "\n", "\r\n", "/", " ", "-", ".", "_", ";", "&", "+", "::", ": ")
_FRAMES: Final = (("", "\n"), ("", "\r\n"), ("", " "), (" ", ""), ("", ":"), (":", ""), ('"', '"'), ("\ufeff", ""))
_CODECS: Final = ("utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "latin-1", "ascii")
_CLOCK: Final = re.compile(r"([0-9-]{10}T[0-9:]{8}(\.[0-9]{3})?)(Z|[+-].*)?")


def spelt_clients(signing: Signing) -> Variants:
    """The clientId in other letters than in the URL."""
    sent = signing.client_id
    alike = [known for known in signing.client_ids if known.casefold() == sent.casefold()]
    for client_id in dict.fromkeys((*alike, sent.lower(), sent.upper(), _quoted(sent), sent.strip(), f"/{sent}")):
        yield client_id, f"{client_id}:{signing.user_id}:{signing.timestamp}"


def without_world(signing: Signing) -> Variants:
    """The clientId without the name of a world that follows it in the URL."""
    client_id, separator, _ = signing.client_id.partition("~")
    if separator:
        yield client_id, f"{client_id}:{signing.user_id}:{signing.timestamp}"


def other_clients(signing: Signing) -> Variants:
    """Another clientId."""
    return ((known, f"{known}:{signing.user_id}:{signing.timestamp}") for known in signing.client_ids)


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
    return (_joined(parts) for parts in _permuted(signing))


def separators(signing: Signing) -> Variants:
    """The three parts with something else between them."""
    return ((separator, _joined(_parts(signing), separator)[1]) for separator in _SEPARATORS)


def orders_and_separators(signing: Signing) -> Variants:
    """Both wrong."""
    return (_joined(parts, separator) for separator in _SEPARATORS for parts in _permuted(signing))


def incomplete(signing: Signing) -> Variants:
    """One or two of the three parts."""
    client, user, timestamp = _parts(signing)
    pairs = ((user, timestamp), (client, timestamp), (client, user), (timestamp, user), (timestamp, client))
    yield from (_joined(parts) for parts in (*pairs, (client,), (user,), (timestamp,)))
    yield _joined((user, timestamp), "/")


def framed(signing: Signing) -> Variants:
    """Characters before or after the message."""
    return ((f"{before}…{after}", f"{before}{signing.message}{after}") for before, after in _FRAMES)


def encoded(signing: Signing) -> Variants:
    """The message as other bytes than its UTF-8."""
    for codec in _CODECS:
        yield codec.upper(), signing.message.encode(codec, "replace")
    yield "Base64", b64encode(utf8(signing.message))
    yield "URL encoding", _quoted(signing.message)


def with_request(signing: Signing) -> Variants:
    """The message together with other parts of the request."""
    message = utf8(signing.message)
    for name, extra in (("body", signing.body), ("method", utf8(signing.method)), ("URL", utf8(signing.url))):
        for separator in (b":", b"", b"\n") if extra else ():
            yield f"…{separator.decode()}{name}", message + separator + extra
            yield f"{name}{separator.decode()}…", extra + separator + message
    if signing.body:
        yield "body", signing.body
        body_hash = hashlib.sha256(signing.body)
        yield "…:hash of the body", message + b":" + body_hash.hexdigest().encode()
        yield "…:hash of the body", message + b":" + b64encode(body_hash.digest())


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


def _permuted(signing: Signing) -> list[tuple[tuple[str, str], ...]]:
    return list(permutations(_parts(signing)))[1:]


def _joined(parts: Iterable[tuple[str, str]], separator: str = ":") -> tuple[str, str]:
    names, values = zip(*parts, strict=True)
    return separator.join(names), separator.join(values)


def _quoted(text: str) -> str:
    return quote(utf8(text), safe="")
