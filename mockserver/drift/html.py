"""A comparison as one page for a reader who does not know the tool: what differs, who is right, what to do.

Nothing in it is a value of a profile, or an id of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mockserver.drift.compare import Kind
from mockserver.drift.drift import DriftReport, Finding
from mockserver.verify.reports.page import rendered

_MEANINGS = {
    Kind.BREAKING: "a client that was tested against the one side fails on the other",
    Kind.DIFFERS: "the two sides answer differently; a client may notice",
    Kind.ASSUMPTION: "nobody had told us what the real API does; the mock's guess was wrong",
    Kind.TOLERATED: "the contract is stricter than a server has to be; no client should rely on it",
    Kind.COSMETIC: "words, headers or order; no client should notice",
}
_SOURCES = {
    "page": "the vendor's page of this operation",
    "documented": "the vendor's other pages, or a standard",
    "library": "what the vendor's software did when it was run",
    "assumed": "our own assumption",
}


def as_html(report: DriftReport, summary: str) -> str:
    """Return the page, which needs nothing else."""
    findings = report.findings
    shown = {finding.difference.kind for finding in findings}
    return rendered(
        Path(__file__).with_name("page.html"),
        title=f"Drift: {report.left} and {report.right}",
        report=report,
        summary=summary,
        meanings={kind: meaning for kind, meaning in _MEANINGS.items() if kind in shown},
        counting=[finding for finding in findings if finding.counts],
        others=[finding for finding in findings if not finding.counts],
        cases={case.id: case for case in report.cases},
        advice=_advice,
        lists=list(_lists(report)),
    )


def _advice(finding: Finding, report: DriftReport) -> str:
    """Say who is right by whose word, and what follows."""
    word = f"{finding.agrees} does as the contract says ({_SOURCES.get(finding.source, finding.source)})."
    if finding.source == "assumed":
        return f"{word} That was a guess: if the other side is the real API, change the mock and its rule."
    if finding.agrees == "neither":
        return f"Neither side does as the contract says ({_SOURCES.get(finding.source, finding.source)})."
    if finding.agrees == report.left:
        return f"{word} Ask whether {report.right} means it; if so, change contract and mock, else report it there."
    if finding.agrees == report.right:
        return f"{word} Mend {report.left}."
    return f"{word} Nothing in the contract speaks of this difference."


def _lists(report: DriftReport) -> Iterator[tuple[str, str, list[str]]]:
    yield "Assumptions refuted", "What was taken for granted, and is not so.", report.refuted
    yield "Assumptions confirmed", "What was taken for granted, and is so.", report.confirmed
    unsent = [f"{case.id}: {case.title}: {case.not_run}" for case in report.cases if case.not_run]
    yield "Not run", "These say nothing, neither good nor bad.", unsent
    over = [f"{entry.why} (until {entry.expires})" for entry in report.expired]
    yield "Known drift whose day is over", "It counts again: renew the entry, or mend the cause.", over
    gone = [f"{entry.case} {entry.what} {entry.place}" for entry in report.unseen]
    yield "Known drift that did not show", "The entry can go.", gone
    yield "Notes", "", report.notes
