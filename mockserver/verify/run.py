"""A whole verification: the stages, one after the other, told to a reporter as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from mockserver.errors import CommandError, UsageError
from mockserver.package import shipped
from mockserver.verify.calls import Bench, Verdict
from mockserver.verify.contract import Contract
from mockserver.verify.drawn.guarded import drawn, guarded_case
from mockserver.verify.drawn.schemathesis import GeneratedRunner, generate, require_schemathesis
from mockserver.verify.drawn.walk import Walker
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished, StageStarted, Tally
from mockserver.verify.http_session import TimeOver
from mockserver.verify.rules.every_answer import CASE, FACT, TITLE, look_at_answers
from mockserver.verify.rules.playing import RuleRunner
from mockserver.verify.rules.reading import Rule, chosen, load_rules, matches
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.request_plan import NEVER_WROTE, Case, RequestPlan, held_back, rule_case
from mockserver.verify.target.targets import Target
from mockserver.verify.target.vetting import Leave

STAGES = ("rules", "model", "generated")
DEFAULT_SEED = 20240501
DEFAULT_EXAMPLES = 50
# Failures of one stage that are worth showing; a server this broken needs no more.
MOST_FAILURES = 25
Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a verification does; `time_s` bounds the whole run, `thin` keeps one generated case of so many.

    The seed says which ones. On a target, cases in `tolerated` need not hold; `complete`: a run whose plan leaves cases
    out for want of budget or time answers 3.
    """

    stages: tuple[str, ...] = STAGES
    seed: int = DEFAULT_SEED
    max_examples: int = DEFAULT_EXAMPLES
    time_s: float | None = None
    only: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    thin: int = 1
    rules: Path | None = None
    complete: bool = False
    tolerated: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """The stages to run: a named rule is what the user wants to see, and nothing else."""
        return ("rules",) if self.only or self.tags else self.stages

    def loaded(self, dialect: str, *, strict: bool = True) -> list[Rule]:
        """Return the rules of a dialect that are asked for."""
        rules = load_rules(self.rules or shipped("contracts") / "rules", dialect, self.seed)
        if self.tolerated:
            chosen(rules, [name for name in self.tolerated if name != CASE], (), flag="--tolerate")
        return chosen(rules, self.only, self.tags, strict=strict)


def verify(
    bench: Bench, contract: Contract, plan: Plan, report: Report, *, target: str = "mock", further: Sequence[Bench] = ()
) -> int:
    """Run the stages and return the exit code: 0 all held, 1 something is broken, 3 no answer.

    `further` are benches of the same server in other dialects, of which only the rules are asked.
    Raises UsageError for a plan that can't be carried out, before anything is sent.
    """
    tally = Tally()
    first = _Run(bench=bench, contract=contract, plan=plan, report=report, tally=tally)
    rules = replace(first, plan=replace(plan, stages=("rules",)))
    others = further if "rules" in plan.asked else ()
    runs = [first, *(replace(rules, bench=other, label=f"-{other.dialect}") for other in others)]
    for run in runs:
        run.prepare()
    return _carried_out(runs, tally, report, target)


def verify_target(run: GuardedRun, requests: RequestPlan, contract: Contract, plan: Plan, report: Report) -> int:
    """Play the plan of a run on a target and return the exit code, as `verify` does; the run is open already."""
    tally = Tally()
    run.session.limit = requests.announced
    planned = _PlannedRun(
        bench=run.bench(), contract=contract, plan=plan, report=report, tally=tally, guarded=run, requests=requests
    )
    return _carried_out([planned], tally, report, run.target.name, requests.words)


def cases_of(target: Target, contract: Contract, plan: Plan) -> list[Case]:
    """Return every case of a plan that can be played to a target, whatever its budget allows."""
    _check_stages(plan.asked, isolated=False)
    cases = list[Case]()
    if "rules" in plan.asked:
        if not (target.mock or plan.only or plan.tags):
            cases.append(Case(CASE, "rules", TITLE, lambda bench, _: look_at_answers(bench, contract), "page", FACT))
        cases += [rule_case(rule, contract) for rule in plan.loaded(target.dialect)]
    if "generated" in plan.asked:
        few = drawn(contract, DryRun(target, contract, Leave()).bench(), plan.seed, plan.max_examples)
        cases += [guarded_case(case, contract, plan.seed) for case in few]
    return cases


def _carried_out(
    runs: Sequence[_Run], tally: Tally, report: Report, target: str, words: Callable[..., str] = lambda *_: ""
) -> int:
    started = monotonic()
    dialects = ", ".join(run.bench.dialect for run in runs)
    report(RunStarted(target, dialects, runs[0].plan.seed, runs[0].bench.is_mock, words()))
    try:
        for run in runs:
            for stage in run.plan.asked:
                run.stage(stage, started)
    finally:
        # Also after Ctrl-C or a profile that was not restored: what was found until then is worth keeping.
        seconds, sent = monotonic() - started, sum(run.bench.session.used for run in runs)
        report(RunFinished(tally.verdicts, sent, seconds, words(len(tally.facts))))
    return tally.exit_code


