"""A comparison as one page for a reader who does not know the tool: what differs, who is right, what to do.

Nothing in it is a value of a profile, or an id of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mockserver.drift.compare import Kind
from mockserver.drift.findings import VERDICTS, DriftReport, Finding
from mockserver.verify.reports.matrix import FactRow, fact_rows
from mockserver.verify.reports.page import rendered
from mockserver.verify.reports.sentences import SOURCES, Lead, counted

_MEANINGS = {
    Kind.BREAKING: "a client that was tested against the one side fails on the other",
    Kind.DIFFERS: "the two sides answer differently; a client may notice",
    Kind.ASSUMPTION: "nobody had told us what the real API does; the mock's guess was wrong",
    Kind.TOLERATED: "the contract is stricter than a server has to be; no client should rely on it",
    Kind.COSMETIC: "words, headers or order; no client should notice",
}


def as_html(report: DriftReport, summary: str) -> str:
    """Return the page, which needs nothing else."""
    findings = sorted(report.findings, key=lambda finding: VERDICTS.index(finding.verdict))
    return rendered(
        Path(__file__).with_name("page.html"),
        title=f"Drift: {report.left} and {report.right}",
        lead=lead_of(report),
        meta=(summary,),
        facts=facts_of(report),
        verdicts=VERDICTS,
        good=("same",),
        report=report,
        meanings={kind.value: _MEANINGS[kind] for kind in Kind if kind in {row.difference.kind for row in findings}},
        entries=findings,
        entry_counts=report.counts,
        cases={case.id: case for case in report.cases},
        advice=advice,
        lists=list(_lists(report)),
    )


def facts_of(report: DriftReport) -> list[FactRow]:
    """Return the facts of the page with what became of them."""
    outcomes = ((case.id, case.verdict, case.fact, "both sides") for case in report.cases)
    return fact_rows(outcomes, VERDICTS, "same")


def lead_of(report: DriftReport) -> Lead:
    """Return the verdict in one sentence, as the exit code says it."""
    ways = counted(sum(finding.counts for finding in report.findings), "way")
    known = report.counts["known"]
    also = f", and in {counted(known, 'way')} that {'is' if known == 1 else 'are'} known" if known else ""
    same = Counter(case.verdict for case in report.cases)["same"]
    return {
        0: Lead("ok", "No drift.", f"{report.left} and {report.right} answered {counted(same, 'case')} alike{also}."),
        1: Lead("bad", "Drift.", f"{report.left} and {report.right} differ in {ways}{also}."),
        3: Lead("warn", "No answer.", f"{report.left} and {report.right} were not compared to the end."),
        4: Lead("bad", "Stopped for safety.", f"See below what became of {report.right}'s profile."),
    }[report.exit_code]


def advice(finding: Finding, report: DriftReport) -> str:
    """Say who is right by whose word, and what follows."""
    source = SOURCES.get(finding.source, finding.source)
    word = f"{finding.agrees} does as the contract says ({source})."
    if finding.source == "assumed":
        return f"{word} That was a guess: if the other side is the real API, change the mock and its rule."
    if finding.agrees == "neither":
        return f"Neither side does as the contract says ({source})."
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
    alike = [f"{case.id}: {case.title}" for case in report.cases if case.verdict == "same"]
    yield "Alike", "Both sides answered so that no client should notice a difference.", alike
    over = [f"{entry.why} (until {entry.expires})" for entry in report.expired]
    yield "Known drift whose day is over", "It counts again: renew the entry, or mend the cause.", over
    gone = [f"{entry.case} {entry.what} {entry.place}" for entry in report.unseen]
    yield "Known drift that did not show", "The entry can go.", gone
    yield "Notes", "", report.notes
