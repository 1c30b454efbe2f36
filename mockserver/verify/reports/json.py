"""The run as one JSON document, for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.sentences import todo


class JsonReport:
    """Collects the events and, if somebody wants it, has the document written when the run is over.

    Held cases keep no exchanges.
    """

    def __init__(self, write: Callable[[str], object] | None, shown: Shown) -> None:
        self._write = write
        self._shown = shown
        self.document: dict[str, Any] = {"stages": [], "cases": []}

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._run = event
            self.document |= {"target": event.target, "dialect": event.dialect, "seed": event.seed}
        elif isinstance(event, CaseFinished):
            self.document["cases"].append(self._case(event))
        elif isinstance(event, StageFinished):
            row = {"stage": event.stage, "cases": event.cases, "requests": event.requests, "stopped": event.stopped}
            self.document["stages"].append(row | {"seconds": round(event.seconds, 3)})
        elif isinstance(event, RunFinished):
            self.document |= {"verdicts": dict(event.verdicts), "requests": event.requests}
            self.document |= {"facts": event.words} if event.words else {}
            self.document["seconds"] = round(event.seconds, 3)
            if self._write is not None:
                self._write(json.dumps(self.document, indent=1, ensure_ascii=False))

    def _case(self, case: CaseFinished) -> dict[str, Any]:
        row: dict[str, Any] = {"stage": case.stage, "id": case.id, "title": case.title, "verdict": case.verdict.value}
        row |= {"why": case.why, "source": case.source, "tags": list(case.tags), "seconds": round(case.seconds, 4)}
        if case.fact:
            row["fact"] = list(case.fact)
        if case.problems:
            row["problems"] = list(case.problems)
        if case.smallest is not None:
            row["smallest"] = json.loads(self._shown.document(case.smallest))
        if case.verdict is not Verdict.HELD:
            row["exchanges"] = [
                {
                    "request": self._shown.request(one),
                    "reply": self._shown.reply(one),
                    "curl": self._shown.curl(one),
                }
                for one in case.exchanges
            ]
            row["todo"] = todo(case, self._run)
        return row
