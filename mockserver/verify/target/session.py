"""The one way to a target. Whatever bounds a run (allow-list, leave to write, budget, rate, secrets) is enforced here.

What sends through it is a run (`guarded_run.GuardedRun`, or `rehearsal.DryRun` where nothing is sent), which gives it
its leave with each call. A call changes something unless its method reads, or its body is a list of plain `test`
operations, or holds no path. Anything else needs --write and a guard, whatever `may_change` says.

What is raised here ends the run and already has its exit code: SafetyRefusal (4), Inconclusive (3). These end only the
case: `NotSent` (a SafetyRefusal: the call is not allowed there), `NoAnswer` (an Inconclusive and an OSError) and
`Throttled` (an Inconclusive). A 5xx is returned once; each `send` after it, or after the budget, raises `Stopped` (a
NoAnswer) without sending, and `stopped` says why. `TimeOver` ends the run. A write is never sent twice.
"""

from __future__ import annotations

import http.client
import math
import os
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.verify.authorization import authorization
from mockserver.verify.calls import Account, Call, Key, Reply, reading
from mockserver.verify.http_session import TimeOver, exchange
from mockserver.verify.target.targets import RESERVE, Target
from mockserver.verify.target.vetting import Leave, could_change, refusal

MOST_PATIENCE_S = 120.0
# Requests with which the guard reads a profile before its first change: see `restore.Restorer.read`.
READING = 3
NOTHING = Leave()
SEE_TARGETS = "see the targets file for what the owner allows"
TRUST = "if its CA is one of your own, write SSL_CERT_FILE=ca.pem mockserver …"
ONE_PROFILE = "a request was not sent: one case may change one profile only"


class NoAnswer(Inconclusive, OSError):
    """The target could not be reached, or its answer was lost: the request may or may not have been applied."""


class Stopped(NoAnswer):
    """No more requests of cases are sent: the budget is used up, or the target answered with a server error."""


class Throttled(Inconclusive):
    """The target asked to slow down and did not take a write, which is never repeated; the next request waits."""


class NotSent(SafetyRefusal):
    """A call that the target's owner does not allow was held back; no byte of it was sent."""


class Clock(NamedTuple):
    """Where time comes from; tests bring their own."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def is_reading(call: Call) -> bool:
    """Say whether a call asks for a profile and for nothing else, in the one way that all of a run's readings do."""
    accepted = [value for name, value in call.headers if name.lower() != "content-type"]
    of_a_profile = call.path is None or re.fullmatch(r"/[^/?]+/Profile/\d+", call.path) is not None
    plain = of_a_profile and (call.method, call.body) in (("PATCH", b"[]"), ("GET", b""))
    return plain and call.signed and not call.refused and accepted == ["application/json"]


Guard = Callable[[Call, Callable[[], Reply]], Reply]
"""Sends a change by calling its second argument: notes the profile before that, and what came of it afterwards."""


