"""What a door hands to the service, and the settings that its handling depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mockserver.auth.signing import Client, User
from mockserver.faults.rules import Fault
from mockserver.formats.negotiation import AnswerFormat, choose
from mockserver.journal.log import head_bytes
from mockserver.journal.redaction import may_be_token_request, without_header_secrets, without_query_secrets
from mockserver.patch.dialect import Dialect
from mockserver.profile.keys import Key
from mockserver.profile.work import DEFAULT_WORK


class Signed(NamedTuple):
    """A signature that was found good: whose it is, the assumed rules it rests on, and while which times it holds."""

    user: User
    rests_on: tuple[str, ...]
    since: datetime
    until: datetime


class Addressed(NamedTuple):
    """Whom a head is about: the account, the profile's key if it can have one, and a fault asked for by the head."""

    client: Client | None
    key: Key | None
    requested: Fault | None


class Kept(NamedTuple):
    """What the journal keeps of a head, and its size in bytes; `body_too`: the body holds no secret either."""

    target: str
    headers: tuple[tuple[str, str], ...]
    size: int
    body_too: bool


def _kept(method: str, target: str, headers: Mapping[str, str]) -> Kept:
    shown, harmless = without_query_secrets(target), without_header_secrets(tuple(headers.items()))
    body_too = method == "PATCH" and not may_be_token_request(target)
    return Kept(shown, harmless, head_bytes(shown, harmless), body_too)


class Head:
    """Request line and headers of a request, and what follows from them alone.

    `headers` has lower-case names; `client` is the segment as sent, decoded, with any world suffix; `world` and `key`
    are what world and profile the URL and the headers name. Many requests have equal heads, so a door keeps them: the
    service notes in `addressed` and `signed` what it found out and need not find out again.
    """

    __slots__ = (
        "addressed", "alternate_id", "alternate_id_type", "client", "form", "headers", "kept", "key", "method",
        "signed", "target", "world",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        client: str = "",
        alternate_id_type: str | None = None,
        alternate_id: str | None = None,
        world: str | None = None,
        key: Key | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.client = client
        self.alternate_id_type = alternate_id_type
        self.alternate_id = alternate_id
        self.headers = headers
        self.world = world
        self.key = key
        self.form = answer_format(headers)
        self.kept = _kept(method, target, headers)
        self.addressed: Addressed | None = None
        self.signed: Signed | None = None


class Request(NamedTuple):
    """One request."""

    head: Head
    body: bytes


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that a request's handling depends on."""

    dialect: Dialect
    auth: bool = True
    allow_unkeyed: bool = True
    unknown_status: int = 404
    max_body: int = 1 << 20
    max_operations: int = 1000
    max_profile: int = 1 << 20
    max_patch_work: int = DEFAULT_WORK
    magic_ids: bool = True
    pure: bool = False
    token_key: bytes = b""


def answer_format(headers: Mapping[str, str]) -> AnswerFormat:
    """Negotiate the answer's format from the request's headers."""
    return choose(
        headers.get("accept"),
        headers.get("accept-charset"),
        headers.get("content-type"),
        headers.get("x-requested-with"),
    )
