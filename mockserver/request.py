"""What a door hands to the service, and the settings that its handling depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mockserver.core.dialect import Dialect
from mockserver.wire.negotiation import AnswerFormat, choose


class Request(NamedTuple):
    """One request. `headers` has lower-case names; `client` is the segment as sent, decoded, with any world suffix."""

    method: str
    target: str
    client: str
    alternate_id_type: str | None
    alternate_id: str | None
    headers: Mapping[str, str]
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
