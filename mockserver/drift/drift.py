"""The same cases sent to two targets that hold the same profile: where do their answers part?

The profile is read from the one side and loaded into the other, which is a mock. Each case is a rule of the contract's
rule files, so that for each difference it can be said which side does what the contract and its rules say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mockserver.drift.compare import Comparison, Difference, Kind
from mockserver.drift.findings import (
    NOTHING_WRITTEN,
    PROFILE,
    CaseResult,
    DriftReport,
    Finding,
    ShownExchange,
    sameness,
)
from mockserver.drift.known import Known
from mockserver.errors import CommandError, Inconclusive
from mockserver.verify.calls import Key, Reply, Verdict
from mockserver.verify.checks import reply_problems
from mockserver.verify.contract import Shape
from mockserver.verify.conversation import Exchange, is_old
from mockserver.verify.events import CaseFinished
from mockserver.verify.mock_process import load_profiles
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.rules.reading import Rule
from mockserver.verify.target.guarded_run import GuardedRun, Progress
from mockserver.verify.target.request_plan import Case, RequestPlan, held_back
from mockserver.verify.target.restore import profile_of
from mockserver.verify.target.session import TargetSession, Throttled
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo import canonical

STAMP, SET_ANEW = "stamp of a change", "set anew"
_EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d")


@dataclass
class Drift:
    """One comparison. `run` is the side whose profile is used, `mock` the other one, which takes it on.

    `mock_is_left` says which side the mock is in reports.
    """

    run: GuardedRun
    mock: Target
    comparison: Comparison
    report: DriftReport
    mock_is_left: bool

    def __post_init__(self) -> None:
        self.bench = self.run.bench()
        mock = self.mock.bench(TargetSession(self.mock))
        self.mock_bench = replace(mock, absent=self.bench.absent, reads_by_get=self.bench.reads_by_get)
        self.contract = self.comparison.contract
        self.shown = Shown(self.contract, openly=False, redact=self.comparison.show)

    def compare(
        self, plan: RequestPlan, rules: Sequence[Rule], known: Sequence[Known], progress: Progress | None = None
    ) -> DriftReport:
        """Play the plan's cases on both sides, unless something stops the run; the report says what.

        `known` is drift that does not count; `progress` counts the cases that are played.
        """
        session = self.run.session
        named = {rule.id: rule for rule in rules}
        session.limit = plan.announced
        try:
            self._profiles()
            for number, row in enumerate(plan.chosen, 1):
                self.report.cases.append(self._case(row.case, named[row.case.id]))
                if progress:
                    progress(number, len(plan.chosen))
                if session.stopped:
                    raise Inconclusive(session.stopped)
        except CommandError as stop:
            self.report.stopped = stop
        self.report.requests = session.used
        ran = {case.id for case in self.report.cases if not case.not_run}
        answered = {fact for row in plan.chosen if row.case.id in ran for fact in row.case.fact}
        self.report.words = plan.words(len(answered))
        self.report.cases += [_result(named[case.id], not_run=why) for case, why in plan.not_asked()]
        if plan.never_wrote(self.run):
            self.report.cases.append(NOTHING_WRITTEN)
        self.report.cases = [_with_known(case, known) for case in self.report.cases]
        seen = {finding.known for case in self.report.cases for finding in case.findings}
        self.report.unseen = [entry for entry in known if entry not in seen]
        return self.report

    def _profiles(self) -> None:
        """Load the profiles, and say where the real ones are none of the contract's."""
        findings = []
        for key in self.run.target.keys:
            for problem in self.contract.problems(self.run.profiles[key], self.contract.schemas["UserProfile"]):
                place, _, what = problem.partition(" ")
                findings.append(self._finding(place, what))
        if refused := self._load(self.run.target.keys):
            findings.append(self._finding("", f"refused by the mock ({refused.partition(':')[0]})"))
        title = "The profile is what the contract says of it"
        self.report.cases.append(CaseResult(PROFILE, title, "page", findings=tuple(findings)))

    def _load(self, keys: Sequence[Key]) -> str:
        profiles = {key: conformed(self.run.profiles[key], self.contract.profile) for key in keys}
        return load_profiles(self.mock, profiles)

    def _finding(self, place: str, what: str) -> Finding:
        sides = self._sides("as in the contract", what)
        difference = Difference(Kind.BREAKING, "profile", self.comparison.show.pointer(place), *sides)
        return Finding(difference, (PROFILE,), "page", self.report.left if self.mock_is_left else self.report.right)

    def _case(self, case: Case, rule: Rule) -> CaseResult:
        if reason := held_back(case, self.run, self.contract):
            return _result(rule, not_run=reason)
        self._load(keys_of(rule, self.run.target))
        try:
            real = case.play(self.bench, ())
            mock = case.play(self.mock_bench, ())
        except Throttled as why:
            return _result(rule, not_run=why.problem, inconclusive=True)
        except LookupError:
            lost = "a profile was not left as the case's next step needs it"
            return _result(rule, not_run=lost, inconclusive=True)
        if real.verdict is Verdict.NOT_VERIFIABLE:
            return _result(rule, not_run=real.problems[-1])
        return self._compared(rule, mock, real)

    def _compared(self, rule: Rule, mock: CaseFinished, real: CaseFinished) -> CaseResult:
        found, compared = list(self._stamps(mock, real)), list[tuple[Exchange, Exchange]]()
        for ours, theirs in zip(mock.exchanges, real.exchanges, strict=False):
            if theirs.reply is None:
                break  # an answer that was lost says nothing
            compared.append((ours, theirs))
            found += self.comparison.replies(*self._sides(ours.reply, theirs.reply))
            if _outcome_of(ours.reply) != _outcome_of(theirs.reply):
                break  # from here on the two profiles may differ, and every answer with them
        everywhere = self._everywhere(mock, real)
        own = [row for row in found if sameness(row) not in everywhere]
        findings = [
            Finding(
                _judged(rule, row),
                (rule.id,),
                rule.source,
                self._who_stamps(row, mock) or self._agrees(mock, real, everyday=sameness(row) in everywhere),
            )
            for row in dict.fromkeys(found)
        ]
        if rule.source in ("assumed", "library") and not self.run.target.mock:
            self._judge_assumption(rule, mock, real, own)
        drifts = any(finding.counts for finding in findings)
        lost = real.verdict is Verdict.INCONCLUSIVE or (mock.ended and not real.ended and not drifts)
        cut = lost or not (drifts or mock.ended)
        why = next(reversed((*mock.problems, *real.problems)), "not played to its end") if cut else ""
        exchanges = tuple(self._shown_exchange(*pair) for pair in compared) if drifts else ()
        requests = len(real.exchanges)
        return _result(
            rule, findings=tuple(findings), not_run=why, inconclusive=lost, requests=requests, exchanges=exchanges
        )

    def _shown_exchange(self, mock: Exchange, real: Exchange) -> ShownExchange:
        answers = self._sides(self.shown.reply(mock), self.shown.reply(real))
        return ShownExchange(self.shown.request(real), *answers, self.shown.curl(real))

    def _stamps(self, mock: CaseFinished, real: CaseFinished) -> Iterator[Difference]:
        """Yield the stamps that one side sets anew and the other leaves: which time they show, nobody compares."""
        for place in self.comparison.volatile.places if self.run.target.dialect != "library" else ():
            ours, theirs = (_sets_anew(place, side) for side in (mock, real))
            if {ours, theirs} == {True, False}:
                words = (SET_ANEW if side else "left as it was" for side in self._sides(ours, theirs))
                yield Difference(Kind.DIFFERS, STAMP, self.comparison.show.pointer(place), *words)

    def _who_stamps(self, row: Difference, mock: CaseFinished) -> str:
        """Name the side that does as the page says of a stamp, nothing for any other difference."""
        if row.what != STAMP:
            return ""
        changed = len({canonical({**profile, "Edited": None}) for profile in _profiles(mock)}) > 1
        return self.report.left if (row.left == SET_ANEW) is changed else self.report.right

    def _everywhere(self, mock: CaseFinished, real: CaseFinished) -> set[tuple[str, ...]]:
        """Return what differs in plain reading already: it says nothing of the case."""
        if not (mock.exchanges and real.exchanges):
            return set()
        replies = self._sides(mock.exchanges[0].reply, real.exchanges[0].reply)
        return {sameness(row) for row in self.comparison.replies(*replies)}

    def _judge_assumption(self, rule: Rule, mock: CaseFinished, real: CaseFinished, own: Sequence[Difference]) -> None:
        if mock.verdict is not Verdict.HELD or real.verdict is Verdict.INCONCLUSIVE:
            return
        if not real.ended:
            return  # what was not asked to its end confirms nothing
        words = any(step.message is not None for step in rule.steps)
        parted = any(row.kind is not Kind.COSMETIC or (words and row.what == "error") for row in own)
        parted = parted or bool(set(real.problems) - self._always(real))
        row = f"{rule.id}: {rule.title} [{rule.source}]"
        (self.report.refuted if parted else self.report.confirmed).append(row)

    def _agrees(self, mock: CaseFinished, real: CaseFinished, *, everyday: bool) -> str:
        """Name the sides that do as the contract and the rule say; what each answer breaks is not the case's fault."""
        held = []
        for side in (mock, real):
            always = self._always(side)
            held.append(not always if everyday else not set(side.problems) - always)
        names = zip((self.report.left, self.report.right), self._sides(*held), strict=True)
        return " and ".join(name for name, right in names if right) or "neither"

    def _always(self, side: CaseFinished) -> set[str]:
        """Return what a side's plain reading breaks already."""
        first = side.exchanges[0] if side.exchanges else None
        if first is None or first.reply is None:
            return set()
        return set(reply_problems(first.call, first.reply, self.contract, self.run.target.dialect))

    def _sides(self, mock: Any, real: Any) -> tuple[Any, Any]:
        return (mock, real) if self.mock_is_left else (real, mock)


