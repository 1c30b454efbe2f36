"""What a run on a target will send: its cases in the order of their worth, as many as budget and time allow.

A dry run shows the plan and a live run plays it, so that both speak of the same requests.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, NamedTuple

from mockserver.verify.calls import Bench, Call, Key, Verdict
from mockserver.verify.contract import Contract
from mockserver.verify.events import CaseFinished
from mockserver.verify.rules.every_answer import CASE as EVERY_ANSWER
from mockserver.verify.rules.playing import RuleRunner
from mockserver.verify.rules.reading import SOURCES, Rule
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.session import READING
from mockserver.verify.target.targets import RESERVE, Target
from mockserver.verify.target.vetting import Leave, could_change

# Two tests that prove that a restore could be guarded.
PROOF = 2
# One request in ten more than the prediction takes: another profile than the contract's example, a reading repeated.
SLACK = 10
# What add, replace, remove and test do is worth more than any other fact: it is what a client comes for.
OPERATIONS, OPERATION_WORTH = "operation.supported.", 15
NEVER_WROTE = "--write was given, and no case changed the profile: see why none could"


class Case(NamedTuple):
    """One case: what it rests on, and how it is played to a bench, given the problems of every answer."""

    id: str
    stage: str
    title: str
    play: Callable[[Bench, Collection[str]], CaseFinished]
    source: str = ""
    fact: tuple[str, ...] = ()
    changes: bool = False


def rule_case(rule: Rule, contract: Contract, keys: Sequence[Key] = ()) -> Case:
    """Return the case of a rule; `keys` are the profiles that it may see, if not all."""

    def play(bench: Bench, everyday: Collection[str]) -> CaseFinished:
        bench = replace(bench, profiles=tuple(keys) or bench.profiles)
        return RuleRunner(bench, contract, everyday).run(rule)

    return Case(rule.id, "rules", rule.title, play, rule.source, rule.fact, rule.changes)


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A case as it was played to nobody; `held` says why it can't be asked here, nothing if it can."""

    case: Case
    held: str
    calls: tuple[Call, ...]
    requests: int


def rehearsed(case: Case, dry: DryRun) -> PlannedCase:
    """Play a case to nobody."""
    held = ""
    try:
        outcome = case.play(dry.bench(), ())
        held = outcome.problems[-1] if outcome.verdict is Verdict.NOT_VERIFIABLE else ""
    except LookupError:
        pass  # the prediction came to its end; the case itself will tell
    return PlannedCase(case, held, tuple(dry.calls), dry.used)


def held_back(case: Case, run: GuardedRun, contract: Contract) -> str:
    """Return why a case can't be played to the profile as it is, before anything of it is sent; nothing if it can."""
    return rehearsed(case, DryRun(run.target, contract, run.leave, run.profiles)).held


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """The plan of a run. `chosen` are played in this order; `left` did not fit; `held` can't be asked here."""

    target: Target
    write: bool
    time_s: float | None
    chosen: tuple[PlannedCase, ...]
    left: tuple[PlannedCase, ...]
    held: tuple[PlannedCase, ...]

    def not_asked(self) -> Iterator[tuple[Case, str]]:
        """Yield each case that is not asked, and why."""
        for row in (*self.left, *self.held):
            yield row.case, row.held or f"left out: {self.too_small}"

    @property
    def announced(self) -> int:
        """How many requests a run sends at most, unless a restore takes several attempts."""
        return _requests(self.target, self.chosen, write=self.write)

    @property
    def facts(self) -> tuple[int, int]:
        """How many facts of the page are asked, and how many could be, with budget and time enough."""
        asked = _facts(self.chosen)
        return len(asked), len(asked | _facts(self.left))

    def words(self, answered: int | None = None) -> str:
        """Say in one line how many facts are asked, or how many were answered in the end, and what is left out."""
        asked, of = self.facts
        left = f", {len(self.left)} of {len(self.left) + len(self.chosen)} cases left out" if self.left else ""
        return f"{asked if answered is None else answered} of {of} facts asked{left}"

    @property
    def too_small(self) -> str:
        """Return what to write instead of a budget or a time that leaves cases out, nothing if none is left out."""
        if not self.left:
            return ""
        need = _requests(self.target, (*self.chosen, *self.left), write=self.write)
        budget = need + _kept(write=self.write)
        words = [f"--budget {budget}"] if budget > self.target.budget else []
        seconds = ceil(need / self.target.rate + _kept_s(self.target, write=self.write))
        words += [f"--time {seconds}"] if self.time_s is not None and seconds > self.time_s else []
        return f"for all of them write {' and '.join(words)} ({_duration(need, self.target.rate)})"

    def never_wrote(self, run: GuardedRun) -> bool:
        """Say whether a run with leave to write changed nothing, though cases that change were asked for."""
        meant = any(row.case.changes for row in (*self.chosen, *self.held))
        return self.write and meant and not run.wrote and not any(row.case.changes for row in self.left)

    def lines(self, *, verbose: bool = False) -> Iterator[str]:
        """Yield the plan for people: no value of a patch and no alternate id is in it."""
        target, rate = self.target, self.target.rate
        changing = sum(any(map(could_change, row.calls)) for row in self.chosen)
        yield f"dry run: {self.words()}; nothing was sent to {target.base_url}, --live sends"
        seconds = _duration(self.announced, rate)
        yield f"  at most {self.announced} requests (budget {target.budget}), {seconds} at {rate:g} a second"
        yield f"  {len(self.chosen)} cases, of which {changing} change a profile and restore it"
        if changing:
            yield f"  up to {RESERVE} requests more, within the budget, if a restore takes several attempts"
        if self.left:
            yield f"  {self.too_small}"
        yield from by_reason(((row.case.id, row.held) for row in self.held), "not asked", verbose=verbose)
        for row in self.chosen if verbose else ():
            for call in row.calls:
                mark = "CHANGES " if could_change(call) else ""
                yield f"  {row.case.id}: {mark}{call.method} {target.label(call.key)} {_shown(call.body)}"
        if not verbose:
            yield "  --verbose lists every request"

    def as_json(self) -> dict[str, Any]:
        asked, of = self.facts
        return {
            "plan": list(self.lines(verbose=True)),
            "announced": self.announced,
            "seconds": ceil(self.announced / self.target.rate),
            "facts": {"asked": asked, "of": of},
            "cases": [row.case.id for row in self.chosen],
            "left": [row.case.id for row in self.left],
            "notAsked": {row.case.id: row.held for row in self.held},
        }


