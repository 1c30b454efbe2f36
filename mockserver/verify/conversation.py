"""The requests of one case: sent, recorded, and each answer checked against the contract."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import Any

from mockserver.verify.calls import Bench, Call, Headers, Key, Reply, by_profile_id, reading
from mockserver.verify.checks import Unreadable, read_profile, reply_problems, xml_text
from mockserver.verify.contract import XML_TYPES, Contract
from mockserver.verify.differences import differences
from mockserver.verify.target.session import NotSent

PATCH_TYPE = "application/json-patch+json"
NAMESPACE = "X-Mock-Namespace"
PATCH_ALONE = "the server serves the PATCH by alternate id alone (--operations patch)"
# What comes of an answer that lacks members on which a case relies; the answer's own check names them.
SHAPELESS = (LookupError, TypeError, ValueError, AttributeError)
# How old a fresh stamp may look, in seconds: by this machine's clock, and by one that may go wrong.
_SAME_CLOCK = (-1.0, 120.0)
_ANOTHER_CLOCK = (-120.0, 900.0)
# The mock writes milliseconds: changes further apart than this have different stamps.
_STAMP_STEP_S = 0.002
_NOT_STAMPED = "a changed profile must be stamped: Edited/ModifiedDate is not the present time"
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back; no reply means that the connection failed, `failure` says how."""

    call: Call
    reply: Reply | None
    failure: str = ""


class Unanswered(Exception):
    """The target could not be reached, or broke off its answer."""


class Denied(Exception):
    """The target refused our credentials where it should not."""


