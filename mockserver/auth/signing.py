"""The vendor's Authorization header: how it is signed, and how the server decides whom it lets in.

`Authorization: PNAUTHINFO3-HMAC-SHA256 Credential=<UserId>/<ISO 8601 timestamp> Signature=<base64>`  (documented)

A client that signs imports this module too, so it needs nothing of ours but the error tree.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct

from mockserver.errors import Forbidden, Unauthorized, UsageError

ALGORITHMS: Final = ("SHA256", "SHA384", "SHA512")
DEFAULT_SIGNATURE_WINDOW_S: Final = 900
_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
CHALLENGE: Final = {"WWW-Authenticate": 'PNAUTHINFO3 realm="https://pm.mypreferences.com"'}


class User(Struct, frozen=True):
    """An API user of one client; `secrets` holds the current key, then the previous one while a rotation lasts."""

    user_id: str
    secrets: tuple[str, ...]
    permissions: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"User({self.user_id!r})"


class OAuthClient(Struct, frozen=True):
    """An application that may ask for bearer tokens in the name of `user_ids`."""

    client_id: str
    secret: str
    user_ids: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"OAuthClient({self.client_id!r})"


class Client(Struct, frozen=True):
    """A MyPreferences account, the first segment of the URL; `users` and `oauth_clients` are keyed by their ids.

    `account_rules` overrides the setting of that name; `types` lists the types that the account has, by member.
    """

    client_id: str
    users: Mapping[str, User] = {}
    oauth_clients: Mapping[str, OAuthClient] = {}
    signature_window_s: int = DEFAULT_SIGNATURE_WINDOW_S
    default_type: str | None = None
    default_locale: str | None = None
    account_rules: bool | None = None
    types: Mapping[str, Sequence[str]] = {}


class Scheme(NamedTuple):
    """What a scheme name asks for."""

    algorithm: str
    keyed: bool


class Credentials(NamedTuple):
    """A well-formed header, taken apart; nothing in it has been checked yet."""

    scheme: Scheme
    user_id: str
    timestamp: str
    signature: str


EASTERN = "America/New_York"
"""The zone beside UTC that the vendor's pages speak of."""


class Signed(Struct, frozen=True):
    """A signature that was found good: whose it is, the assumed rules it rests on, and while which times it holds.

    The rules are the un-keyed form and a timestamp without a zone.
    """

    user: User
    rests_on: tuple[str, ...]
    since: datetime
    until: datetime


class Dates(NamedTuple):
    """How a timestamp is held against the clock: what it means without a zone, and how far two clocks may be apart.

    `zoneless` is "utc", "eastern" or "either": the vendor names two zones and not which is meant when (assumed).
    """

    zoneless: str = "either"
    skew_s: int = 0


class Refusal(NamedTuple):
    """One reason for a 401: the vendor's text for it (documented), and the story."""

    message: str
    why: str
    hint: str


_UNABLE = "Unable to authenticate request"
_BAD_DATE = "The specified date does not match an expected ISO 8601 format"
_FORM = "Credential=<UserId>/<timestamp> Signature=<base64>"
_EXAMPLE = "2024-05-01T10:00:00Z"

REFUSALS: Final[Mapping[str, Refusal]] = {
    "auth-header-missing": Refusal(
        "Missing Authorization Header",
        "The request has no Authorization header, or a blank one.",
        f"Send Authorization: PNAUTHINFO3-HMAC-SHA256 {_FORM}.",
    ),
    "auth-scheme-invalid": Refusal(
        "The scheme is invalid",
        "The Authorization header starts with a scheme that the API does not have.",
        "Write PNAUTHINFO3-HMAC- and one of SHA256, SHA384, SHA512.",
    ),
    # The vendor documents the un-keyed schemes but not what they hash, so a server may be told to do without them.
    "auth-unkeyed-refused": Refusal(
        "The scheme is invalid",
        "The header uses an un-keyed scheme, and this server is set to refuse those.",
        "Write -HMAC- into the scheme's name and sign with the secret key, or allow un-keyed signatures.",
    ),
    "auth-parameters-missing": Refusal(
        _UNABLE,
        "The header is incomplete: the scheme is not followed by a whole Credential and a Signature.",
        f"After the scheme and one space write {_FORM}.",
    ),
    "auth-date-not-iso8601": Refusal(
        _BAD_DATE,
        "The timestamp in Credential is not an ISO 8601 date and time.",
        f"Write it like {_EXAMPLE}.",
    ),
    "auth-date-in-future": Refusal(
        _BAD_DATE,
        "The timestamp in Credential lies in the future.",
        f"Sign with the current time in UTC, like {_EXAMPLE}, and never round it up.",
    ),
    "auth-date-too-old": Refusal(
        "The difference between the issued timestamp and the current time is too large",
        "The timestamp in Credential is older than the client's signatures may be.",
        "Sign each request anew, with the current time in UTC.",
    ),
    "auth-client-unknown": Refusal(
        _UNABLE,
        "The URL names a client that this server does not know.",
        "Check the first segment of the URL.",
    ),
    "auth-user-unknown": Refusal(
        _UNABLE,
        "The UserId in Credential is not one of the client's users.",
        "Check the UserId, also its letter case, and that it belongs to the client in the URL.",
    ),
    "auth-signature-mismatch": Refusal(
        _UNABLE,
        "The signature is not the one that the user's secret key gives.",
        "Sign ClientId:UserId:Timestamp, the timestamp exactly as in Credential, with the secret key; then Base64.",
    ),
}

