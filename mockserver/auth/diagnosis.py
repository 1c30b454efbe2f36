"""Say which part of a refused Authorization header is wrong, by signing again in the ways in which people get it wrong.

A wrong signature tells nothing by itself. But the server knows the secret keys, so it can make every likely mistake on
purpose and see whether the same signature comes out. No sentence shows a secret key or a signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final
from urllib.parse import unquote

from mockserver.auth import recipes as auth_recipes
from mockserver.auth import signing as auth
from mockserver.auth.header_mistakes import HEADER, LONGEST_DATE, PARAMETERS, SCHEME, TIMESTAMP, Mistake, first
from mockserver.auth.mistaken_messages import Signing
from mockserver.auth.signing import Client, User
from mockserver.auth.spelling import readings
from mockserver.errors import Unauthorized
from mockserver.nearest import nearest_name

# How many other users' keys are tried.
_MOST_KEYS: Final = 100
# A shorter one would hide nearly every word, and is no secret.
_SHORTEST_SECRET: Final = 4
_LONGEST_QUOTE: Final = 80
_LONGEST_MESSAGE: Final = 400

_THAW: Final = 'Let it run again: PUT /__admin/clock {"reset": true}, in the same world.'

_HASH_SIZES: Final = {16: "MD5", 20: "SHA1", 28: "SHA224", 32: "SHA256", 48: "SHA384", 64: "SHA512"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The part that is wrong: a stable code, a sentence, what to do; `certain` is False for a guess."""

    cause: str
    sentence: str
    hint: str
    certain: bool = True


@dataclass(frozen=True, slots=True)
class _Request:
    header: str
    client: Client | None
    client_id: str
    clients: Mapping[str, Client]
    now: datetime
    allow_unkeyed: bool
    dates: auth.Dates
    frozen: bool = False

    @property
    def credentials(self) -> auth.Credentials:
        return auth.read_header(self.header, allow_unkeyed=True)

    @property
    def parameters(self) -> str:
        return self.header.partition(" ")[2]

    @property
    def users(self) -> Mapping[str, User]:
        return {} if self.client is None else self.client.users

    def known_clients(self) -> list[Client]:
        others = [client for client in self.clients.values() if client is not self.client]
        return others if self.client is None else [self.client, *others]

    def all_keys(self) -> Iterator[tuple[str, str]]:
        """Every key that the server knows, after whose it is."""
        for client in self.known_clients():
            of = "" if client is self.client else f" of client {client.client_id}"
            yield from ((f"user {user.user_id}{of}", key) for user in client.users.values() for key in user.secrets)
            yield from ((f"OAuth client {app.client_id}{of}", app.secret) for app in client.oauth_clients.values())

    def holds_secret(self, text: str) -> bool:
        return any(len(key) >= _SHORTEST_SECRET and key in text for _, key in self.all_keys())

    def show(self, text: str, longest: int = _LONGEST_QUOTE) -> str:
        """Quote what was sent, unless it holds a secret key."""
        if self.holds_secret(text):
            return "(hidden, for it holds a secret key)"
        return repr(text if len(text) <= longest else f"{text[:longest]}…")


def explain(
    header: str | None,
    *,
    client: Client | None,
    client_id: str,
    clients: Mapping[str, Client],
    now: datetime,
    allow_unkeyed: bool,
    dates: auth.Dates = auth.Dates(),  # noqa: B008 - a constant
    frozen: bool = False,
) -> Diagnosis:
    """Name the part of a header for which `auth.verify` refuses it; the cause of a good one is "valid".

    `clients` holds every known client by clientId; `frozen` tells that the server's clock is made to stand still.
    """
    text = (header or "").strip(" \t")
    return _explain(_Request(text, client, client_id, clients, now, allow_unkeyed, dates, frozen))


def _explain(request: _Request) -> Diagnosis:
    if twice := first(HEADER, request.header):
        return _seen(twice)
    try:
        signed = auth.verify(
            request.header,
            client=request.client,
            client_id=request.client_id,
            now=request.now,
            allow_unkeyed=request.allow_unkeyed,
            dates=request.dates,
        )
    except Unauthorized as refused:
        return _EXPLANATIONS[refused.rule](request)
    return _valid(request, signed.user)


def _valid(request: _Request, user: User) -> Diagnosis:
    (algorithm, keyed), user_id, timestamp, signature = request.credentials
    user_id, _ = auth.find_user(request.client, user_id)
    current = auth.sign(request.client_id, user_id, user.secrets[0], timestamp, algorithm=algorithm, keyed=keyed)
    hint = (
        "" if current.endswith(f"={signature}") else "It is signed with the user's previous key: change to the new one."
    )
    return Diagnosis("valid", "The header is right.", hint)


