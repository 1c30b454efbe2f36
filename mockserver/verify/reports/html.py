"""The run as one page: the verdict, each fact of the vendor's page, each failure with what is needed to act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, RunFinished
from mockserver.verify.reports.collected import ORDER, CollectedReport
from mockserver.verify.reports.exchange import Shown, last_patch
from mockserver.verify.reports.page import rendered
from mockserver.verify.reports.sentences import again, todo

# Of a long walk the end is what failed.
_MOST_EXCHANGES = 12


class HtmlReport(CollectedReport):
    """Has the page written when the run is over."""

    def __init__(self, write: Callable[[str], object], shown: Shown) -> None:
        super().__init__()
        self._write = write
        self._shown = shown

    def finish(self, end: RunFinished) -> None:
        self._write(self._page(end))

    def _page(self, end: RunFinished) -> str:
        run, done = self.run, f"{end.requests} requests in {end.seconds:.1f} s"
        opened = sorted(self._not_held(), key=lambda case: ORDER.index(case.verdict))
        return rendered(
            Path(__file__).with_name("run.html"),
            title=f"Verification of {run.target}",
            lead=self.lead,
            meta=(f"dialect {run.dialect}", f"seed {run.seed}", done, end.words),
            facts=self.facts,
            verdicts=ORDER,
            good=(Verdict.HELD,),
            run=run,
            end=end,
            stages=self.stages,
            counts=Counter((case.stage, case.verdict) for case in self.cases),
            entries=opened,
            entry_counts=Counter(case.verdict for case in opened),
            held_cases={stage.stage: self._held(stage.stage) for stage in self.stages},
            shown=self._shown,
            todo=todo,
            again=again,
            last_patch=last_patch,
            most=_MOST_EXCHANGES,
        )

    def _not_held(self) -> list[CaseFinished]:
        return [case for case in self.cases if case.verdict is not Verdict.HELD]

    def _held(self, stage: str) -> list[CaseFinished]:
        return [case for case in self.cases if case.stage == stage and case.verdict is Verdict.HELD]