_SCHEMES: Final = {
    f"pnauthinfo3{'-hmac' if keyed else ''}-{name.lower()}": Scheme(name.lower(), keyed)
    for name in ALGORITHMS
    for keyed in (True, False)
}

# Assumed: of ISO 8601 the form that .NET reads without being told a format, a calendar date in extended form with a
# time. Seconds may be left out, a fraction may have any length (.NET prints 7 digits, Java and Go up to 9), an offset
# reaches to 14 hours. Refused as ambiguous or unread by .NET: a date alone, 20240501T100000Z, week and ordinal dates,
# a decimal comma, a space or a small letter for the T or the Z.
ISO_8601: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
    r"(?P<zone>Z|[+-](?:(?:0[0-9]|1[0-3])(?::?[0-5][0-9])?|14(?::?00)?))?"
)

# Used in place of an unknown user's key, so that the answer for a user who is not there takes as long.
_NOBODY: Final = User("", ("no user has this key",))


def sign(
    client_id: str, user_id: str, secret: str, timestamp: str, *, algorithm: str = "SHA256", keyed: bool = True
) -> str:
    """Return the value of an Authorization header.

    `client_id` is the URL's first segment as sent; `timestamp` is written and signed as given, right or wrong.
    Raises UsageError for an algorithm that the scheme does not have.
    """
    name = algorithm.upper()
    if name not in ALGORITHMS:
        raise UsageError(f"unknown signature algorithm {algorithm!r}", hint=f"write one of {', '.join(ALGORITHMS)}")
    scheme = Scheme(name.lower(), keyed)
    signature = _signature(scheme, f"{client_id}:{user_id}:{timestamp}", secret).decode("ascii")
    return f"PNAUTHINFO3-{'HMAC-' if keyed else ''}{name} Credential={user_id}/{timestamp} Signature={signature}"


def issued_now(now: datetime) -> str:
    """Write an aware time as a timestamp to sign: UTC, in whole seconds, rounded down so as not to be in the future."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def verify(
    header: str | None,
    *,
    client: Client | None,
    client_id: str,
    now: datetime,
    allow_unkeyed: bool,
    dates: Dates = Dates(),  # noqa: B008 - a constant
) -> Signed:
    """Return who signed the header; raise Unauthorized with the vendor's text for the first thing wrong.

    `client_id` is the URL's first segment as sent, `client` the account that it names, `now` an aware time.
    The checks run in the order header, scheme, parameters, date, client, user, signature. That order is assumed: from
    what needs nothing but the header to what needs the secret key, the last three with one text and in the same time.
    """
    scheme, user_id, timestamp, signature = read_header(header, allow_unkeyed=allow_unkeyed)
    issued, rests_on = read_date(timestamp, client, now, dates)
    user_id, user = find_user(client, user_id)
    matches = _matches(scheme, f"{client_id}:{user_id}:{timestamp}", (user or _NOBODY).secrets, signature)
    if user is None:
        raise refusal("auth-client-unknown" if client is None else "auth-user-unknown")
    if not matches:
        raise refusal("auth-signature-mismatch")
    if not scheme.keyed:
        rests_on = ("auth-unkeyed-accepted", *rests_on)
    return Signed(user, rests_on, *_fresh(issued, client, dates))


def read_header(header: str | None, *, allow_unkeyed: bool) -> Credentials:
    """Take a header apart; raise Unauthorized for a missing one, an invalid scheme or missing parameters.

    The scheme's letter case does not matter (documented). Order and spelling of the parameters and the single spaces
    between them do (documented form; that the vendor tolerates no other is assumed). The timestamp follows the last
    slash, so a UserId may hold slashes, and spaces.
    """
    name, _, parameters = (header or "").strip(" \t").partition(" ")
    if not name:
        raise refusal("auth-header-missing")
    # lower(), because upper() would let letters such as the long s pass for ASCII ones.
    scheme = _SCHEMES.get(name.lower())
    if scheme is None:
        raise refusal("auth-scheme-invalid")
    if not (scheme.keyed or allow_unkeyed):
        raise refusal("auth-unkeyed-refused")
    credential, _, signature = parameters.rpartition(" Signature=")
    user_id, _, timestamp = credential.removeprefix("Credential=").rpartition("/")
    complete = user_id and timestamp and signature and credential.startswith("Credential=")
    if not complete or timestamp[-1] == " ":
        raise refusal("auth-parameters-missing")
    return Credentials(scheme, user_id, timestamp, signature)


def find_user(client: Client | None, user_id: str) -> tuple[str, User | None]:
    """Return the UserId as the signer meant it, and the user of that id if the client has one.

    A gateway hands over a header's bytes as Latin-1 (PEP 3333), so an id outside ASCII is also tried as UTF-8; that the
    vendor reads it so is assumed, as is that letter case matters.
    """
    users = {} if client is None else client.users
    if user_id in users or user_id.isascii():
        return user_id, users.get(user_id)
    try:
        user_id = user_id.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return user_id, None
    return user_id, users.get(user_id)


def issued_at(timestamp: str) -> datetime | None:
    """Read an ISO 8601 date and time, None if it is none; without a zone as UTC."""
    shape = ISO_8601.fullmatch(timestamp)
    if shape is None:
        return None
    try:
        return datetime.fromisoformat(timestamp if shape["zone"] else f"{timestamp}Z")
    except ValueError:
        return None


def require(user: User, permission: str) -> None:
    """Raise Forbidden unless one of the user's groups grants the permission."""
    if permission not in user.permissions:
        # The status is documented, its text is not: assumed.
        raise Forbidden(
            "The user does not have permission to access the requested resource.",
            rule="auth-permission-missing",
            why=f"User {user.user_id!r} is known, but none of its groups grants {permission!r}.",
            hint=f"Give one of the user's groups the permission {permission!r}.",
        )