def _scheme(request: _Request) -> Diagnosis:
    if mistake := first(SCHEME, request.header):
        return _seen(mistake)
    name = request.header.partition(" ")[0]
    schemes = [f"PNAUTHINFO3-{keyed}{algorithm}" for keyed in ("HMAC-", "") for algorithm in auth.ALGORITHMS]
    close = _closest(name, schemes)
    hint = f"Write {close}." if close else auth.REFUSALS["auth-scheme-invalid"].hint
    cause = "scheme-misspelt" if close else "scheme-unknown"
    return Diagnosis(cause, f"The API has no scheme {request.show(name)}.", hint)


def _parameters(request: _Request) -> Diagnosis:
    mistake = first(PARAMETERS, request.parameters)
    return _seen(mistake) if mistake else _as_refused("parameters-unreadable", "auth-parameters-missing")


def _date(request: _Request) -> Diagnosis:
    timestamp = request.credentials.timestamp
    mistake = first(PARAMETERS, request.parameters)
    if mistake is None and len(timestamp) <= LONGEST_DATE:
        mistake = first(TIMESTAMP, timestamp)
    if mistake:
        return _seen(mistake)
    sentence = f"{request.show(timestamp)} is not an ISO 8601 date and time."
    return Diagnosis("timestamp-not-iso8601", sentence, auth.REFUSALS["auth-date-not-iso8601"].hint)


def _clock(request: _Request) -> Diagnosis:
    """Tell a zone that is off from a clock that is off, and say what else is wrong once the date is set right."""
    timestamp, zoneless = request.credentials.timestamp, request.dates.zoneless
    issued = next((moment for moment, _ in auth.readings(timestamp, zoneless)), request.now)
    ahead_s = (issued - request.now).total_seconds()
    sentence = f"The timestamp is {_span(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'} this server's clock."
    rest = _explain(replace(request, now=issued, dates=auth.Dates(zoneless)))
    has_zone = auth.ISO_8601.fullmatch(timestamp)["zone"]  # type: ignore[index]
    if not has_zone:
        sentence = f"{sentence[:-1]}; it has no zone and was read as {_ZONELESS[zoneless]}."
    if request.dates.skew_s:
        sentence = f"{sentence[:-1]}; {request.dates.skew_s} s of clock skew are allowed."
    apart = "Apart from its date the header is right." if rest.cause == "valid" else f"Also wrong: {rest.sentence}"
    if request.frozen:
        sentence = f"This world's clock is frozen at {request.now:%Y-%m-%dT%H:%M:%SZ}. {sentence}"
        return Diagnosis("clock-frozen", f"{sentence} {apart}", _THAW)
    zone = "" if issued.utcoffset() else _zone(ahead_s)
    if zone:
        hint = f"It looks like local time, sent without its zone or marked Z: send UTC, or write {zone} after it."
        return Diagnosis("timestamp-local-time", f"{sentence} {apart}", hint, certain=False)
    if ahead_s > 0:
        hint = "Set the clock right, and never round the time up."
        if not has_zone and zoneless == "eastern":
            hint = "Write Z after a time in UTC: without a zone this server reads it as US Eastern time (--zoneless)."
        return Diagnosis("timestamp-in-future", f"{sentence} {apart}", hint)
    hint = "Sign each request anew; if you do, set the clock right."
    return Diagnosis("timestamp-too-old", f"{sentence} {apart}", hint)


_ZONELESS: Final = {"utc": "UTC", "eastern": "US Eastern time", "either": "UTC and as US Eastern time"}


def _zone(ahead_s: float) -> str:
    """Return the offset of the zone whose local time is this far ahead of UTC, give or take two minutes."""
    quarters = round(ahead_s / 900)
    if not 2 <= abs(quarters) <= 56 or abs(ahead_s - quarters * 900) > 120:
        return ""
    return f"{'+' if quarters > 0 else '-'}{abs(quarters) // 4:02d}:{abs(quarters) % 4 * 15:02d}"


def _client(request: _Request) -> Diagnosis:
    close = _closest(request.client_id, (client.client_id for client in request.known_clients()))
    hint = f"Did you mean {request.show(close)}?" if close else auth.REFUSALS["auth-client-unknown"].hint
    return Diagnosis("client-unknown", f"This server knows no client {request.show(request.client_id)}.", hint)


def _user(request: _Request) -> Diagnosis:
    user_id, _ = auth.find_user(request.client, request.credentials.user_id)
    for cause, sentence, hint, meant in _WRONG_USERS:
        detail = meant(request, user_id)
        if detail:
            shown = request.show(detail)
            return Diagnosis(cause, sentence.format(detail=shown), hint.format(detail=shown))
    close = _closest(user_id, request.users)
    hint = f"Did you mean {request.show(close)}?" if close else auth.REFUSALS["auth-user-unknown"].hint
    return Diagnosis("user-unknown", f"The client has no user {request.show(user_id)}.", hint)


