"""What verification speaks in: the calls it makes, the replies it gets, and the cases and verdicts it deals in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote

Key = tuple[str, str, str]
"""(client, alternate id type, alternate id): what names a profile in a URL."""

Headers = tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def quoted(key: Key) -> tuple[str, ...]:
    """Return a key's parts as segments of a path."""
    return tuple(quote(part, safe="") for part in key)


def by_profile_id(key: Key, profile_id: object) -> str:
    """Return the path of a profile by its ProfileId."""
    return f"/{quoted(key)[0]}/Profile/{profile_id}"


class Call(NamedTuple):
    """One request to a target. `key` is (client, alternate id type, alternate id) of the profile it names.

    `signed` False sends no Authorization but what `headers` holds. `may_change` says that a 200 could change the
    profile: a session without leave to write refuses such a call. `path` replaces the request target that `key` makes
    (below the target's base), for calls that spell it in another way or go elsewhere. `refused` says that a refusal is
    due, for which the vendor's software may say 500 (library): it ends no run. `connection` says over which of its
    connections a session sends it, if it has more than one, `copies` how many of it go out in one packet: then the
    answer is that to the last.
    """

    method: str
    key: Key
    headers: Headers
    body: bytes
    signed: bool = True
    may_change: bool = False
    path: str | None = None
    refused: bool = False
    connection: int = 0
    copies: int = 1

    @property
    def target(self) -> str:
        """The path that the call goes to, below the target's base."""
        if self.path is not None:
            return self.path
        client, kind, identifier = quoted(self.key)
        return f"/{client}/Profile/AlternateIdType/{kind}/AlternateId/{identifier}"


def reading(key: Key, *, by_get: bool = False, path: str | None = None, body: bytes = b"[]") -> Call:
    """Return the call that asks for a profile and changes nothing: an empty patch, or GET where the target has it."""
    accept = (("Accept", "application/json"),)
    if by_get:
        return Call("GET", key, accept, b"", path=path)
    return Call("PATCH", key, (("Content-Type", "application/json-patch+json"), *accept), body, path=path)


class Reply(NamedTuple):
    """What the target answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Session(Protocol):
    """The one way to a target: whatever bounds and guards a run lies behind it; `used` counts its requests.

    `send` raises OSError for a target that can't be reached or breaks off its answer.
    """

    @property
    def used(self) -> int: ...

    def send(self, call: Call) -> Reply: ...


class Verdict(StrEnum):
    """How a rule or case came out; only `held` is a pass."""

    HELD = "held"
    BROKEN = "broken"
    TOLERATED = "tolerated"
    INCONCLUSIVE = "inconclusive"
    NOT_VERIFIABLE = "not verifiable"


@dataclass(frozen=True, slots=True)
class Account:
    """An API user of one client, or an OAuth application (then `user_id` is its client_id)."""

    client_id: str
    user_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bench:
    """A target made ready for cases: who signs, which profiles may be used, and what is known of it.

    `profiles[0]` is the one that cases work on, the others must stay as they are; `sparse` names one that was created
    without most members. `account` may change profiles, `reader` may not, `retired` holds a key that was replaced a
    moment ago. `accounts` has one account for each client. `isolated` targets give each case a state of its own
    (header X-Mock-Namespace); on others `guard` must see to it that a case leaves no trace. `altered` names profiles
    that were changed by nothing but a first reading, `absent` keys that are known to lead to no profile; `unsigned`
    ones look at no signature; `reads_by_get` ones are read by GET; `lacks` says why what a rule needs is not there.
    """

    session: Session
    account: Account
    profiles: tuple[Key, ...]
    dialect: str = "vendor"
    accounts: Mapping[str, Account] = field(default_factory=dict)
    reader: Account | None = None
    retired: Account | None = None
    oauth: Account | None = None
    sparse: Key | None = None
    isolated: bool = False
    is_mock: bool = False
    altered: tuple[str, ...] = ()
    absent: tuple[Key, ...] = ()
    unsigned: bool = False
    reads_by_get: bool = False
    lacks: Mapping[str, str] = field(default_factory=dict)
    guard: Callable[[str], AbstractContextManager[object]] = field(default=lambda case_id: nullcontext())

    @property
    def finds_inactive(self) -> bool:
        """Whether an alternate id leads to an inactive profile."""
        return "hiding" in self.lacks