def refusal(rule: str) -> Unauthorized:
    """Return the 401 for a row of REFUSALS."""
    row = REFUSALS[rule]
    return Unauthorized(row.message, rule=rule, why=row.why, hint=row.hint, headers=CHALLENGE)


def utf8(text: str) -> bytes:
    """Encode for signing; a lone surrogate, which no well-formed text holds, must not raise."""
    return text.encode("utf-8", "surrogatepass")


def read_date(timestamp: str, client: Client | None, now: datetime, dates: Dates) -> tuple[datetime, tuple[str, ...]]:
    """Return when a header was signed and the assumed rules that this rests on; raise Unauthorized if it isn't fresh.

    Of two readings the first that is fresh counts, so that neither makes the window wider.
    """
    refused = "auth-date-not-iso8601"
    for issued, rests_on in readings(timestamp, dates.zoneless):
        age_s = (now - issued).total_seconds()
        # A signature exactly as old as the window still counts (assumed).
        if -dates.skew_s <= age_s <= _window_s(client) + dates.skew_s:
            return issued, rests_on
        if refused == "auth-date-not-iso8601":
            refused = "auth-date-in-future" if age_s < 0 else "auth-date-too-old"
    raise refusal(refused)


def readings(timestamp: str, zoneless: str) -> Iterator[tuple[datetime, tuple[str, ...]]]:
    """Yield each moment that a timestamp may mean, and the assumed rule behind it; nothing if it is no date."""
    issued, shape = issued_at(timestamp), ISO_8601.fullmatch(timestamp)
    if issued is None or shape is None:
        return
    if shape["zone"]:
        yield issued, ()
        return
    if zoneless != "eastern":
        yield issued, ("auth-zone-missing",)
    if zoneless != "utc":
        # Imported with the first such timestamp that is not fresh in UTC.
        from zoneinfo import ZoneInfo

        yield issued.replace(tzinfo=ZoneInfo(EASTERN)), ("auth-zone-eastern",)


def _fresh(issued: datetime, client: Client | None, dates: Dates) -> tuple[datetime, datetime]:
    """Return the first and the last moment at which a header is fresh that was signed at a moment."""
    since = issued - timedelta(seconds=dates.skew_s)
    try:
        return since, issued + timedelta(seconds=_window_s(client) + dates.skew_s)
    except OverflowError:  # a window for tests whose signatures never grow old, or a clock at the end of time
        return since, _END_OF_TIME


def _window_s(client: Client | None) -> int:
    return DEFAULT_SIGNATURE_WINDOW_S if client is None else client.signature_window_s


def _matches(scheme: Scheme, message: str, secrets: tuple[str, ...], signature: str) -> bool:
    """Compare with every key, without leaving early, and as text: a digest has only one canonical Base64."""
    given = utf8(signature)
    matches = False
    for secret in secrets:
        matches |= hmac.compare_digest(_signature(scheme, message, secret), given)
    return matches


def _signature(scheme: Scheme, message: str, secret: str) -> bytes:
    if scheme.keyed:
        digest = hmac.digest(utf8(secret), utf8(message), scheme.algorithm)
    else:
        # Assumed: the vendor does not say what the un-keyed form hashes.
        digest = hashlib.new(scheme.algorithm, utf8(f"{message}:{secret}")).digest()
    return b2a_base64(digest, newline=False)
