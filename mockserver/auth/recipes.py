"""The wrong ways to sign a request, each as a recipe that can be tried with the keys that the server knows.

A signature that a recipe reproduces names its own mistake beyond doubt. To add a mistake, add a row to RECIPES, or to
the table of `auth.spelling` if the signature itself is right and only written down wrongly.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from mockserver.auth import mistaken_messages as messages
from mockserver.auth.mistaken_messages import Signing, Text, Variants
from mockserver.auth.signing import utf8
from mockserver.auth.spelling import TRUNCATED, Spelling, readings, truncated

# Bounds the work of one explanation. A user with two keys among few clients needs about 170.
MAX_ATTEMPTS: Final = 400


class Attempt(NamedTuple):
    """What is peculiar to one way of signing, for the row's sentence to show, and the digest that comes out."""

    detail: str
    digest: bytes


class Recipe(NamedTuple):
    """A mistake in signing; `sentence` may show the `{detail}` of the attempt that fits."""

    cause: str
    sentence: str
    hint: str
    attempts: Callable[[Signing], Iterable[Attempt]]


def find(signing: Signing) -> tuple[list[Recipe | Spelling], str] | None:
    """Return the one or two mistakes that give the signature that was sent, and the attempt's detail; None if none do.

    Tried are the recipes, each in every spelling of its digest; a recipe's mistake comes first.
    """
    given = signing.credentials.signature
    spelt = readings(given)
    for recipe, attempt in islice(_attempts(signing), MAX_ATTEMPTS):
        canonical = b64encode(attempt.digest).decode()
        if attempt.digest in spelt:
            spelling = None if canonical == given else spelt[attempt.digest]
            return [mistake for mistake in (recipe, spelling) if mistake], attempt.detail
        if recipe is None and truncated(canonical, given):
            return [TRUNCATED], ""
    return None


def _attempts(signing: Signing) -> Iterator[tuple[Recipe | None, Attempt]]:
    """The right way with each of the user's keys, then the recipes."""
    for secret in signing.secrets:
        yield None, Attempt("", signing.digest(secret, signing.message))
    for recipe in RECIPES:
        for attempt in recipe.attempts(signing):
            yield recipe, attempt


def _message(variants: Callable[[Signing], Variants]) -> Callable[[Signing], Iterator[Attempt]]:
    """Sign other messages with the user's keys."""

    def attempts(signing: Signing) -> Iterator[Attempt]:
        for detail, message in variants(signing):
            for secret in signing.secrets:
                yield Attempt(detail, signing.digest(secret, message))

    return attempts


def _key(variants: Callable[[str], Iterable[Text]]) -> Callable[[Signing], Iterator[Attempt]]:
    """Sign the right message with altered keys."""

    def attempts(signing: Signing) -> Iterator[Attempt]:
        for secret in signing.secrets:
            for key in variants(secret):
                yield Attempt("", signing.digest(key, signing.message))

    return attempts


def _other_hashes(signing: Signing) -> Iterator[Attempt]:
    for algorithm in ("sha256", "sha384", "sha512", "sha1"):
        for secret in () if algorithm == signing.credentials.scheme.algorithm else signing.secrets:
            yield Attempt(algorithm.upper(), signing.digest(secret, signing.message, algorithm))


def _hash_for_hmac(signing: Signing) -> Iterator[Attempt]:
    """A hash in place of the keyed scheme's HMAC, over message and key or over the message alone."""
    scheme, message = signing.credentials.scheme, signing.message
    for secret in signing.secrets if scheme.keyed else ():
        for detail, text in (
            ("ClientId:UserId:Timestamp:SecretKey", f"{message}:{secret}"),
            ("ClientId:UserId:TimestampSecretKey", f"{message}{secret}"),
            ("SecretKeyClientId:UserId:Timestamp", f"{secret}{message}"),
            ("ClientId:UserId:Timestamp", message),
        ):
            yield Attempt(detail, hashlib.new(scheme.algorithm, utf8(text)).digest())


