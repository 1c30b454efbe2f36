"""An account, its users and their signatures, to be verified, and the vendor's texts for those that are refused."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from mockserver.auth import signing as auth
from mockserver.auth.signing import Client, User

NOW = datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC)
STAMP = "2024-05-01T09:59:30Z"
KEY = "k3y-of-john-0123456789"
OLD_KEY = "0ld-k3y-of-john-012345"
JOHN = User("john.doe@acme.com", (KEY, OLD_KEY), frozenset({"profile:update"}))
ODD = User("jos\u00e9/de la+cruz", ("k3y-of-jos\u00e9",))
SLY = User("x/2024 Signature=y", ("k3y-of-sly",))
KEYLESS = User("oauth.only", ())
ACME = Client("ACME", {user.user_id: user for user in (JOHN, ODD, SLY, KEYLESS)})

UNABLE = "Unable to authenticate request"
BAD_DATE = "The specified date does not match an expected ISO 8601 format"
TOO_OLD = "The difference between the issued timestamp and the current time is too large"
MISSING = "Missing Authorization Header"
BAD_SCHEME = "The scheme is invalid"


def verify(
    header: str | None,
    *,
    client: Client | None = ACME,
    client_id: str = "ACME",
    now: datetime = NOW,
    allow_unkeyed: bool = True,
) -> User:
    return auth.verify(header, client=client, client_id=client_id, now=now, allow_unkeyed=allow_unkeyed).user


def signature_as_documented(client_id: str, user_id: str, secret: str, timestamp: str, algorithm: str) -> str:
    """The documented keyed signature, from RFC 2104 instead of the hmac module."""
    block = 64 if algorithm == "SHA256" else 128
    key = secret.encode()
    if len(key) > block:
        key = hashlib.new(algorithm, key).digest()
    key = key.ljust(block, b"\0")
    message = ":".join((client_id, user_id, timestamp)).encode()
    inner = hashlib.new(algorithm, bytes(b ^ 0x36 for b in key) + message).digest()
    outer = hashlib.new(algorithm, bytes(b ^ 0x5C for b in key) + inner).digest()
    return base64.b64encode(outer).decode()


GOOD = auth.sign("ACME", JOHN.user_id, KEY, STAMP)
SIGNATURE = GOOD.rpartition("Signature=")[2]


def signed(timestamp: str, user_id: str = JOHN.user_id, secret: str = KEY) -> str:
    return auth.sign("ACME", user_id, secret, timestamp)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)