def make_plan(
    cases: Sequence[Case], target: Target, contract: Contract, *, write: bool, time_s: float | None = None
) -> RequestPlan:
    """Play each case to nobody, put them in the order of their worth, and cut that to budget and time."""
    leave = Leave.of(contract, write=write)
    rows = [rehearsed(case, DryRun(target, contract, leave)) for case in cases]
    chosen, left = list[PlannedCase](), list[PlannedCase]()
    most = _most(target, time_s, write=write)
    for row in _by_worth([row for row in rows if not row.held]):
        fits = _requests(target, [*chosen, row], write=write) <= most
        (chosen if fits else left).append(row)
    return RequestPlan(target, write, time_s, tuple(chosen), tuple(left), tuple(row for row in rows if row.held))


def by_reason(rows: Iterable[tuple[str, str]], what: str, *, verbose: bool) -> Iterator[str]:
    """Yield a line for each reason, and the names of its cases if they are wanted."""
    names = defaultdict[str, list[str]](list)
    for name, reason in rows:
        names[reason].append(name)
    for reason, found in sorted(names.items(), key=lambda row: -len(row[1])):
        yield f"  {what}: {len(found)} {'case' if len(found) == 1 else 'cases'}: {reason}"
        yield from (f"    {name}" for name in found if verbose)


def _by_worth(rows: Sequence[PlannedCase]) -> Iterator[PlannedCase]:
    """Yield first what tells of every answer, then each fact once, the most worth a request first, then the rest."""
    rest, asked = list(rows), set[str]()

    def worth(row: PlannedCase) -> float:
        if row.case.id == EVERY_ANSWER:
            return float("inf")
        new = set(row.case.fact) - asked
        return sum(OPERATION_WORTH if fact.startswith(OPERATIONS) else 1 for fact in new) / row.requests

    while rest and worth(best := max(rest, key=worth)):
        rest.remove(best)
        asked |= set(best.case.fact)
        yield best
    yield from sorted(rest, key=lambda row: (*SOURCES, "").index(row.case.source))


def _requests(target: Target, rows: Sequence[PlannedCase], *, write: bool) -> int:
    """Count the requests of cases one after the other, with those that begin and end a run, and some more."""
    proof = PROOF if write and not target.mock else 0
    around = len(target.keys) + proof + (len(target.keys) - 1 if write else 0)
    predicted = around + sum(row.requests for row in rows)
    return predicted + predicted // SLACK


def _most(target: Target, time_s: float | None, *, write: bool) -> float:
    if target.mock:
        return float("inf")
    within = float("inf") if time_s is None else int((time_s - _kept_s(target, write=write)) * target.rate)
    return min(target.budget - _kept(write=write), within)


def _kept(*, write: bool) -> int:
    return RESERVE + READING if write else 0


def _kept_s(target: Target, *, write: bool) -> float:
    return RESERVE / target.rate + 2 * target.settle_s if write else 0.0


def _facts(rows: Sequence[PlannedCase]) -> set[str]:
    return {fact for row in rows for fact in row.case.fact}


def _duration(requests: int, rate: float) -> str:
    seconds = ceil(requests / rate)
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _shown(body: bytes) -> str:
    try:
        operations = json.loads(body)
        return "; ".join(f"{row['op']} {row['path']}" for row in operations) or "no operations"
    except (ValueError, TypeError, KeyError):
        return f"a body of {len(body)} bytes"
