"""Which requests fail a test by themselves: those that the mock could not serve, unless the test expects them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

from mockserver.errors import UsageError
from mockserver.nearest import did_you_mean
from mockserver.story.provenance import RULES, UNSERVED
from mockserver.testing.entries import Entry

__tracebackhide__ = True  # a failing test's report ends at the test's own line

NO_WORLD: Final = "namespace-missing"


class UnservedRequests(AssertionError):
    """The mock could not serve a request that the test did not expect."""


class Expectations:
    """What a test allows and denies: patterns of reasons, with * for any letters. What is allowed is not denied."""

    def __init__(self, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> None:
        self._allowed: tuple[str, ...] = ()
        self._denied = (*UNSERVED, *_checked(deny))
        self.allow(allow)

    def allow(self, patterns: Iterable[str]) -> None:
        """Allow further reasons; raise UsageError for one that doesn't exist."""
        self._allowed += _checked(patterns)

    def violated_by(self, reason: str) -> bool:
        """Tell whether a request with that outcome fails the test."""
        return _any(self._denied, reason) and not _any(self._allowed, reason)


def complaint(world: str, unserved: Sequence[Entry], strays: Sequence[Entry]) -> str:
    """Say which requests failed the test, and what to do about it."""
    number = len(unserved) + len(strays)
    lines = [f"The mock could not serve {number} request{'s' * (number != 1)} (world {world}):"]
    lines += [f"  {entry}" for entry in unserved]
    for entry in strays:
        lines += [f"  {entry}", f"    It named no world ({NO_WORLD}), so nobody knows to which test it belongs:"]
        lines += ["    send mypreferences.headers along, or use mypreferences.client_id as the client's id."]
    reasons = sorted({entry.reason for entry in unserved} | ({NO_WORLD} if strays else set()))
    listed = ", ".join(f'"{reason}"' for reason in reasons)
    lines += [f"If the test expects that: @pytest.mark.mypreferences(allow=[{listed}])"]
    return "\n".join(lines)


def _any(patterns: Iterable[str], reason: str) -> bool:
    return any(fnmatchcase(reason, pattern) for pattern in patterns)


def _checked(patterns: Iterable[str]) -> tuple[str, ...]:
    if isinstance(patterns, str):
        raise UsageError(f"{patterns!r} is one text", place="mypreferences", hint=f"write a list: [{patterns!r}]")
    chosen, known = tuple(patterns), (*RULES, NO_WORLD)
    for pattern in chosen:
        if not any(fnmatchcase(reason, pattern) for reason in known):
            hint = did_you_mean(pattern, known, "GET /__admin/fidelity lists the reasons")
            raise UsageError(f"no reason matches {pattern!r}", place="mypreferences", hint=hint)
    return chosen
