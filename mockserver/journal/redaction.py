"""Redaction: what opens a door never reaches the journal.

It works on what was sent, right or wrong: a signature under a misspelled name, or a secret in a URL that does not
exist, is as secret as one in its place. So what is kept of a credential is what is known to be harmless.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_plus

REDACTED: Final = "[redacted]"

# The usual headers, passed over quickly.
_HARMLESS: Final = frozenset(
    ("accept", "accept-encoding", "accept-charset", "connection", "content-length", "content-type", "host",
     "user-agent", "x-mock-namespace", "x-request-id")
)  # fmt: skip
_SECRET_WORDS: Final = ("authorization", "cookie", "token", "secret", "signature", "password", "api-key", "apikey")
_SCHEME: Final = re.compile(r"(?i:pnauthinfo[a-z0-9-]{0,24}|basic|bearer|digest|negotiate|ntlm)")
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9:]{2,5})?"
# A UserId may hold slashes and spaces; only a date behind it tells that it has ended.
_UP_TO_SIGNATURE: Final = re.compile(
    rf"\s*[A-Za-z][A-Za-z0-9-]{{0,31}}\s+Credential=(?:[^=,;]*/{_DATE}|[^=,;\s]*/[^\s=,;/]{{1,40}})[\s,;]*(?i:signature)="
)
_CREDENTIAL: Final = re.compile(rf"Credential=[^=,;]*?/{_DATE}(?![0-9A-Za-z:.+/-])")
_TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  a path
_PUBLIC_FIELDS: Final = frozenset(("grant_type", "client_id", "scope"))
_SECRET_FIELDS: Final = frozenset(("client_secret", "client_assertion", "assertion", "password", "refresh_token"))
_ANSWERED_TOKEN: Final = re.compile(rb'("(?:access|refresh|id)_token"\s*:\s*)"[^"]*"')


def without_header_secrets(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return headers whose credentials keep no more than their scheme and the vendor's Credential."""
    return tuple([header if header[0] in _HARMLESS else _redacted_header(header) for header in headers])


def may_be_token_request(target: str) -> bool:
    """Tell whether a request was meant for the token endpoint, whose bodies are secrets."""
    return _TOKEN_PATH in target.lower()


def without_query_secrets(target: str) -> str:
    """Return a request target whose parameters hold no secret."""
    path, mark, query = target.partition("?")
    if not mark or not _is_secret(query):
        return target
    return f"{path}?{'&'.join(_redacted_parameter(parameter) for parameter in query.split('&'))}"


def without_body_secrets(body: bytes, method: str, target: str) -> bytes:
    """Return a body without the credentials of a token request, also of one with the wrong URL or method.

    A patch is kept as sent.
    """
    if may_be_token_request(target) or (method != "PATCH" and b"secret" in body.lower()):
        return b"&".join(_redacted_field(field) for field in body.split(b"&"))
    return body


def without_answered_token(answer: bytes, target: str) -> bytes:
    """Return an answer without the token that it hands out."""
    return _ANSWERED_TOKEN.sub(rb'\1"[redacted]"', answer) if may_be_token_request(target) else answer


def _is_secret(name: str) -> bool:
    folded = unquote_plus(name).lower().replace("_", "-")
    return any(word in folded for word in _SECRET_WORDS)


def _redacted_header(header: tuple[str, str]) -> tuple[str, str]:
    name, value = header
    if name.lower() == "authorization":
        return name, _redacted_authorization(value)
    return (name, REDACTED) if _is_secret(name) else header


def _redacted_authorization(value: str) -> str:
    """Keep the scheme and, of the vendor's own, the Credential; all else may be a secret in the wrong place."""
    if up_to_signature := _UP_TO_SIGNATURE.match(value):
        return up_to_signature[0] + REDACTED
    scheme, _, parameters = value.strip().partition(" ")
    if not _SCHEME.fullmatch(scheme):
        return REDACTED
    credential = _CREDENTIAL.match(parameters)
    return f"{scheme} {credential[0] + ' ' if credential else ''}{REDACTED if parameters else ''}".rstrip()


def _redacted_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    if not _is_secret(name):
        return parameter
    return f"{name}={REDACTED}" if equals else REDACTED


def _redacted_field(field: bytes) -> bytes:
    """Keep a field of a form only if it is known to be public; a body that is no form at all is kept by no part."""
    name, equals, value = field.decode("latin-1").partition("=")
    folded = unquote_plus(name).strip().lower()
    if equals and folded in _PUBLIC_FIELDS and not _is_secret(value):
        return field
    return f"{name}={REDACTED}".encode("latin-1") if equals and folded in _SECRET_FIELDS else REDACTED.encode()
