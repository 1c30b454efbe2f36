"""A run on GitHub Actions: an annotation for each failure at the line of its rule, and a summary of the step.

Whatever a server says stays text: annotations are escaped as the runner wants it, and the summary is one block of HTML
without an empty line, in which no Markdown is read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple, TextIO

from mockserver.package import shipped
from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished
from mockserver.verify.reports.exchange import Shown, last_patch
from mockserver.verify.reports.matrix import FactRow, by_section
from mockserver.verify.reports.sentences import Lead, todo
from mockserver.verify.reports.whole_run import WholeRun

# GitHub shows ten errors of a step, and takes a summary of a mebibyte.
_MOST_ANNOTATIONS = 10
_MOST_IN_SUMMARY = 25
_LONGEST = 4000
_RULE = re.compile(r"\s*- id: ([\w-]+)\s*")


class Trouble(NamedTuple):
    """One thing that somebody should act on; `level` is GitHub's word: error or warning."""

    level: str
    case: str
    title: str
    problems: Sequence[str]
    todo: str
    curl: str = ""


@dataclass(frozen=True, slots=True)
class GithubOutput:
    """Where GitHub reads: the step's output and, if there is one, the file of its summary."""

    stream: TextIO
    summary: Path | None
    workspace: Path

    def tell(self, lead: Lead, facts: Sequence[FactRow], troubles: Sequence[Trouble]) -> None:
        for line in workflow_commands(troubles, self.workspace):
            self.stream.write(f"{line}\n")
        self.stream.flush()
        if self.summary is not None:
            with self.summary.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{summary(lead, facts, troubles)}\n\n")


def troubles(run: WholeRun, shown: Shown) -> list[Trouble]:
    """Return what somebody should act on."""
    levels = {Verdict.BROKEN: "error", Verdict.INCONCLUSIVE: "warning"}
    return [_trouble(case, levels[case.verdict], run, shown) for case in run.cases if case.verdict in levels]


def _trouble(case: CaseFinished, level: str, run: WholeRun, shown: Shown) -> Trouble:
    sent = last_patch(case.exchanges)
    curl = shown.curl(sent) if sent else ""
    return Trouble(level, case.id, case.title, case.problems, todo(case, run.start), curl)


def workflow_commands(troubles: Sequence[Trouble], workspace: Path) -> Iterator[str]:
    """Yield a workflow command for each trouble, as many as GitHub shows; errors come first."""
    places = _rule_places(shipped("contracts") / "rules")
    ordered = sorted(troubles, key=lambda trouble: trouble.level)
    room = _MOST_ANNOTATIONS if len(ordered) <= _MOST_ANNOTATIONS else _MOST_ANNOTATIONS - 1
    for trouble in ordered[:room]:
        told = {**_place(places.get(trouble.case), workspace), "title": f"{trouble.case}: {trouble.title}"}
        words = ",".join(f"{name}={_property(value)}" for name, value in told.items())
        yield f"::{trouble.level} {words}::{_data('; '.join(trouble.problems))}%0AWhat to do: {_data(trouble.todo)}"
    if more := len(ordered[room:]):
        yield f"::{ordered[0].level} title=and {more} more::The step's summary and the reports list them."


def summary(lead: Lead, facts: Sequence[FactRow], troubles: Sequence[Trouble]) -> str:
    """Return the summary of a step: the verdict, the facts of the page by section, each trouble with what to do."""
    parts = [f"<h3>{escape(lead.word)} {_text(lead.sentence)}</h3>", *_fact_table(facts)]
    for trouble in troubles[:_MOST_IN_SUMMARY]:
        parts.append(f"<details><summary><b>{_text(trouble.title)}</b> <code>{_text(trouble.case)}</code></summary>")
        parts.append(f"<ul>{''.join(f'<li>{_text(problem)}</li>' for problem in trouble.problems)}</ul>")
        parts.append(f"<p><b>What to do.</b> {_text(trouble.todo)}</p>")
        parts += [f"<pre>{_text(trouble.curl)}</pre>"] if trouble.curl else []
        parts.append("</details>")
    if more := len(troubles[_MOST_IN_SUMMARY:]):
        parts.append(f"<p>And {more} more, which the reports list.</p>")
    return "\n".join(parts)


def _fact_table(facts: Sequence[FactRow]) -> Iterator[str]:
    verdicts = list(Counter(row.verdict for row in facts))
    heads = "".join(f"<th>{escape(verdict)}</th>" for verdict in verdicts)
    yield f"<table><tr><th>facts of the vendor's page</th>{heads}</tr>"
    for section, rows in by_section(facts).items():
        counts = Counter(row.verdict for row in rows)
        cells = "".join(f"<td>{counts[verdict] or ''}</td>" for verdict in verdicts)
        yield f"<tr><td>{escape(section)}</td>{cells}</tr>"
    yield "</table>"


def _rule_places(directory: Path) -> dict[str, tuple[Path, int]]:
    """Return file and line of each rule."""
    lines = ((path, path.read_text(encoding="utf-8").splitlines()) for path in directory.glob("*.yaml"))
    rows = ((path, number, _RULE.fullmatch(line)) for path, text in lines for number, line in enumerate(text, start=1))
    return {found[1]: (path, number) for path, number, found in rows if found}


def _place(place: tuple[Path, int] | None, workspace: Path) -> dict[str, str]:
    """Return a rule's file and line if the file is one of the repository, and not of an installed package."""
    if place is None or "site-packages" in place[0].parts or not place[0].is_relative_to(workspace):
        return {}
    return {"file": place[0].relative_to(workspace).as_posix(), "line": str(place[1])}


def _data(text: str) -> str:
    return text[:_LONGEST].replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _text(text: str) -> str:
    """Return a text for a block of HTML in Markdown, which an empty line would end."""
    return escape(text[:_LONGEST]).replace("\r", "").replace("\n", "&#10;")