def _hmac_for_hash(signing: Signing) -> Iterator[Attempt]:
    for secret in () if signing.credentials.scheme.keyed else signing.secrets:
        yield Attempt("", hmac.digest(utf8(secret), utf8(signing.message), signing.credentials.scheme.algorithm))


def _base64_decoded(secret: str) -> Iterator[Text]:
    try:
        yield b64decode(f"{secret}{'=' * (-len(secret) % 4)}")
    except ValueError:
        return


_STRING = "Sign ClientId:UserId:Timestamp, nothing more and nothing less."
_KEY = "Use the secret key as it was given to you, its text as UTF-8."

RECIPES: Final = (
    Recipe(
        "message-client-without-world",
        "The message names the client as {detail}, without the name of the world that follows it in the URL.",
        "Sign the clientId as sent, with the ~ and the name after it.",
        _message(messages.without_world),
    ),
    Recipe(
        "message-client-spelling",
        "The message names the client as {detail}.",
        "Sign the clientId in exactly the letters of the URL.",
        _message(messages.spelt_clients),
    ),
    Recipe(
        "message-user-spelling",
        "The message names the user as {detail}.",
        "Sign the UserId in exactly the letters of Credential.",
        _message(messages.spelt_users),
    ),
    Recipe(
        "message-timestamp-form",
        "The message holds the timestamp in another form, {detail}.",
        "Sign the timestamp character by character as it stands in Credential.",
        _message(messages.timestamps),
    ),
    Recipe(
        "message-timestamp-other",
        "The message holds another time than Credential, {detail}.",
        "Read the clock once and use that text in both places.",
        _message(messages.near_timestamps),
    ),
    Recipe("message-order", "The message is put together as {detail}.", _STRING, _message(messages.orders)),
    Recipe(
        "message-separator", "The parts are joined with {detail}, not a colon.", _STRING, _message(messages.separators)
    ),
    Recipe("message-incomplete", "The message is only {detail}.", _STRING, _message(messages.incomplete)),
    Recipe("message-framed", "The message has something around it, like {detail}.", _STRING, _message(messages.framed)),
    Recipe(
        "hash-other",
        "The signature was made with {detail}, which is not the hash that the scheme names.",
        "Use the same hash in both places.",
        _other_hashes,
    ),
    Recipe(
        "hash-instead-of-hmac",
        "The signature is a plain hash of {detail}, the scheme is a keyed one.",
        "Make an HMAC: the secret key as its key, ClientId:UserId:Timestamp as its message.",
        _hash_for_hmac,
    ),
    Recipe(
        "hmac-instead-of-hash",
        "The signature is an HMAC, the scheme is an un-keyed one.",
        "Write -HMAC- into the scheme's name.",
        _hmac_for_hash,
    ),
    Recipe(
        "key-and-message-swapped",
        "Key and message are swapped.",
        "The secret key is the HMAC's key.",
        lambda signing: (Attempt("", signing.digest(signing.message, secret)) for secret in signing.secrets),
    ),
    Recipe(
        "key-whitespace",
        "The key has a space or line end too many or too few.",
        _KEY,
        _key(lambda secret: (f"{secret}\n", f"{secret}\r\n", f"{secret} ", f" {secret}", secret.strip())),
    ),
    Recipe("key-quoted", "The key was used with quotes.", _KEY, _key(lambda key: (f'"{key}"', f"'{key}'"))),
    Recipe("key-base64-decoded", "The key was Base64-decoded first.", _KEY, _key(_base64_decoded)),
    Recipe(
        "key-of-other",
        "The key is that of {detail}.",
        "Sign with the secret key of the user in Credential.",
        lambda signing: (Attempt(whose, signing.digest(key, signing.message)) for whose, key in signing.other_keys),
    ),
)