def _check_stages(stages: Sequence[str], *, isolated: bool) -> None:
    if unknown := [stage for stage in stages if stage not in STAGES]:
        raise UsageError(f"there is no stage {unknown[0]!r}", place="--stage", hint=f"write one of {', '.join(STAGES)}")
    if "generated" in stages:
        require_schemathesis()
    if not isolated and "model" in stages:
        why = "the stage 'model' changes several profiles at random, which only a mock may bear"
        hint = "run it against the mock, and --stage rules or --stage generated against this target"
        raise UsageError(why, place="--stage", hint=hint)


@dataclass(kw_only=True)
class _Run:
    bench: Bench
    contract: Contract
    plan: Plan
    report: Report
    tally: Tally
    label: str = ""

    def prepare(self) -> None:
        _check_stages(self.plan.asked, isolated=self.bench.isolated)
        # In a further dialect a named rule may be missing, and what every dialect shares has been asked.
        rules = self.plan.loaded(self.bench.dialect, strict=not self.label)
        self.rules = [rule for rule in rules if not (rule.once and self.label)]

    def stage(self, name: str, run_started: float) -> None:
        started, before, stopped = monotonic(), self.bench.session.used, ""
        total, outcomes = self._outcomes(name)
        label = f"{name}{self.label}"
        self.report(StageStarted(label, total))
        told: list[Verdict] = []
        try:
            for outcome in outcomes:
                told.append(outcome.verdict)
                self._tell(replace(outcome, stage=label))
                if stopped := self._enough(name, told, run_started):
                    break
        except TimeOver as end:
            stopped = end.problem
        except (CommandError, KeyboardInterrupt) as end:
            stopped = end.problem if isinstance(end, CommandError) else "interrupted"
            title = "The run comes to its end"
            self._tell(CaseFinished(label, f"{label}-broken-off", title, Verdict.INCONCLUSIVE, (stopped,)))
            raise
        finally:
            sent = self.bench.session.used - before
            self._tell(StageFinished(label, len(told), sent, monotonic() - started, stopped))

    def _enough(self, name: str, told: Sequence[Verdict], run_started: float) -> str:
        """Return why the stage ends here, or nothing."""
        if self.plan.time_s is not None and monotonic() - run_started > self.plan.time_s:
            return f"the time of {self.plan.time_s:g} s is over"
        failures = told.count(Verdict.BROKEN)
        return f"{failures} failures are enough" if name != "rules" and failures >= MOST_FAILURES else ""

    def _tell(self, event: Event) -> None:
        self.tally.add(event)
        self.report(event)

    def _outcomes(self, name: str) -> tuple[int, Iterator[CaseFinished]]:
        if name == "rules":
            runner = RuleRunner(self.bench, self.contract, seed=self.plan.seed)
            return len(self.rules), (runner.run(rule) for rule in self.rules)
        if name == "model":
            amount = max(self.plan.max_examples, 1)
            return amount, Walker(self.bench, self.contract, self.plan.seed).walks(amount)
        cases = generate(self.contract, self.bench.profiles[0], self.plan.seed, self.plan.max_examples)
        kept = cases[self.plan.seed % self.plan.thin :: self.plan.thin]
        return len(kept), map(GeneratedRunner(self.bench, self.contract, self.plan.seed).run, kept)


@dataclass(kw_only=True)
class _PlannedRun(_Run):
    """A run on a target: the cases of its plan, then what the plan does not ask, each with the reason."""

    guarded: GuardedRun
    requests: RequestPlan

    def _enough(self, name: str, told: Sequence[Verdict], run_started: float) -> str:
        return self.guarded.session.stopped or super()._enough(name, told, run_started)

    def _outcomes(self, name: str) -> tuple[int, Iterator[CaseFinished]]:
        return sum(row.case.stage == name for row in self.requests.chosen), self._played(name)

    def _played(self, stage: str) -> Iterator[CaseFinished]:
        plan, everyday = self.requests, tuple[str, ...]()
        for case in (row.case for row in plan.chosen if row.case.stage == stage):
            if reason := held_back(case, self.guarded, self.contract):
                yield _not_asked(case, reason)
                continue
            outcome = case.play(self.bench, everyday)
            everyday = outcome.problems if case.id == CASE else everyday
            forgiven = outcome.verdict is Verdict.BROKEN and any(matches(case.id, name) for name in self.plan.tolerated)
            yield replace(outcome, verdict=Verdict.TOLERATED) if forgiven else outcome
        yield from (_not_asked(case, why) for case, why in plan.not_asked() if case.stage == stage)
        if stage == self.plan.asked[-1]:
            yield from self._shortcomings(stage)

    def _shortcomings(self, stage: str) -> Iterator[CaseFinished]:
        """Yield what keeps a run from being an answer, though nothing of it is broken."""
        if self.requests.never_wrote(self.guarded):
            yield CaseFinished(stage, "nothing-written", "The run writes", Verdict.INCONCLUSIVE, (NEVER_WROTE,))
        if self.plan.complete and self.requests.left:
            why = f"{self.requests.words()}; {self.requests.too_small}"
            yield CaseFinished(stage, "cases-left-out", "The run asks everything", Verdict.INCONCLUSIVE, (why,))


def _not_asked(case: Case, why: str) -> CaseFinished:
    return CaseFinished(
        case.stage, case.id, case.title, Verdict.NOT_VERIFIABLE, (why,), source=case.source, fact=case.fact
    )
