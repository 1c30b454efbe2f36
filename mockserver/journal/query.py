"""Questions to the journal: which requests match, how many, in which order, what changed, and what came nearest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import takewhile
from typing import Any, Final, NamedTuple

import orjson

from mockserver.errors import UsageError
from mockserver.journal.events import read_event
from mockserver.journal.log import Exchange
from mockserver.journal.matchers import below, read_boolean, read_object
from mockserver.journal.pattern import (
    PATTERN_FIELDS,
    REFUSED_FIELDS,
    Pattern,
    matches,
    matching,
    read_pattern,
)
from mockserver.journal.view import outcome, request_json, sendable
from mockserver.journal.work import Work
from mockserver.nearest import likeness
from mockserver.profile.members import MemberTree


def find(spec: Any, exchanges: Iterable[Exchange], work: Work | None = None) -> list[Exchange]:
    """Return the exchanges that match a pattern, in the order given; raise UsageError for one that can't be read."""
    work = work or Work()
    work.spend_on_reading(spec)
    return matching(read_pattern(spec, work=work), exchanges, work)


# -- near misses -----------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """One field in which an exchange is not what a pattern wants."""

    field: str
    expected: Any
    actual: Any


class Miss(NamedTuple):
    """An exchange that a pattern narrowly misses; `distance` goes from 0, a match, to 1."""

    exchange: Exchange
    distance: float
    differences: tuple[Difference, ...]


# Only the newest exchanges are looked at, and of those with the fewest differing fields so many are compared letter by
# letter, so that a failure is told at once.
_LOOKED_AT: Final = 1000
_COMPARED: Final = 100
_COMPARED_LENGTH: Final = 200
_COMPARISON: Final = 300  # steps


def near_misses(
    pattern: Pattern, exchanges: Sequence[Exchange], limit: int = 3, work: Work | None = None
) -> tuple[Miss, ...]:
    """Return the exchanges most like what a pattern wants, one of each kind, the nearest and newest first."""
    work = work or Work()
    newest = list(reversed(exchanges[-_LOOKED_AT:]))
    failing = ((exchange, tuple(one for one in pattern if not one.holds(exchange, work))) for exchange in newest)
    chosen = nsmallest(_COMPARED, (row for row in failing if row[1]), key=lambda row: len(row[1]))
    misses = sorted((_miss(*row, len(pattern), work) for row in chosen), key=lambda miss: miss.distance)
    kinds: dict[str, Miss] = {}
    for miss in misses:
        kinds.setdefault(repr((miss.exchange.method, miss.exchange.target, miss.differences)), miss)
    return tuple(kinds.values())[:limit]


def _miss(exchange: Exchange, failing: Pattern, asked: int, work: Work) -> Miss:
    work.spend(_COMPARISON * len(failing))
    differences = tuple(Difference(one.field, one.expected, one.actual(exchange)) for one in failing)
    distance = sum(1 - _likeness(difference) for difference in differences) / asked
    return Miss(exchange, round(distance, 4), differences)


def _likeness(difference: Difference) -> float:
    wanted, actual = _plain(difference.expected), _plain(difference.actual)
    return 0.99 * likeness(wanted[:_COMPARED_LENGTH], actual[:_COMPARED_LENGTH])


