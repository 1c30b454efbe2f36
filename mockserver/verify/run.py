"""A whole verification: the stages, one after the other, told to a reporter as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from mockserver.errors import CommandError, UsageError
from mockserver.package import shipped
from mockserver.verify.calls import Bench, Call, Reply, Session, Verdict
from mockserver.verify.contract import Contract
from mockserver.verify.drawn.guarded import GuardedGenerated, drawn
from mockserver.verify.drawn.schemathesis import GeneratedRunner, generate, require_schemathesis
from mockserver.verify.drawn.walk import Walker
from mockserver.verify.events import (
    CaseFinished,
    Event,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
    Tally,
)
from mockserver.verify.http_session import TimeOver
from mockserver.verify.rules.every_answer import look_at_answers
from mockserver.verify.rules.playing import RuleRunner
from mockserver.verify.rules.reading import chosen, load_rules
from mockserver.verify.target.session import NotSent, Stopped

STAGES = ("rules", "model", "generated")
DEFAULT_SEED = 20240501
DEFAULT_EXAMPLES = 50
# Failures of one stage that are worth showing; a server this broken needs no more.
MOST_FAILURES = 25
Report = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a verification does; `time_s` bounds the whole run, `thin` keeps one generated case of so many.

    The seed says which ones.
    """

    stages: tuple[str, ...] = STAGES
    seed: int = DEFAULT_SEED
    max_examples: int = DEFAULT_EXAMPLES
    time_s: float | None = None
    only: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    thin: int = 1
    rules: Path | None = None


def verify(
    bench: Bench,
    contract: Contract,
    plan: Plan,
    report: Report,
    *,
    target: str = "mock",
    further: Sequence[Bench] = (),
) -> int:
    """Run the stages and return the exit code: 0 all held, 1 something is broken, 3 no answer.

    `further` are benches of the same server in other dialects, of which only the rules are asked.
    Raises UsageError for a plan that can't be carried out, before anything is sent.
    """
    tally, started = Tally(), monotonic()
    runs = [_Run(bench, contract, plan, report, tally)]
    if "rules" in runs[0].stages:
        rules = replace(plan, stages=("rules",))
        runs += [_Run(other, contract, rules, report, tally, label=f"-{other.dialect}") for other in further]
    for run in runs:
        run.prepare()
    stages = tuple(f"{stage}{run.label}" for run in runs for stage in run.stages)
    dialects = ", ".join(run.bench.dialect for run in runs)
    report(RunStarted(target, dialects, plan.seed, stages, bench.is_mock))
    try:
        for run in runs:
            for stage in run.stages:
                run.stage(stage, started)
    finally:
        # Also after Ctrl-C or a profile that was not restored: what was found until then is worth keeping.
        report(RunFinished(tally.verdicts, sum(run.session.sent for run in runs), monotonic() - started))
    return tally.exit_code


@dataclass
class _CountingSession:
    """Counts the requests of a run."""

    session: Session
    sent: int = 0

    def send(self, call: Call) -> Reply:
        self.sent += 1
        try:
            return self.session.send(call)
        except (NotSent, Stopped):
            self.sent -= 1
            raise


class _Run:
    def __init__(
        self, bench: Bench, contract: Contract, plan: Plan, report: Report, tally: Tally, *, label: str = ""
    ) -> None:
        self.session = _CountingSession(bench.session)
        self.bench = replace(bench, session=self.session)
        self.contract = contract
        self.plan = plan
        self.report = report
        self.tally = tally
        self.label = label
        # A named rule is what the user wants to see, and nothing else.
        self.stages = ("rules",) if plan.only or plan.tags else plan.stages

    def prepare(self) -> None:
        if unknown := [stage for stage in self.stages if stage not in STAGES]:
            raise UsageError(
                f"there is no stage {unknown[0]!r}", place="--stage", hint=f"write one of {', '.join(STAGES)}"
            )
        directory = self.plan.rules or shipped("contracts") / "rules"
        rules = load_rules(directory, self.bench.dialect)
        # In a further dialect a named rule may be missing.
        self.rules = chosen(rules, self.plan.only, self.plan.tags, strict=not self.label)
        if "generated" in self.stages:
            require_schemathesis()
        if not self.bench.isolated and "model" in self.stages:
            raise UsageError(
                "the stage 'model' changes several profiles at random, which only a mock may bear",
                place="--stage",
                hint="run it against the mock, and --stage rules or --stage generated against this target",
            )

    def stage(self, name: str, run_started: float) -> None:
        started, before, stopped = monotonic(), self.session.sent, ""
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
            self._tell(_broken_off(label, stopped))
            raise
        finally:
            self._tell(StageFinished(label, len(told), self.session.sent - before, monotonic() - started, stopped))

    def _enough(self, name: str, told: Sequence[Verdict], run_started: float) -> str:
        """Return why the stage ends here, or nothing."""
        if self.plan.time_s is not None and monotonic() - run_started > self.plan.time_s:
            return f"the time of {self.plan.time_s:g} s is over"
        failures = told.count(Verdict.BROKEN)
        return f"{failures} failures are enough" if name != "rules" and failures >= MOST_FAILURES else ""

    def _tell(self, event: Event) -> None:
        self.tally.add(event)
        self.report(event)

    def _rules_outcomes(self) -> tuple[int, Iterator[CaseFinished]]:
        if self.bench.is_mock or self.plan.only or self.plan.tags:
            runner = RuleRunner(self.bench, self.contract)
            return len(self.rules), (runner.run(rule) for rule in self.rules)
        return len(self.rules) + 1, self._rules_of_a_real_target()

    def _rules_of_a_real_target(self) -> Iterator[CaseFinished]:
        always = look_at_answers(self.bench, self.contract)
        yield always
        runner = RuleRunner(self.bench, self.contract, always.problems)
        yield from (runner.run(rule) for rule in self.rules)

    def _outcomes(self, name: str) -> tuple[int | None, Iterator[CaseFinished]]:
        if name == "rules":
            return self._rules_outcomes()
        if name == "model":
            amount = max(self.plan.max_examples, 1)
            return amount, Walker(self.bench, self.contract, self.plan.seed).walks(amount)
        if not self.bench.isolated:
            few = drawn(self.contract, self.bench, self.plan.seed, self.plan.max_examples)
            guarded = GuardedGenerated(self.bench, self.contract, self.plan.seed)
            return len(few), (guarded.run(case) for case in few)
        cases = generate(self.contract, self.bench.profiles[0], self.plan.seed, self.plan.max_examples)
        kept = cases[self.plan.seed % self.plan.thin :: self.plan.thin]
        generated = GeneratedRunner(self.bench, self.contract, self.plan.seed)
        return len(kept), (generated.run(case) for case in kept)


def _broken_off(stage: str, why: str) -> CaseFinished:
    """Return a case that tells every report what ended the run before its time."""
    title = "The run comes to its end"
    return CaseFinished(stage, f"{stage}-broken-off", title, Verdict.INCONCLUSIVE, (why,))
