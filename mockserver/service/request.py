"""What a door hands to the service, and the settings that its handling depends on."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mockserver.auth.signing import Client, Dates, Signed
from mockserver.auth.tokens import bearer_token
from mockserver.faults.rules import Fault
from mockserver.formats.negotiation import AnswerFormat, choose
from mockserver.patch.dialect import Dialect
from mockserver.profile.work import DEFAULT_WORK
from mockserver.service.routes import Route


class Addressed(Struct, frozen=True):
    """Whom a head is about, and a fault that it asks for itself."""

    client: Client | None
    requested: Fault | None


class Kept(Struct, frozen=True):
    """What the journal keeps of a head, without secrets, and its size in bytes; `user` only where nobody must sign.

    `operation` is a name of the table of operations.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    size: int
    key: tuple[str, str, str]
    user: str | None
    operation: str | None


class Head:
    """Request line and headers of a request, and what follows from them alone.

    `headers` has lower-case names; `operation` is None where the URL or the method is none of the API's; `token` is the
    bearer token, `user` whom a signed header claims to be, both unchecked. Many requests have equal heads, so a door
    keeps them: the service notes in `addressed`, `kept` and `signed` what it found out and need not find out again.
    """

    __slots__ = (
        "addressed", "form", "headers", "kept", "method", "operation", "route", "signed", "target", "token", "user",
    )  # fmt: skip

    def __init__(self, method: str, target: str, headers: Mapping[str, str], route: Route) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.route = route
        # A method counts in any letter case (library; docs/dialect.md, row H12).
        self.operation = route.operations.get(method) or route.operations.get(method.upper())
        self.form = answer_format(headers)
        self.token = bearer_token(headers.get("authorization"))
        self.user = claimed_user(headers.get("authorization"))
        self.kept: Kept | None = None
        self.addressed: Addressed | None = None
        self.signed: Signed | None = None


class Request(Struct, frozen=True):
    head: Head
    body: bytes


class Policy(Struct, frozen=True):
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
    log: str = "off"
    token_key: bytes = b""
    hides_inactive: bool = True
    dates: Dates = Dates()
    account_rules: bool = False
    second_default: str = "takes-over"


def answer_format(headers: Mapping[str, str]) -> AnswerFormat:
    """Negotiate the answer's format from the request's headers."""
    return choose(
        headers.get("accept"),
        headers.get("accept-charset"),
        headers.get("content-type"),
        headers.get("x-requested-with"),
    )


def claimed_user(authorization: str | None) -> str | None:
    """Return the user that a signed header claims to be, unchecked; for fault rules and the journal."""
    _, found, credential = (authorization or "").partition("Credential=")
    return (credential.split(" ", 1)[0].rpartition("/")[0] or None) if found else None
