"""A run that is over, as reports tell it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.matrix import FactRow, fact_rows
from mockserver.verify.reports.sentences import Lead, lead_of

# The worst first; what could not be asked takes nothing from a fact that held elsewhere.
ORDER = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED, Verdict.HELD, Verdict.NOT_VERIFIABLE)


class WholeRun:
    """The events of one run by their kinds."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        [self.start] = [event for event in events if isinstance(event, RunStarted)]
        [self.end] = [event for event in events if isinstance(event, RunFinished)]
        self.cases = [event for event in events if isinstance(event, CaseFinished)]
        self.stages = [event for event in events if isinstance(event, StageFinished)]

    @cached_property
    def facts(self) -> list[FactRow]:
        """The facts of the page with the verdicts of this run."""
        return fact_rows(((case.id, case.verdict, case.fact, case.stage) for case in self.cases), ORDER, Verdict.HELD)

    @property
    def lead(self) -> Lead:
        """The verdict in one sentence."""
        broken = sum(row.verdict == Verdict.BROKEN for row in self.facts)
        return lead_of(self.start, self.cases, self.stages, broken)