def _result(rule: Rule, **found: Any) -> CaseResult:
    return CaseResult(rule.id, rule.title, rule.source, rule.why, fact=rule.fact, **found)


def _sets_anew(place: str, side: CaseFinished) -> bool | None:
    """Say whether a side stamped during a case; None if that can't be told.

    Two stamps within a second are alike where seconds have no decimals.
    """
    profiles = _profiles(side)
    if not profiles:
        return None
    first, last = (_at(profile, place) for profile in (profiles[0], profiles[-1]))
    return first != last if is_old(first) or _EXACT.match(str(first)) else None


def _profiles(side: CaseFinished) -> list[dict[str, Any]]:
    """Return what a case showed of its first profile, in order."""
    rows = [row for row in side.exchanges if row.call.key == side.exchanges[0].call.key]
    return [profile for row in rows if row.reply and (profile := profile_of(row.reply))]


def _at(document: Any, pointer: str) -> Any:
    for segment in pointer.split("/")[1:]:
        document = document.get(segment) if isinstance(document, dict) else None
    return document


def conformed(value: Any, shape: Shape) -> Any:
    """Return a profile, or a part of it, with the contract's members only and all of them, so that a mock takes it."""
    if isinstance(value, dict) and shape.kind == "object":
        shown = {name: member for name, member in shape.members.items() if member.returned}
        return {name: conformed(value.get(name, member.empty), member) for name, member in shown.items()}
    if isinstance(value, list) and shape.item is not None:
        return [conformed(item, shape.item) for item in value]
    return value


def _judged(rule: Rule, difference: Difference) -> Difference:
    """Return the difference as what it is, given whose word the rule is.

    Where the contract is stricter than a server needs to be it is tolerated; where nobody told us, we guessed wrong.
    """
    if difference.kind not in (Kind.BREAKING, Kind.DIFFERS):
        return difference
    if "tolerated" in rule.tags:
        return difference._replace(kind=Kind.TOLERATED)
    return difference._replace(kind=Kind.ASSUMPTION) if rule.source == "assumed" else difference


def _outcome_of(reply: Reply | None) -> int:
    return 0 if reply is None else reply.status // 100


def _with_known(case: CaseResult, known: Sequence[Known]) -> CaseResult:
    def accepted(row: Difference) -> Known | None:
        return next((entry for entry in known if entry.covers(case.id, row.what, row.place)), None)

    return replace(case, findings=tuple(replace(one, known=accepted(one.difference)) for one in case.findings))


def keys_of(rule: Rule, target: Target) -> tuple[Key, ...]:
    """Return the profiles that a case may see: the one that it works on, and a second one where it needs that."""
    return target.keys[:2] if "neighbour" in rule.needs else target.keys[:1]
