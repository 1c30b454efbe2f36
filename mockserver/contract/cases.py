"""What verification speaks in: the calls it makes, the replies it gets, and the cases and verdicts it deals in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol


class Call(NamedTuple):
    """One request to a target. `key` is (client, alternate id type, alternate id) of the profile it names.

    `signed` False sends no Authorization but what `headers` holds. `may_change` says that a 200 could change the
    profile: a session without leave to write refuses such a call.
    """

    method: str
    key: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    signed: bool = True
    may_change: bool = False


class Reply(NamedTuple):
    """What the target answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Session(Protocol):
    """The one way to a target: whatever bounds and guards a run lies behind it."""

    def send(self, call: Call) -> Reply: ...


class Verdict(StrEnum):
    """How a rule or case came out; only `held` is a pass."""

    HELD = "held"
    BROKEN = "broken"
    TOLERATED = "tolerated"
    INCONCLUSIVE = "inconclusive"
    NOT_VERIFIABLE = "not verifiable"
