"""The run on the terminal: how far it is, each failure as it comes, and a summary; and the same as text."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from io import StringIO
from typing import TextIO

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished, StageStarted
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.whole_run import WholeRun
from mockserver.verify.target.request_plan import by_reason

_SHOWN_VERDICTS = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED)
_MOST_IN_FULL = 10
Bar = Callable[[str, str], Callable[[int, int], object] | None]


class TerminalReport:
    """Writes to a stream; `bar` makes of a label and a unit what is told how far a stage is."""

    def __init__(
        self, shown: Shown, stream: TextIO | None = None, *, verbose: bool = False, bar: Bar = lambda *_: None
    ) -> None:
        self._shown = shown
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._verbose = verbose
        self._bar = bar
        self._total = self._done = 0
        self._failures = 0
        self._verdicts: Counter[Verdict] = Counter()
        self._not_asked: list[tuple[str, str]] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            asked = f": {event.words}" if event.words else ""
            self._line(f"verifying {event.target} (dialect {event.dialect}), seed {event.seed}{asked}")
        elif isinstance(event, StageStarted):
            self._total, self._done, self._verdicts = event.total, 0, Counter()
            self._tell = self._bar(event.stage, "cases")
        elif isinstance(event, CaseFinished):
            self._case(event)
        elif isinstance(event, StageFinished):
            self._stage(event)
        elif isinstance(event, RunFinished):
            self._summary(event)

    def _case(self, case: CaseFinished) -> None:
        self._done += 1
        self._verdicts[case.verdict] += 1
        if case.verdict is Verdict.NOT_VERIFIABLE and not self._verbose:
            self._not_asked.append((case.id, case.problems[-1]))
        if case.verdict in _SHOWN_VERDICTS or self._verbose:
            self._failures += case.verdict is Verdict.BROKEN
            self._line(f"  {case.verdict.upper():<12} {case.id}: {case.title}")
            if self._failures <= _MOST_IN_FULL or case.verdict is not Verdict.BROKEN:
                self._details(case)
        if self._tell and not (self._live and self._done >= self._total):  # the line of the stage takes its place
            self._tell(min(self._done, self._total), self._total)

    def _details(self, case: CaseFinished) -> None:
        for problem in case.problems:
            self._line(f"               {problem}")
        if case.verdict is Verdict.BROKEN and case.why:
            self._line(f"               because: {case.why} [{case.source}]")
        if case.smallest is not None:
            self._line(f"               smallest: {self._shown.document(case.smallest)}")

    def _stage(self, stage: StageFinished) -> None:
        counts = ", ".join(f"{amount} {verdict}" for verdict, amount in self._verdicts.items()) or "nothing"
        stopped = f" (stopped: {stage.stopped})" if stage.stopped else ""
        rate = f"{stage.cases} cases, {stage.requests} requests, {stage.seconds:.1f} s"
        self._line(f"{stage.stage:<14} {counts}: {rate}{stopped}")

    def _summary(self, run: RunFinished) -> None:
        counts = ", ".join(f"{amount} {verdict}" for verdict, amount in run.verdicts.items()) or "nothing was verified"
        for line in by_reason(self._not_asked, "not verifiable", verbose=False):
            self._line(line)
        self._line(f"{counts} in {run.requests} requests, {run.seconds:.1f} s{f'; {run.words}' if run.words else ''}")

    def _line(self, text: str) -> None:
        start = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{start}{text}\n")
        self._stream.flush()


def as_text(run: WholeRun, shown: Shown) -> str:
    """Return what a terminal shows of a run, and what held."""
    text = StringIO()
    lines = TerminalReport(shown, text, verbose=True)
    for event in run.events:
        lines(event)
    return text.getvalue()
