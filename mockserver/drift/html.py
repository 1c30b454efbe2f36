"""A comparison as one page for a reader who does not know the tool: what differs, who is right, what to do.

Nothing in it is a value of a profile, or an id of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from mockserver.drift.compare import Kind
from mockserver.drift.drift import CaseResult, DriftReport, Finding

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
    title = f"Drift: {escape(report.left)} and {escape(report.right)}"
    cases = {case.id: case for case in report.cases}
    counting = [finding for finding in report.findings if finding.counts]
    others = [finding for finding in report.findings if not finding.counts]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1><p class=sum>{escape(summary)}</p>",
        _stopped(report),
        f"<p>The same requests were sent to <b>{escape(report.left)}</b> and to <b>{escape(report.right)}</b>, which "
        "held the same profile. Below stands each way in which their answers parted.</p>",
        _legend(report),
        _section("Differences", counting, report, cases) if counting else "<p class=none>No drift was found.</p>",
        _section("Differences that don't count as drift", others, report, cases),
        *(_list(name, why, items) for name, why, items in _lists(report)),
        "</html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _stopped(report: DriftReport) -> str:
    if report.stopped is None:
        return ""
    hint = f" What to do: {escape(report.stopped.hint)}." if report.stopped.hint else ""
    return (
        f"<p class=stopped><b>The comparison did not come to its end:</b> {escape(report.stopped.problem)}.{hint}</p>"
    )


def _legend(report: DriftReport) -> str:
    shown = {finding.difference.kind for finding in report.findings}
    if not shown:
        return ""
    rows = "".join(f"<dt>{_pill(kind)}</dt><dd>{_MEANINGS[kind]}</dd>" for kind in Kind if kind in shown)
    return (
        f"<details open><summary>How to read this</summary><dl>{rows}</dl><p>Values of profiles are not shown: "
        "<i>text of 8 #1a2b3c4d</i> is a text of eight characters, and equal values have equal codes. "
        "A place such as <code>/Emails/0/IsDefault</code> is a member of the profile: of the first e-mail address, "
        "here.</p></details>"
    )


def _pill(kind: str) -> str:
    return f'<span class="pill {escape(kind)}">{escape(kind)}</span>'


def _section(title: str, findings: list[Finding], report: DriftReport, cases: dict[str, CaseResult]) -> str:
    if not findings:
        return ""
    return f"<h2>{title}</h2>" + "".join(_card(finding, report, cases) for finding in findings)


def _card(finding: Finding, report: DriftReport, cases: dict[str, CaseResult]) -> str:
    row = finding.difference
    place = f" at <code>{escape(row.place)}</code>" if row.place else ""
    known = f" <i>known until {finding.known.expires}: {escape(finding.known.why)}</i>" if finding.known else ""
    names = tuple(dict.fromkeys(finding.cases))
    rules = "".join(_rule(cases[name], name) for name in names if name in cases)
    many = f"<details><summary>in {len(names)} cases</summary><ul>{rules}</ul></details>"
    return (
        f"<div class=card><p>{_pill(row.kind.value)} <b>{escape(row.what)}</b>{place}{known}</p>"
        f"<table><tr><th>{escape(report.left)}</th><td>{escape(row.left)}</td></tr>"
        f"<tr><th>{escape(report.right)}</th><td>{escape(row.right)}</td></tr></table>"
        f"<p>{escape(_advice(finding, report))}</p>{many if len(names) > 4 else f'<ul>{rules}</ul>'}</div>"
    )


def _rule(case: CaseResult, name: str) -> str:
    why = f"<div class=why>{escape(case.why)}</div>" if case.why else ""
    return f"<li>{escape(case.title)} <code>{escape(name)}</code>{why}</li>"


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


def _list(title: str, why: str, items: list[str]) -> str:
    if not items:
        return ""
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return (
        f"<details><summary><b>{escape(title)}</b> ({len(items)})</summary><p class=why>{escape(why)}</p>"
        f"<ul>{rows}</ul></details>"
    )


_STYLE = """
:root{color-scheme:light dark;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.sum{font-weight:600}
.card{border:1px solid var(--line);border-radius:6px;padding:.2rem 1rem;margin:.8rem 0}
.pill{border-radius:1rem;padding:.05rem .6rem;font-size:.85em;font-weight:600;background:#8883}
.breaking{background:#c62828;color:#fff}.differs{background:#e69500;color:#000}.assumption{background:#3367d6;color:#fff}
table{border-collapse:collapse}th,td{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
td{overflow-wrap:anywhere}.why{opacity:.75;font-size:.9em}details{margin:.6rem 0}summary{cursor:pointer}
dl{display:grid;grid-template-columns:max-content auto;gap:.2rem .8rem}dd{margin:0}
.stopped{border-left:4px solid #c62828;padding-left:.8rem}.none{font-weight:600}code{font-size:.92em}
"""