@dataclass
class Conversation:
    """What one case says to the target. `world` names the namespace of an isolated target.

    `ignores_stamps`: what is wrong with Edited is for other cases to say. `strained`: what was sent may go against
    rules of the account's own. `unasked`: why it came to its end before its time, where nothing is wrong.
    """

    bench: Bench
    contract: Contract
    world: str
    exchanges: list[Exchange] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ignores_stamps: bool = False
    strained: bool = False
    unasked: str = ""
    # When each was asked for and answered, by the target's clock.
    _changes: list[tuple[float, float]] = field(default_factory=list)
    _ahead_s: float = 0
    _by_patch: bool = True

    def send(self, call: Call, *, check: bool = True, by_header: bool = True) -> Reply:
        """Send a call, record the exchange and, unless told otherwise, check the reply; raise Unanswered.

        `by_header` False leaves it to the account in the URL to name the namespace.
        """
        if self.contract.leaves_out(call.method, call.target):
            raise NotSent(PATCH_ALONE)
        if self.bench.isolated and by_header:
            call = call._replace(headers=(*call.headers, (NAMESPACE, self.world)))
        if call.may_change:
            self._by_patch = call.method == "PATCH"
        asked = monotonic() + self._ahead_s
        try:
            reply = self.bench.session.send(call)
        except OSError as failure:
            self.exchanges.append(Exchange(call, None, type(failure).__name__))
            raise Unanswered(f"no answer: {failure}") from failure
        self.exchanges.append(Exchange(call, reply))
        if call.may_change:
            self._changes.append((asked, monotonic() + self._ahead_s))
        if check:
            self.problems += reply_problems(call, reply, self.contract, self.bench.dialect)
        return reply

    def send_at_once(self, call: Call, amount: int) -> list[Reply]:
        """Send a call several times at the same time, each over a connection of its own."""
        calls = [call._replace(connection=number) for number in range(1, amount + 1)]
        with ThreadPoolExecutor(amount) as pool:
            return list(pool.map(self.send, calls))

    def patch(self, key: Key, operations: Sequence[Any], *, headers: Headers = (), profile_id: object = None) -> Reply:
        """Send operations as JSON; with a ProfileId that is what names the profile."""
        path = None if profile_id is None else by_profile_id(key, profile_id)
        sent = (*headers, ("Content-Type", PATCH_TYPE))
        return self.send(Call("PATCH", key, sent, json_body(operations), may_change=bool(operations), path=path))

    @contextmanager
    def to_its_end(self) -> Iterator[None]:
        """Note as a problem what ends a case before its time."""
        try:
            yield
        except SHAPELESS as end:
            self.problems.append(f"a profile is not as the contract has it ({type(end).__name__})")
        except (Unanswered, Denied, Unreadable) as end:
            self.problems.append(str(end))
        except NotSent as end:
            self.unasked = str(end)

    def read(self, key: Key, profile_id: object = None, *, by_get: bool = False) -> dict[str, Any]:
        """Return the profile as it is now, by a call that changes nothing; raise Denied, or Unreadable for no 200.

        With a ProfileId that is what names it: nothing else leads to an inactive profile.
        """
        path = None if profile_id is None or self.bench.finds_inactive else by_profile_id(key, profile_id)
        by_get = by_get or self.bench.reads_by_get
        reply = self.send(reading(key, by_get=by_get, path=path))
        what = "GET" if by_get else "an empty patch"
        if reply.status in (401, 403):
            raise Denied(f"{what} was answered with {reply.status}, 200 was expected")
        if reply.status != 200:
            raise Unreadable(f"{what} was answered with {reply.status}, 200 was expected")
        return read_profile(reply, self.contract, self.bench.dialect)

    @contextmanager
    def clock_ahead(self, key: Key, seconds: float) -> Iterator[None]:
        """Let the mock's clock go ahead, or behind, in this case's namespace."""
        if not seconds:
            yield
            return
        self._set_clock(key, {"advance": seconds})
        self._ahead_s = seconds
        yield
        self._ahead_s = 0
        self._set_clock(key, {"reset": True})

    def _set_clock(self, key: Key, command: Mapping[str, Any]) -> None:
        headers = (("Content-Type", "application/json"),)
        call = Call("PUT", key, headers, json.dumps(command).encode(), signed=False, path="/__admin/clock")
        if self.send(call, check=False).status != 200:
            raise Unreadable("the mock's clock can't be moved")

    def compare(self, what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        """Note each difference between two profiles; values are left to the exchange."""
        places = [place for place, _, _ in differences(wanted, found)]
        if self.ignores_stamps:
            places = [place for place in places if not f"{place}/".startswith("/Edited/")]
        if places:
            more = f" and {len(places) - 5} more places" if len(places) > 5 else ""
            self.problems.append(f"{what} differs from what was expected at {', '.join(places[:5])}{more}")

    def compare_answer(self, wanted: Mapping[str, Any], reply: Reply) -> dict[str, Any] | None:
        """Compare the profile in an answer, of whichever format, with the expected one; None if it can't be read."""
        try:
            found = read_profile(reply, self.contract, self.bench.dialect)
        except Unreadable:
            return None  # noted when the reply was checked
        is_xml = reply.headers.get("content-type", "").partition(";")[0] in XML_TYPES
        self.compare("the answer", xml_text(wanted) if is_xml else wanted, found)
        return found

    def stamped(
        self, expected: Mapping[str, Any], before: Mapping[str, Any], found: Mapping[str, Any], user: str
    ) -> dict[str, Any]:
        """Return the expected profile with the stamp that a change leaves, as far as `found` has a proper one."""
        result = dict(expected)
        if not any(differences(before, expected)) or self._needs_no_stamp(expected, found):
            return result
        old, new = before.get("Edited") or {}, found.get("Edited") or {}
        wanted = {name: old.get(name) for name in self.contract.profile.members["Edited"].members}
        by = new.get("ModifiedBy")
        # By which name a real system calls the user is its own affair, as is how it writes the time.
        named = by if not self.bench.is_mock and isinstance(by, str) and by else user
        wanted |= {"ModifiedBy": named, "ModifiedDate": new.get("ModifiedDate")}
        if not self.ignores_stamps and not self._is_new(new.get("ModifiedDate"), old.get("ModifiedDate")):
            self.problems.append(_NOT_STAMPED)
        result["Edited"] = wanted
        return result

    def _needs_no_stamp(self, expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
        """Say whether Edited may stay: the library knows no stamp, but whatever is around it may well set one."""
        if self.bench.dialect != "library":
            return False
        return (self.bench.is_mock and self._by_patch) or expected.get("Edited") == found.get("Edited")

    def _is_new(self, new: Any, old: Any) -> bool:
        if self.bench.is_mock:
            moved_on = new != old or self._changed_twice_at_once()
            return moved_on and str(new).endswith("Z") and _is_fresh(new, _SAME_CLOCK)
        if _STAMP.fullmatch(str(new)):
            return _is_fresh(new, _ANOTHER_CLOCK)
        return isinstance(new, str) and bool(new)  # written in a way of its own: nobody can tell when that is

    def _changed_twice_at_once(self) -> bool:
        return len(self._changes) > 1 and abs(self._changes[-1][0] - self._changes[-2][1]) < _STAMP_STEP_S


def _is_fresh(stamp: Any, ages: tuple[float, float]) -> bool:
    if not isinstance(stamp, str) or not _STAMP.fullmatch(stamp):
        return False
    moment = datetime.fromisoformat(stamp)
    age_s = (datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()
    return ages[0] < age_s < ages[1]


def is_now(stamp: Any) -> bool:
    """Say whether a value is a stamp of a moment ago, by whatever clock."""
    return _is_fresh(stamp, _ANOTHER_CLOCK)


def is_old(stamp: Any) -> bool:
    """Say whether a value is a stamp of an earlier time."""
    return isinstance(stamp, str) and _STAMP.fullmatch(stamp) is not None and not _is_fresh(stamp, _ANOTHER_CLOCK)


def json_body(value: Any) -> bytes:
    """Return a body of JSON; a lone surrogate is sent as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def visible(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return what answers show of a profile."""
    return {name: value for name, value in profile.items() if name != "ReasonCode"}


def ids_of(profile: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the alternate ids by which a profile can be found, in small letters."""
    pairs = [(entry["AlternateIdType"], entry["AlternateId"]) for entry in profile.get("AlternateIds") or () if entry]
    return [(kind.lower(), value.lower()) for kind, value in pairs if kind and value]


def hidden_as(profile: Mapping[str, Any]) -> object:
    """Return the ProfileId of an inactive profile, which is all that leads to it; None of an active one."""
    return None if profile.get("IsActive") is True else profile["ProfileId"]


def next_world(prefix: str) -> str:
    """Return the name of a namespace that no other case has used, of this run or an earlier one."""
    return f"{prefix}-{_RUN}-{next(_worlds)}"


_RUN = secrets.token_hex(4)
_worlds = count(1)
