"""The run as one page: each rule with its verdict, each failure with what is needed to see it again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.page import rendered

_ORDER = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED, Verdict.NOT_VERIFIABLE, Verdict.HELD)


class HtmlReport:
    """Collects the events and writes the page when the run is over."""

    def __init__(self, path: Path, shown: Shown) -> None:
        self._path = path
        self._shown = shown
        self._run: RunStarted | None = None
        self._cases: list[CaseFinished] = []
        self._stages: list[StageFinished] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._run = event
        elif isinstance(event, CaseFinished):
            self._cases.append(event)
        elif isinstance(event, StageFinished):
            self._stages.append(event)
        elif isinstance(event, RunFinished):
            self._path.write_text(self._page(event), encoding="utf-8", errors="replace")

    def _page(self, end: RunFinished) -> str:
        run = self._run
        assert run is not None, "a run starts before it ends"
        return rendered(
            Path(__file__).with_name("run.html"),
            title=f"Verification of {run.target}",
            run=run,
            end=end,
            verdicts=_ORDER,
            counts=Counter((case.stage, case.verdict) for case in self._cases),
            stages=self._stages,
            broken=[case for case in self._cases if case.verdict is Verdict.BROKEN],
            listed={stage.stage: self._listed(stage.stage) for stage in self._stages},
            shown=self._shown,
        )

    def _listed(self, stage: str) -> list[CaseFinished]:
        """Return the cases of a stage that are worth a row, the worst first: of rules all, of drawn ones the others."""
        cases = [case for case in self._cases if case.stage == stage]
        if not stage.startswith("rules"):
            cases = [case for case in cases if case.verdict is not Verdict.HELD]
        return sorted(cases, key=lambda case: _ORDER.index(case.verdict))
