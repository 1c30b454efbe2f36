"""Accounts, keys and Authorization headers, right and wrong, to be diagnosed."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta

import pytest

from mockserver.auth import signing as auth
from mockserver.auth.diagnosis import Diagnosis, explain
from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.errors import Unauthorized
from tests.auth.verifying import NOW, STAMP

# Base64 and hexadecimal digits at once, so that a client may be tempted to decode it either way.
KEY = "Abcdef0123456789ABCDEF0123456789"
OLD_KEY = "old0key0of0john0"
JANES_KEY = "jane-has-this-key"
OTHERS_KEY = "globex-has-this-key"
APP_SECRET = "the-application-has-this"
SECRETS = (KEY, OLD_KEY, JANES_KEY, OTHERS_KEY, APP_SECRET)

JOHN = User("John.Doe@acme.com", (KEY, OLD_KEY))
JOSE = User("josé", (KEY,))
APP = OAuthClient("acme-application", APP_SECRET, frozenset({"jane"}))
ACME = Client(
    "Acme", {u.user_id: u for u in (JOHN, JOSE, User("jane", (JANES_KEY,)), User("robot", ()))}, {APP.client_id: APP}
)
GLOBEX = Client("Globex", {"hank": User("hank", (OTHERS_KEY,))})
CLIENTS = {client.client_id: client for client in (ACME, GLOBEX)}
ID = JOHN.user_id
MESSAGE = f"Acme:{ID}:{STAMP}"


def diagnose(
    header: str | None,
    *,
    client: Client | None = ACME,
    client_id: str = "Acme",
    allow_unkeyed: bool = True,
    zoneless: str = "either",
) -> Diagnosis:
    return explain(
        header,
        client=client,
        client_id=client_id,
        clients=CLIENTS,
        now=NOW,
        allow_unkeyed=allow_unkeyed,
        dates=auth.Dates(zoneless),
    )


def refusal(header: str | None, *, client: Client | None = ACME, client_id: str = "Acme") -> str | None:
    with pytest.raises(Unauthorized) as caught:
        auth.verify(header, client=client, client_id=client_id, now=NOW, allow_unkeyed=True)
    return caught.value.message


def with_signature(
    signature: str, *, scheme: str = "PNAUTHINFO3-HMAC-SHA256", user: str = ID, stamp: str = STAMP
) -> str:
    return f"{scheme} Credential={user}/{stamp} Signature={signature}"


def hmac_digest(message: str | bytes = MESSAGE, key: str | bytes = KEY, algorithm: str = "sha256") -> bytes:
    key = key.encode() if isinstance(key, str) else key
    message = message.encode() if isinstance(message, str) else message
    return hmac.new(key, message, algorithm).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def over(message: str | bytes) -> str:
    """A header whose signature covers another message."""
    return with_signature(b64(hmac_digest(message)))


def keyed(key: str | bytes) -> str:
    """A header signed with another key."""
    return with_signature(b64(hmac_digest(key=key)))


GOOD = over(MESSAGE)
SIGNATURE = b64(hmac_digest())


def stamped(stamp: str) -> str:
    """A header that is right but for its timestamp."""
    return auth.sign("Acme", ID, KEY, stamp)


def user(user_id: str) -> str:
    """A header that is right but for its UserId."""
    return auth.sign("Acme", user_id, KEY, STAMP)


def plus_and_slash() -> str:
    """A good header whose signature holds both + and /; there is one within some seconds."""
    stamps = (auth.issued_now(NOW - timedelta(seconds=s)) for s in range(900))
    return next(h for h in map(stamped, stamps) if "+" in h[-44:] and "/" in h[-44:])


ODD_SIGNATURE = plus_and_slash()[-44:]
ODD = plus_and_slash()
