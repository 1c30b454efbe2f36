"""The run as one self-contained page: each rule with its verdict, each failure with what is needed to see it again."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from mockserver.verify.calls import Verdict
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.exchange import Shown

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--held:#1a7f37;--broken:#c62828;--other:#9a6700}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
.v{white-space:nowrap;font-weight:600}.held{color:var(--held)}.broken{color:var(--broken)}
.tolerated,.inconclusive,.not-verifiable{color:var(--other)}
pre{overflow-x:auto;border:1px solid var(--line);border-radius:4px;padding:.6rem;font-size:13px}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
details{margin:.4rem 0}summary{cursor:pointer}.why{opacity:.75;font-size:.9em}code{font-size:.92em}
"""
_ORDER = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.TOLERATED, Verdict.NOT_VERIFIABLE, Verdict.HELD)


class HtmlReport:
    """Collects the events and writes the page when the run is over. No script, no link to anywhere."""

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
        title = f"Verification of {run.target}"
        facts = f"dialect {run.dialect}, seed {run.seed}, {end.requests} requests, {end.seconds:.1f} s"
        parts = [
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
            f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(facts)}</p>",
            self._summary(),
            self._failures(),
            *(self._stage(stage) for stage in self._stages),
        ]
        return "\n".join(parts)

    def _summary(self) -> str:
        counts = Counter((case.stage, case.verdict) for case in self._cases)
        head = "".join(f"<th class='v {_class(verdict)}'>{verdict}</th>" for verdict in _ORDER)
        rows = "".join(
            f"<tr><td>{stage.stage}{' (stopped: ' + escape(stage.stopped) + ')' if stage.stopped else ''}</td>"
            + "".join(f"<td>{counts[stage.stage, verdict] or ''}</td>" for verdict in _ORDER)
            + f"<td>{stage.requests}</td></tr>"
            for stage in self._stages
        )
        return f"<table><tr><th>stage</th>{head}<th>requests</th></tr>{rows}</table>"

    def _failures(self) -> str:
        broken = [case for case in self._cases if case.verdict is Verdict.BROKEN]
        if not broken:
            return ""
        return "<h2>What is broken</h2>" + "".join(self._failure(case) for case in broken)

    def _failure(self, case: CaseFinished) -> str:
        problems = "".join(f"<li>{escape(problem)}</li>" for problem in case.problems)
        why = f"<p class=why>{escape(case.why)} [{case.source}]</p>" if case.why else ""
        smallest = ""
        if case.smallest is not None:
            smallest = f"<p>The smallest patch that fails:</p><pre>{escape(self._shown.document(case.smallest))}</pre>"
        exchanges = "".join(self._exchange(exchange) for exchange in case.exchanges)
        return (
            f"<details open><summary><b>{escape(case.id)}</b>: {escape(case.title)}</summary>{why}<ul>{problems}</ul>"
            f"{smallest}<details><summary>{len(case.exchanges)} exchanges</summary>{exchanges}</details></details>"
        )

    def _exchange(self, exchange: Exchange) -> str:
        parts = (self._shown.request(exchange), self._shown.reply(exchange), self._shown.curl(exchange))
        return "".join(f"<pre>{escape(part)}</pre>" for part in parts)

    def _stage(self, stage: StageFinished) -> str:
        cases = [case for case in self._cases if case.stage == stage.stage]
        if not stage.stage.startswith("rules"):
            cases = [case for case in cases if case.verdict is not Verdict.HELD]
        rows = "".join(self._row(case) for case in sorted(cases, key=lambda case: _ORDER.index(case.verdict)))
        table = f"<table><tr><th>verdict</th><th>rule</th></tr>{rows}</table>" if rows else "<p>All held.</p>"
        return f"<h2>{stage.stage}</h2>{table}"

    def _row(self, case: CaseFinished) -> str:
        notes = "; ".join(case.problems)
        detail = f"<div class=why>{escape(notes)}</div>" if notes else ""
        why = f"<div class=why>{escape(case.why)} [{case.source}]</div>" if case.why else ""
        return (
            f"<tr><td class='v {_class(case.verdict)}'>{case.verdict}</td>"
            f"<td><code>{escape(case.id)}</code> {escape(case.title)}{why}{detail}</td></tr>"
        )


def _class(verdict: Verdict) -> str:
    return verdict.value.replace(" ", "-")