_WRONG_USERS: Final[tuple[tuple[str, str, str, Callable[[_Request, str], str]], ...]] = (
    (
        "user-is-secret",
        "Credential holds a secret key where the UserId belongs.",
        "Write the UserId there, and have the key replaced: it was sent in the clear.",
        lambda request, user_id: "x" if request.holds_secret(user_id) else "",
    ),
    (
        "user-letter-case",
        "The UserId is written in other letter case than the user's.",
        "Did you mean {detail}?",
        lambda request, user_id: next((u for u in request.users if u.casefold() == user_id.casefold()), ""),
    ),
    (
        "user-url-encoded",
        "The UserId is URL-encoded.",
        "Write {detail} as it is.",
        lambda request, user_id: meant if (meant := unquote(user_id)) in request.users else "",
    ),
    (
        "user-of-other-client",
        "The UserId belongs to another client, {detail}.",
        "Call the URL of that client, or use a user of this one.",
        lambda request, user_id: next((c.client_id for c in request.known_clients() if user_id in c.users), ""),
    ),
    (
        "user-is-client",
        "Credential holds the clientId where the UserId belongs.",
        "Write the UserId of one of the client's API users.",
        lambda request, user_id: user_id if user_id == request.client_id or user_id in request.clients else "",
    ),
)


def _signature(request: _Request) -> Diagnosis:
    user_id, user = auth.find_user(request.client, request.credentials.user_id)
    if user is None or not user.secrets:
        hint = "Give the user a secret key, or ask the token endpoint for a bearer token."
        return Diagnosis("user-without-key", f"User {request.show(user_id)} has no secret key to sign with.", hint)
    signing = Signing(
        request.credentials,
        request.client_id,
        user_id,
        user.secrets,
        known_as=request.client.client_id if request.client else request.client_id,
        other_keys=tuple(islice(request.all_keys(), _MOST_KEYS)),
    )
    found = auth_recipes.find(signing)
    if found is None:
        return _unexplained(request, signing)
    mistakes, detail = found
    sentence = " ".join(mistake.sentence for mistake in mistakes).format(detail=request.show(detail))
    return Diagnosis(mistakes[0].cause, sentence, " ".join(mistake.hint for mistake in mistakes))


def _unexplained(request: _Request, signing: Signing) -> Diagnosis:
    """Say what the look of the signature says, or that nothing more can be told."""
    (algorithm, keyed), _, _, signature = signing.credentials
    size = hashlib.new(algorithm).digest_size
    sizes = [len(digest) for digest in readings(signature)]
    if request.holds_secret(signature):
        hint = "Sign with the key instead, and have it replaced: it was sent in the clear."
        return Diagnosis("signature-is-secret", "Signature holds a secret key itself.", hint)
    if not sizes:
        hint = "Send the digest's bytes as one plain Base64 text."
        return Diagnosis("signature-not-base64", "The signature is not the Base64 of anything.", hint)
    if size not in sizes:
        guess = f"; that many has {_HASH_SIZES[sizes[0]]}" if sizes[0] in _HASH_SIZES else ""
        sentence = f"The signature is {sizes[0]} bytes long, the scheme's {algorithm.upper()} gives {size}{guess}."
        return Diagnosis("signature-length", sentence, "Send the whole digest, of the hash that the scheme names.")
    return _cannot_tell(request, signing, keyed)


def _cannot_tell(request: _Request, signing: Signing, keyed: bool) -> Diagnosis:
    sentence = "No known mistake gives this signature, so it can't be told which part is wrong."
    hint = (
        "What is left is another secret key, such as an expired one, one of another environment or one with a typing "
        f"error, or an unusual message: compare what you sign with {request.show(signing.message, _LONGEST_MESSAGE)}"
    )
    hint += "." if keyed else ", a colon and the key, which is what this server assumes the un-keyed form to hash."
    return Diagnosis("cannot-tell", sentence, hint, certain=False)


def _as_refused(cause: str, rule: str) -> Diagnosis:
    row = auth.REFUSALS[rule]
    return Diagnosis(cause, row.why, row.hint)


def _seen(mistake: Mistake) -> Diagnosis:
    return Diagnosis(mistake.cause, mistake.sentence, mistake.hint)


def _closest(text: str, known: Iterable[str]) -> str:
    """Return the known name that looks most like the text, "" if none does."""
    return nearest_name(text[:_LONGEST_QUOTE], islice(known, 1000)) or ""


def _span(seconds: float) -> str:
    """Write a length of time in its two largest units."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = int(seconds)
    for size, smaller, unit, smaller_unit in ((86400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {smaller_unit}"
    return f"{whole} s"


_EXPLANATIONS: Final[Mapping[str, Callable[[_Request], Diagnosis]]] = {
    "auth-header-missing": lambda _: _as_refused("header-missing", "auth-header-missing"),
    "auth-scheme-invalid": _scheme,
    "auth-unkeyed-refused": lambda _: _as_refused("scheme-unkeyed-refused", "auth-unkeyed-refused"),
    "auth-parameters-missing": _parameters,
    "auth-date-not-iso8601": _date,
    "auth-date-in-future": _clock,
    "auth-date-too-old": _clock,
    "auth-client-unknown": _client,
    "auth-user-unknown": _user,
    "auth-signature-mismatch": _signature,
}
