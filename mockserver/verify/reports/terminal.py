"""The run on the terminal: a line of progress, each failure as it comes, and a summary."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TextIO

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished, StageStarted
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.target.request_plan import by_reason

_SHOWN_VERDICTS = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED)
_MOST_IN_FULL = 10


class TerminalReport:
    """Writes to a stream; the moving line of progress only where somebody watches."""

    def __init__(self, shown: Shown, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self._shown = shown
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._verbose = verbose
        self._total: int | None = None
        self._done = 0
        self._failures = 0
        self._verdicts: Counter[Verdict] = Counter()
        self._not_asked: list[tuple[str, str]] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            asked = f": {event.words}" if event.words else ""
            self._line(f"verifying {event.target} (dialect {event.dialect}), seed {event.seed}{asked}")
        elif isinstance(event, StageStarted):
            self._total, self._done, self._verdicts = event.total, 0, Counter()
            self._progress(event.stage)
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
        self._progress(case.stage)

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

    def _progress(self, stage: str) -> None:
        if self._live and (self._done % 10 == 0 or self._done == self._total):
            of = f"/{self._total}" if self._total is not None else ""
            self._stream.write(f"\r\x1b[K{stage} {self._done}{of}")
            self._stream.flush()

    def _line(self, text: str) -> None:
        start = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{start}{text}\n")
        self._stream.flush()