def _plain(value: Any) -> str:
    """Return the text that a value is about, without the words and brackets around it."""
    if isinstance(value, Mapping):
        return " ".join(map(_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return " ".join(map(_plain, value))
    return str(value)


# -- verification ----------------------------------------------------------------------------------------------------

_LISTED: Final = 10
_LONGEST_VALUE: Final = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a verification: what was expected, what there was, and if it failed, what came nearest."""

    passed: bool
    expected: str
    actual: str
    wanted: Any
    found: Sequence[Exchange] = ()
    misses: Sequence[Miss] = ()
    notes: Sequence[str] = ()

    def json(self) -> dict[str, Any]:
        """Return it as JSON data; `nearMisses` has WireMock's shape."""
        return {
            "passed": self.passed,
            "expected": self.expected,
            "actual": self.actual,
            "matching": [exchange.id for exchange in self.found],
            "nearMisses": [self._near_miss(miss) for miss in self.misses],
            "notes": list(self.notes),
            "message": self.text(),
        }

    def text(self) -> str:
        """Return it for reading."""
        if self.passed:
            return "\n".join([f"As expected: {self.expected}; {self.actual}.", *self.notes])
        lines = [f"Expected {self.expected}, but {self.actual}.", *self.notes, f"Wanted: {_json_text(self.wanted)}"]
        lines += ["Matching:", *(f"  {_line(one)}" for one in self.found[:_LISTED])] if self.found else []
        lines += ["Nearest misses:"] if self.misses else []
        for miss in self.misses:
            lines.append(f"  {_line(miss.exchange)}")
            lines += [f"    {field}: expected {_json_text(e)}, was {_json_text(a)}" for field, e, a in miss.differences]
        return "\n".join(lines)

    def _near_miss(self, miss: Miss) -> dict[str, Any]:
        exchange = miss.exchange
        return {
            "request": {"id": exchange.id, **request_json(exchange)},
            "requestPattern": self.wanted,
            "matchResult": {"distance": miss.distance},
            "mock": {
                "status": exchange.seen_status,
                "reason": exchange.story.reason,
                "differences": [
                    {"field": field, "expected": expected, "actual": _shown(actual)}
                    for field, expected, actual in miss.differences
                ],
            },
        }


def _line(exchange: Exchange) -> str:
    return sendable(
        f"{exchange.id} {exchange.method} {exchange.target} -> {outcome(exchange)} ({exchange.story.reason})"
    )


def _json_text(value: Any) -> str:
    return orjson.dumps(_shown(value)).decode()


def _shown(value: Any) -> Any:
    """Return a value short enough to read and fit for JSON."""
    if isinstance(value, str):
        return sendable(value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…")
    if isinstance(value, Mapping):
        return {sendable(str(name)): _shown(part) for name, part in value.items()}
    return [_shown(part) for part in value] if isinstance(value, (list, tuple)) else value


class Times(NamedTuple):
    """How often something is expected."""

    least: int
    most: int | None

    def holds(self, number: int) -> bool:
        """Tell whether a number is as expected."""
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        if self.least == self.most:
            return f"exactly {self.least}"
        return f"{self.least} to {self.most}" if self.least else f"at most {self.most}"


_TIMES: Final = ("exactly", "expectedCount", "atLeast", "atMost")
_EXAMPLE: Final = 'write e.g. {"count": {"request": {"op": "replace", "path": "/Emails"}, "exactly": 1}}'
_MISNAMED: Final = dict.fromkeys(("pattern", "request", "requestPattern", "times"), _EXAMPLE)


def _read_times(fields: Mapping[str, Any], place: str) -> Times:
    numbers = {word: _whole(fields[word], below(place, word)) for word in _TIMES if word in fields}
    exact = [word for word in ("exactly", "expectedCount") if word in numbers]
    if exact and len(numbers) > 1:
        raise UsageError(f"{exact[0]} goes with no other number", place=place, hint="or write atLeast and atMost")
    if exact:
        return Times(numbers[exact[0]], numbers[exact[0]])
    times = Times(numbers.get("atLeast", 0 if "atMost" in numbers else 1), numbers.get("atMost"))
    if times.most is not None and times.least > times.most:
        raise UsageError("atLeast is more than atMost", place=place, hint="swap them")
    return times


def _whole(value: Any, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError("is not a count", place=place, hint="write a whole number from 0")
    return value


def verify(
    spec: Any, exchanges: Iterable[Exchange], tree: MemberTree, *, dropped: int = 0, work: Work | None = None
) -> Verdict:
    """Tell whether exchanges, given in order of arrival, are as expected; raise UsageError for a spec that can't be.

    A spec is `{"count": {"request": pattern, "exactly" | "atLeast" | "atMost": n}}`, a bare pattern with
    `expectedCount`, `{"sequence": [pattern, …], "strict": bool}` or `{"event": {…}, "exactly" | …: n}`. Without a
    number, once or more is meant. `dropped` says how many exchanges the journal has lost.
    """
    arrived, work = list(exchanges), work or Work()
    work.spend_on_reading(spec)
    verdict = _verdict(spec, arrived, tree, work)
    notes = [*verdict.notes, *(("The journal is empty.",) if not arrived and not verdict.passed else ())]
    if dropped:
        notes.append(f"The journal has dropped {dropped} older exchanges, which can't be counted.")
    return replace(verdict, notes=notes)


def _verdict(spec: Any, arrived: Sequence[Exchange], tree: MemberTree, work: Work) -> Verdict:
    kinds = [kind for kind in ("count", "sequence", "event") if isinstance(spec, Mapping) and kind in spec]
    if len(kinds) > 1:
        raise UsageError(f"{kinds[0]} and {kinds[1]} exclude each other", hint="verify them one after the other")
    if kinds == ["sequence"]:
        return _verify_sequence(read_object(spec, "", ("sequence", "strict")), arrived, work)
    if kinds == ["event"]:
        fields = read_object(spec, "", ("event", *_TIMES))
        pattern = read_event(fields["event"], tree)
        return _verify_count(pattern, fields["event"], _read_times(fields, ""), arrived, work)
    if kinds == ["count"]:
        fields = read_object(_counted(spec), "count", ("request", *_TIMES))
        pattern = read_pattern(fields.get("request"), "count.request", work)
        return _verify_count(pattern, fields["request"], _read_times(fields, "count"), arrived, work)
    known = ("count", "sequence", "event", *PATTERN_FIELDS, *_TIMES)
    fields = read_object(spec, "", known, {**REFUSED_FIELDS, **_MISNAMED})
    wanted = {name: value for name, value in fields.items() if name not in _TIMES}
    return _verify_count(read_pattern(wanted, work=work), wanted, _read_times(fields, ""), arrived, work)


def _counted(spec: Mapping[str, Any]) -> Any:
    if not isinstance(spec["count"], Mapping):
        raise UsageError("is not an object", place="count", hint=_EXAMPLE)
    if beside := [name for name in spec if name != "count"]:
        raise UsageError(f"{beside[0]!r} can't stand beside count", hint=_EXAMPLE)
    return spec["count"]


def _verify_count(pattern: Pattern, wanted: Any, times: Times, arrived: Sequence[Exchange], work: Work) -> Verdict:
    found = matching(pattern, arrived, work)
    passed = times.holds(len(found))
    misses = near_misses(pattern, arrived, work=work) if len(found) < times.least else ()
    plural = "" if (times.least if times.most is None else times.most) == 1 else "s"
    there = f"there {'was' if len(found) == 1 else 'were'} {len(found) or 'none'}"
    return Verdict(passed, f"{times} matching request{plural}", there, wanted, found, misses)


def _verify_sequence(fields: Mapping[str, Any], arrived: Sequence[Exchange], work: Work) -> Verdict:
    steps, strict = fields["sequence"], read_boolean(fields.get("strict", False), "strict")
    if not isinstance(steps, list) or not steps:
        raise UsageError("is not a list of patterns", place="sequence", hint='write one such as [{"op": "add"}, {…}]')
    patterns = [read_pattern(step, f"sequence[{index}]", work) for index, step in enumerate(steps)]
    found, end = (_followed_directly if strict else _followed)(patterns, arrived, work)
    expected = f"{len(steps)} requests in this order{', with no other between' if strict else ''}"
    if len(found) == len(steps):
        return Verdict(True, expected, "they came", steps, found)
    missing = patterns[len(found)]
    misses = near_misses(missing, arrived[end : end + 1 if strict and found else None], work=work)
    early = [f"It came earlier: {_line(one)}" for one in matching(missing, arrived[:end], work)[-1:]]
    actual = f"step {len(found) + 1} did not {'follow' if found else 'come'}"
    return Verdict(False, expected, actual, steps[len(found)], found, misses, early)


def _followed(patterns: Sequence[Pattern], arrived: Sequence[Exchange], work: Work) -> tuple[list[Exchange], int]:
    """Return the exchanges that meet the patterns in turn, as far as they do, and where the search ended."""
    found: list[Exchange] = []
    end = 0
    for pattern in patterns:
        index = next((index for index in range(end, len(arrived)) if matches(pattern, arrived[index], work)), None)
        if index is None:
            break
        found.append(arrived[index])
        end = index + 1
    return found, end


def _followed_directly(
    patterns: Sequence[Pattern], arrived: Sequence[Exchange], work: Work
) -> tuple[list[Exchange], int]:
    """Return the longest run of exchanges that meets the first patterns, and where it ended."""
    length = end = 0
    for start in range(len(arrived)):
        pairs = zip(patterns, range(start, len(arrived)), strict=False)
        run = sum(1 for _ in takewhile(lambda pair: matches(pair[0], arrived[pair[1]], work), pairs))
        if run > length:
            length, end = run, start + run
    return list(arrived[end - length : end]), end
