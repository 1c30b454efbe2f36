"""A report that is written when the run is over: what it has been told until then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.matrix import CaseOutcome, FactRow, fact_rows
from mockserver.verify.reports.sentences import Lead, lead_of

# The worst first; what could not be asked takes nothing from a fact that held elsewhere.
ORDER = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED, Verdict.HELD, Verdict.NOT_VERIFIABLE)


class CollectedReport(ABC):
    """Collects the events of a run, and calls `finish` when it is over."""

    def __init__(self) -> None:
        self.cases: list[CaseFinished] = []
        self.stages: list[StageFinished] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self.run = event
        elif isinstance(event, CaseFinished):
            self.cases.append(event)
        elif isinstance(event, StageFinished):
            self.stages.append(event)
        elif isinstance(event, RunFinished):
            self.finish(event)

    @abstractmethod
    def finish(self, end: RunFinished) -> None:
        """Write the report."""

    @cached_property
    def facts(self) -> list[FactRow]:
        """The facts of the page with the verdicts of this run; asked for once it is over."""
        rows = (CaseOutcome(case.id, case.verdict, case.fact, case.stage) for case in self.cases)
        return fact_rows(rows, ORDER, Verdict.HELD)

    @property
    def lead(self) -> Lead:
        """The verdict in one sentence."""
        broken = sum(row.verdict == Verdict.BROKEN for row in self.facts)
        return lead_of(self.run, self.cases, self.stages, broken)
