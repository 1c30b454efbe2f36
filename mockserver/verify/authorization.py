"""Authorization headers made from the vendor's description alone, right or wrong as a case wants them.

Not with the package's own signing: a mistake there would go unseen if both sides made it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from mockserver.errors import UsageError
from mockserver.verify.calls import Account, Call

SCHEME = "PNAUTHINFO3-HMAC-SHA256"
OPTIONS = frozenset(
    ("scheme", "age", "format", "timestamp", "user", "secret", "client", "signature", "signature_as", "header", "of",
     "message")
)  # fmt: skip

_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "base64": str,
    "other case": str.swapcase,
    "no padding": lambda signature: signature.rstrip("="),
    "hexadecimal": lambda signature: base64.b64decode(signature).hex(),
    # Where those two letters don't occur it would be no other.
    "url-safe": lambda signature: (
        signature.replace("+", "-").replace("/", "_") if set(signature) & set("+/") else signature.swapcase()
    ),
}


def authorization(account: Account, client_id: str, now: datetime, how: Mapping[str, Any] | None = None) -> str:
    """Return the header's value; `client_id` is the URL's first segment as sent, `how` says what is done differently.

    `age` in seconds, negative for the future; `format` one of seconds, fraction, no zone, or an offset such as +05:30;
    `signature_as` one of base64, other case, no padding, hexadecimal, url-safe; `header` and `message` are templates of
    {scheme}, {user}, {client}, {timestamp} and {signature}.
    """
    options = how or {}
    if unknown := set(options) - OPTIONS:
        raise UsageError(f"unknown in authorization: {', '.join(sorted(unknown))}", hint=f"use {sorted(OPTIONS)}")
    scheme = str(options.get("scheme", SCHEME))
    parts = {
        "scheme": scheme,
        "user": str(options.get("user", account.user_id)),
        "client": str(options.get("client", client_id)),
        "timestamp": str(options.get("timestamp", _timestamp(now, options))),
    }
    secret = str(options.get("secret", account.secret))
    unkeyed = "{client}:{user}:{timestamp}" + ("" if "hmac" in scheme.lower() else f":{_escaped(secret)}")
    message = str(options.get("message", unkeyed)).format(**parts)
    signature = str(options.get("signature", _sign(scheme, secret, message)))
    parts["signature"] = _SPELLINGS[options.get("signature_as", "base64")](signature)
    template = options.get("header", "{scheme} Credential={user}/{timestamp} Signature={signature}")
    return str(template).format(**parts)


def signed_headers(call: Call, accounts: Mapping[str, Account], now: datetime) -> list[tuple[str, str]]:
    """Return a call's headers, with a fresh signature if it wants one and there is an account for its client."""
    client_id = call.key[0]
    account = accounts.get(client_id.partition("~")[0])
    if not call.signed or account is None:
        return list(call.headers)
    return [("Authorization", _usual(account, client_id, now.replace(microsecond=0))), *call.headers]


@lru_cache(maxsize=16)
def _usual(account: Account, client_id: str, second: datetime) -> str:
    """Return the right header, which is the same for a whole second."""
    return authorization(account, client_id, second)


def basic(account: Account, header: str = "{id}:{secret}", scheme: str = "Basic") -> str:
    """Return the header with which an application asks for a token; `header` is a template of what it holds."""
    return f"{scheme} {base64.b64encode(application_text(account, header).encode()).decode()}"


def application_text(app: Account, template: str) -> str:
    """Return a template filled in with {id}, {secret} and {other_case}; {secret:.9} is the first nine letters."""
    return template.format(id=app.user_id, secret=app.secret, other_case=app.secret.swapcase())


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _sign(scheme: str, secret: str, message: str) -> str:
    algorithm = next((name for name in ("sha384", "sha512") if scheme.lower().endswith(name)), "sha256")
    if "hmac" in scheme.lower():
        digest = hmac.new(secret.encode(), message.encode(), algorithm).digest()
    else:
        digest = hashlib.new(algorithm, message.encode()).digest()
    return base64.b64encode(digest).decode()


def _timestamp(now: datetime, options: Mapping[str, Any]) -> str:
    moment = now.astimezone(UTC) - timedelta(seconds=float(options.get("age", 0)))
    plain = f"{moment:%Y-%m-%dT%H:%M:%S}"
    shape = options.get("format", "seconds")
    if shape[0] in "+-":
        return f"{moment.astimezone(datetime.strptime(shape, '%z').tzinfo):%Y-%m-%dT%H:%M:%S}{shape}"
    return {"seconds": f"{plain}Z", "fraction": f"{plain}.{moment:%f}"[:-3] + "Z", "no zone": plain}[shape]
