"""A comparison's report as text, JSON and JUnit, and where each format is written.

Nothing in it is a value of a profile, or an id of one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

from mockserver.drift.findings import CaseResult, DriftReport, Finding
from mockserver.drift.html import advice, as_html
from mockserver.verify.reports.github import Trouble
from mockserver.verify.reports.junit import count_outcomes
from mockserver.verify.target.request_plan import by_reason

# Cases of one difference that a terminal shows.
MOST_CASES = 12


def as_text(report: DriftReport, *, verbose: bool = False) -> str:
    """Return the report for a terminal: how much was asked, each difference and what it means, what was not run."""
    lines: list[str] = []
    for finding in report.findings:
        if finding.counts or verbose:
            lines += _finding_lines(report, finding)
    lines += [f"assumption refuted: {row}" for row in report.refuted]
    if verbose:
        lines += [f"assumption confirmed: {row}" for row in report.confirmed]
    lines += by_reason(((case.id, case.not_run) for case in report.cases if case.not_run), "not run", verbose=verbose)
    lines += [f"known until {entry.expires}, which is over: {entry.why}" for entry in report.expired]
    lines += [f"known drift that did not show: {entry.case} {entry.what} {entry.place}" for entry in report.unseen]
    if report.stopped is not None:
        lines.append(f"stopped: {report.stopped}")
    first = [f"comparing {report.left} and {report.right}: {report.words}"] if report.words else []
    return "\n".join([*first, *lines, _summary(report)])


def as_json(report: DriftReport) -> dict[str, Any]:
    return {
        "left": report.left,
        "right": report.right,
        "exit": report.exit_code,
        "facts": report.words,
        "counts": dict(report.counts),
        "findings": [_finding_row(finding) for finding in report.findings],
        "assumptions": {"confirmed": report.confirmed, "refuted": report.refuted},
        "cases": [_case_row(case) for case in report.cases],
        "expired": [{"why": entry.why, "expires": str(entry.expires)} for entry in report.expired],
        "unseen": [{"case": entry.case, "what": entry.what, "place": entry.place} for entry in report.unseen],
        "notes": report.notes,
        "stopped": None if report.stopped is None else report.stopped.problem,
    }


def as_junit(report: DriftReport) -> str:
    """Return the report as JUnit XML, with one test case for each case."""
    suite = ElementTree.Element("testsuite", name=f"drift: {report.left} and {report.right}")
    for case in report.cases:
        element = ElementTree.SubElement(suite, "testcase", classname="drift", name=case.id)
        if counting := [finding for finding in case.findings if finding.counts]:
            failure = ElementTree.SubElement(element, "failure", message=counting[0].difference.kind.value)
            failure.text = "\n".join(_one_line(report, finding) for finding in counting)
        elif case.not_run:
            ElementTree.SubElement(element, "skipped", message=case.not_run)
    if report.stopped is not None:
        element = ElementTree.SubElement(suite, "testcase", classname="drift", name="the-run-itself")
        ElementTree.SubElement(element, "error", message=report.stopped.problem)
    count_outcomes(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def troubles(report: DriftReport) -> list[Trouble]:
    """Return what somebody should act on, for GitHub."""
    found = [
        Trouble(
            "error",
            finding.cases[0],
            f"{finding.difference.kind}: {finding.difference.what} {finding.difference.place}".rstrip(),
            (_one_line(report, finding),),
            advice(finding, report),
            next((case.exchanges[-1].curl for case in report.cases if case.id in finding.cases and case.exchanges), ""),
        )
        for finding in report.findings
        if finding.counts
    ]
    if report.stopped is not None:
        stopped = report.stopped
        found.append(Trouble("warning", "the-run-itself", "The run comes to its end", (stopped.problem,), stopped.hint))
    return found


WRITERS: dict[str, Callable[[DriftReport], str]] = {
    ".json": lambda report: json.dumps(as_json(report), indent=2) + "\n",
    ".xml": as_junit,
    ".html": lambda report: as_html(report, _summary(report)),
    ".txt": lambda report: as_text(report, verbose=True) + "\n",
}


def _summary(report: DriftReport) -> str:
    ran = [case for case in report.cases if not case.not_run]
    counts = ", ".join(f"{number} {kind}" for kind, number in sorted(report.counts.items()))
    verdict = {0: "no drift", 1: "drift", 3: "no answer", 4: "stopped for safety"}[report.exit_code]
    skipped = len(report.cases) - len(ran)
    assumed = f"; assumptions: {len(report.confirmed)} confirmed, {len(report.refuted)} refuted"
    return (
        f"{verdict}: {report.left} and {report.right}, {len(ran)} cases in {report.requests} requests"
        f"{f', {skipped} not run' if skipped else ''}{f': {counts}' if counts else ''}"
        f"{assumed if report.confirmed or report.refuted else ''}{f'; {report.words}' if report.words else ''}"
    )


def _finding_lines(report: DriftReport, finding: Finding) -> Iterator[str]:
    row = finding.difference
    accepted = f" (known until {finding.known.expires}: {finding.known.why})" if finding.known else ""
    yield f"{row.kind}: {row.what}{f' {row.place}' if row.place else ''}{accepted}"
    yield f"  {report.left}: {row.left}"
    yield f"  {report.right}: {row.right}"
    yield f"  as the contract and its rules say [{finding.source}]: {finding.agrees}"
    titles = {case.id: case.title for case in report.cases}
    for case in finding.cases[:MOST_CASES]:
        yield f"  in {case}: {titles[case]}"
    if (more := len(finding.cases) - MOST_CASES) > 0:
        yield f"  and in {more} more cases, which --report lists"


def _one_line(report: DriftReport, finding: Finding) -> str:
    row = finding.difference
    place = f" {row.place}" if row.place else ""
    sides = f"{report.left}: {row.left}; {report.right}: {row.right}"
    return f"{row.kind}: {row.what}{place}: {sides}; agrees with the contract: {finding.agrees}"


def _finding_row(finding: Finding) -> dict[str, Any]:
    row = finding.difference
    known = finding.known and {"why": finding.known.why, "expires": str(finding.known.expires)}
    more = {"agrees": finding.agrees, "source": finding.source, "cases": finding.cases, "known": known}
    return row._asdict() | more


def _case_row(case: CaseResult) -> dict[str, Any]:
    named = {"id": case.id, "title": case.title, "source": case.source, "why": case.why}
    return named | {"notRun": case.not_run, "requests": case.requests, "differences": len(case.findings)}