@dataclass
class TargetSession:
    """Sends calls to one target, within its bounds; `write` is the user's leave to change profiles.

    `limit` is what the plan of the run announced: the cases end there. A profile that was read, with nothing but other
    readings sent since, is not asked for again: its `used` counts what was really sent.

    Raises SafetyRefusal before a byte is sent for whatever the target's owner did not allow, Inconclusive when a bound
    is reached or the target stops working.
    """

    target: Target
    write: bool = False
    keep_going: bool = False
    keep_raw: Path | None = None
    clock: Clock = field(default_factory=Clock)
    used: int = 0
    time_s: float | None = None
    # Set before the first change: from then on, what the guard sends has all the time that it needs.
    restores: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.keep_raw is not None and self.keep_raw.exists() and self.keep_raw.stat().st_mode & 0o077:
            hint = f"chmod 700 {self.keep_raw}"
            raise UsageError("others can look into the directory for raw exchanges", place="--keep-raw", hint=hint)
        self._next_at = 0.0
        self._ends_at = self.clock.monotonic() + (math.inf if self.time_s is None else self.time_s)
        self._slowest_s = 0.0
        self.stopped = self._stopped_hint = ""
        self._read: dict[tuple[Key, str], Reply] = {}
        self._base = urlsplit(self.target.base_url).path.rstrip("/")

    def send(self, call: Call, leave: Leave = NOTHING, guard: Guard | None = None) -> Reply:
        """Send one call of a case, and keep enough of the budget for the restore; a change goes through the guard."""
        if reason := refusal(call, self.target, leave):
            raise NotSent(f"a request was not sent: {reason}", place=f"target {self.target.name}", hint=SEE_TARGETS)
        if not could_change(call):
            reply = self._patiently(call, changes=False)
        elif guard is not None:
            self._check_bounds(READING)
            reply = guard(call, lambda: self._patiently(call, changes=True))
        elif self.target.mock:
            reply = self._patiently(call, changes=True)
        else:
            raise NotSent("a request was not sent: nobody would restore what it changes", hint=SEE_TARGETS)
        # The vendor's software says 500 where it refuses some patches: no sign of trouble where a refusal was due.
        unforeseen = reply.status > 500 or (reply.status == 500 and not call.refused)
        if unforeseen and not self.keep_going and not self.target.mock:
            why = f"the target answered {reply.status}; no more requests are sent after a server error"
            self._stop(why, "add --keep-going")
        return reply

    def send_reserved(self, call: Call, *, wakes: bool = False) -> Reply:
        """Send a call of the guard itself: it may use up the whole budget, and goes on after server errors.

        `wakes`: by its ProfileId it makes a profile active again, which nothing else leads to.
        """
        plain = call.path is None and call.method in ("PATCH", "GET" if self.target.reads == "get" else "PATCH")
        if not self.target.mock and (call.key not in self.target.keys or not (plain or wakes)):
            raise NotSent("a request was not sent: the target does not list this profile", hint=SEE_TARGETS)
        return self._patiently(call, changes=could_change(call), reserved=True)

    def forget(self) -> None:
        """Ask for every profile anew, whatever was read before."""
        self._read.clear()

    def read(self, key: Key, body: bytes = b"[]") -> Reply:
        """Send a patch that changes nothing, or the target's reading operation; with the answer comes the profile."""
        by_get = self.target.reads == "get" and body == b"[]"
        return self.send_reserved(reading(key, by_get=by_get, body=body))

    @property
    def kept_s(self) -> float:
        """How many seconds are kept back for a restore, at the pace of the slowest answer until now."""
        if not self.write or self.target.mock:
            return 0.0
        return RESERVE * max(1 / self.target.rate, self._slowest_s) + 2 * self.target.settle_s

    def _left_s(self, *, reserved: bool) -> float:
        """Return how long the next request may take; raise TimeOver if it would be left no time."""
        if reserved and self.restores:
            return math.inf
        left_s = self._ends_at - self.kept_s - max(self.clock.monotonic(), self._next_at)
        if left_s <= 0:
            kept = f", but for {self.kept_s:.0f} s for the restore" if self.kept_s else ""
            raise TimeOver(f"the time of {self.time_s:g} s is over{kept}", hint="give more with --time")
        return left_s

    def _check_bounds(self, before: int = 0) -> None:
        """Raise Stopped if one request more, after those `before` it, would leave too few for the restore."""
        reserve = RESERVE if self.write else 0
        if self.stopped or self.target.mock:
            pass
        elif self.used + before + 1 + reserve > self.target.budget:
            kept = f" but for {reserve} for the restore" if reserve else ""
            why = f"the budget of {self.target.budget} requests is used up{kept}"
            self._stop(why, "give it a larger --budget, or --only some cases")
        elif self.limit is not None and self.used + 1 > self.limit:
            why = f"the target needs more than the {self.limit} requests that were announced"
            self._stop(why, "see which cases need more with --only, or lower rate")
        if self.stopped:
            raise Stopped(self.stopped, hint=self._stopped_hint)

    def _stop(self, why: str, hint: str) -> None:
        """Let no more requests of cases be sent."""
        self.stopped, self._stopped_hint = why, hint

    def _patiently(self, call: Call, *, changes: bool, reserved: bool = False) -> Reply:
        """Send, and repeat after a 429 or 503 with Retry-After what changes nothing."""
        patience_s = MOST_PATIENCE_S
        reads = is_reading(call) and not self.target.mock
        if reads and (call.key, call.target) in self._read:
            return self._read[call.key, call.target]
        while True:
            if not reserved:
                self._check_bounds()
            if not reads:
                self._read.clear()
            reply = self._once(call, self._left_s(reserved=reserved))
            if reads and reply.status == 200:
                self._read[call.key, call.target] = reply
            wait_s = self._asked_to_wait(reply)
            if wait_s is None:
                return reply
            self._next_at = max(self._next_at, self.clock.monotonic() + min(wait_s, patience_s))
            if changes:
                raise Throttled(f"the target asked to wait {wait_s:g} s", hint="lower rate in the targets file")
            patience_s -= max(wait_s, 1.0)
            if patience_s <= 0:
                raise Inconclusive(f"the target asked to wait {wait_s:g} s", hint="try later, or lower rate")

    def _asked_to_wait(self, reply: Reply) -> float | None:
        header = reply.headers.get("retry-after", "").strip()
        if reply.status != 429 and not (reply.status == 503 and header):
            return None
        if header.isascii() and header.isdigit():
            return float(header)
        try:
            return max(0.0, (parsedate_to_datetime(header) - self.clock.now()).total_seconds())
        except (ValueError, TypeError):
            return 5.0

    def _once(self, call: Call, within_s: float) -> Reply:
        if not self.target.mock:
            if self.used >= self.target.budget:
                raise Inconclusive(f"the budget of {self.target.budget} requests is used up")
            self._pace()
        self.used += 1
        headers = [("Connection", "close"), *call.headers]
        if call.signed and not self.target.unsigned:
            headers.insert(0, ("Authorization", authorization(self._account, call.key[0], self.clock.now())))
        # A connection for each request: with a kept one, nobody could tell a request that was lost from one never read.
        connection = self._connection()
        try:
            reply = exchange(connection, call, headers, self._base, within_s=within_s)
        except (OSError, http.client.HTTPException) as problem:
            # What the library of TLS says holds names and reasons, never what was sent.
            said = f": {problem.strerror or problem}" if isinstance(problem, ssl.SSLError) else ""
            hint = TRUST if isinstance(problem, ssl.SSLCertVerificationError) else ""
            raise NoAnswer(f"no answer from the target: {type(problem).__name__}{said}", hint=hint) from problem
        finally:
            connection.close()
        self._slowest_s = max(self._slowest_s, reply.seconds)
        self._keep(call, reply)
        if reply.status in (301, 302, 303, 307, 308):
            # Following it would show the signature, and the profile's id, to whoever the answer names.
            raise SafetyRefusal("the target answers with a redirect, which is never followed", hint="correct base_url")
        return reply

    def _pace(self) -> None:
        wait_s = self._next_at - self.clock.monotonic()
        if wait_s > 0:
            self.clock.sleep(wait_s)
        self._next_at = max(self._next_at, self.clock.monotonic()) + 1 / self.target.rate

    @cached_property
    def _account(self) -> Account:
        return self.target.account()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _connection(self) -> http.client.HTTPConnection:
        parts, timeout_s = urlsplit(self.target.base_url), self.target.timeout_s
        if parts.scheme == "http":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=self._tls)

    def _keep(self, call: Call, reply: Reply) -> None:
        """Write the raw exchange, without the signature, if the user asked for it."""
        if self.keep_raw is None:
            return
        try:
            self._write_raw(self.keep_raw, call, reply)
        except OSError as problem:
            # The answer is worth more: what it says of a change decides what is restored.
            self.keep_raw = None
            self._stop(f"a raw exchange can't be kept: {problem.strerror}", "make room for --keep-raw")

    def _write_raw(self, folder: Path, call: Call, reply: Reply) -> None:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        shown = [f"{name}: {value}" for name, value in call.headers if name.lower() != "authorization"]
        lines = [f"{call.method} {self._base}{call.target}", *shown]
        answer = [str(reply.status), *(f"{k}: {v}" for k, v in reply.headers.items())]
        text = b"\n".join(["\n".join(lines).encode(), b"", call.body, b"", "\n".join(answer).encode(), b"", reply.body])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(folder / f"{os.getpid()}-{self.used:05}.http", flags, 0o600), "wb") as file:
            file.write(text)


def require_means(session: TargetSession) -> None:
    """Raise UsageError for a budget or a time that would leave nothing to the cases."""
    target = session.target
    if session.time_s is not None and session.time_s <= session.kept_s:
        hint = f"the restore keeps {session.kept_s:.0f} s of them; give --time more, or leave --write out"
        raise UsageError(f"a time of {session.time_s:g} s leaves nothing to the cases", place="--time", hint=hint)
    if not target.mock and target.budget <= RESERVE + len(target.keys):
        hint = f"the restore keeps {RESERVE} of them"
        raise UsageError(f"a budget of {target.budget} requests leaves nothing to the cases", hint=hint)
