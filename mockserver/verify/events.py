"""What a verification run tells its reporters, as it happens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mockserver.verify.calls import Verdict
from mockserver.verify.conversation import Exchange


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; the seed gives the same run again. `words` says how much of a plan is asked, if there is one."""

    target: str
    dialect: str
    seed: int
    is_mock: bool
    words: str = ""


@dataclass(frozen=True, slots=True)
class StageStarted:
    """A stage begins; `total` is how many cases it means to ask."""

    stage: str
    total: int


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """A case came out.

    `fact` holds the places of what it rests on in contracts/page-facts.yaml. `problems` are sentences without values.
    `exchanges` are its requests, `smallest` the fewest operations that still fail, if that was found out. `ended` says
    whether it was played to its end.
    """

    stage: str
    id: str
    title: str
    verdict: Verdict
    problems: tuple[str, ...] = ()
    why: str = ""
    source: str = ""
    tags: tuple[str, ...] = ()
    seconds: float = 0.0
    exchanges: tuple[Exchange, ...] = ()
    smallest: tuple[object, ...] | None = None
    fact: tuple[str, ...] = ()
    ended: bool = True


@dataclass(frozen=True, slots=True)
class StageFinished:
    """A stage ended; `stopped` says why it did so early."""

    stage: str
    cases: int
    requests: int
    seconds: float
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended; `words` says how many facts of the page were asked, where there was a plan."""

    verdicts: Counter[Verdict]
    requests: int
    seconds: float
    words: str = ""


Event = RunStarted | StageStarted | CaseFinished | StageFinished | RunFinished


@dataclass
class Tally:
    """Counts verdicts and knows the exit code that they add up to."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    stopped: bool = False
    facts: set[str] = field(default_factory=set)

    def add(self, event: Event) -> None:
        if isinstance(event, CaseFinished):
            self.verdicts[event.verdict] += 1
            if event.verdict not in (Verdict.NOT_VERIFIABLE, Verdict.INCONCLUSIVE):
                self.facts |= set(event.fact)
        elif isinstance(event, StageFinished) and event.stopped:
            self.stopped = True

    @property
    def exit_code(self) -> int:
        """0 ok, 1 something is broken, 3 nothing is, but the run does not say that all is well."""
        if self.verdicts[Verdict.BROKEN]:
            return 1
        if self.verdicts[Verdict.INCONCLUSIVE] or self.stopped or not self.verdicts[Verdict.HELD]:
            return 3
        return 0
