"""The run as one JSON document, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, RunStarted
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.sentences import todo
from mockserver.verify.reports.whole_run import WholeRun


def as_json(run: WholeRun, shown: Shown) -> dict[str, Any]:
    """Return the document; only cases that did not hold have exchanges in it."""
    start, end = run.start, run.end
    return {
        "stages": [asdict(stage) | {"seconds": round(stage.seconds, 3)} for stage in run.stages],
        "cases": [_case(case, start, shown) for case in run.cases],
        "target": start.target,
        "dialect": start.dialect,
        "seed": start.seed,
        "verdicts": dict(end.verdicts),
        "requests": end.requests,
        **({"facts": end.words} if end.words else {}),
        "seconds": round(end.seconds, 3),
    }


def _case(case: CaseFinished, start: RunStarted, shown: Shown) -> dict[str, Any]:
    row: dict[str, Any] = {"stage": case.stage, "id": case.id, "title": case.title, "verdict": case.verdict.value}
    row |= {"why": case.why, "source": case.source, "tags": list(case.tags), "seconds": round(case.seconds, 4)}
    if case.fact:
        row["fact"] = list(case.fact)
    if case.problems:
        row["problems"] = list(case.problems)
    if case.smallest is not None:
        row["smallest"] = json.loads(shown.document(case.smallest))
    if case.verdict is not Verdict.HELD:
        row["exchanges"] = [
            {"request": shown.request(one), "reply": shown.reply(one), "curl": shown.curl(one)}
            for one in case.exchanges
        ]
        row["todo"] = todo(case, start)
    return row
