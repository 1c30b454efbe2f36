"""The facts of the vendor's page against verdicts: how many cases rest on each, how they came out, where it held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mockserver.verify.rules.facts import places, shipped_facts

NOT_ASKED = "not asked"


@dataclass
class FactRow:
    """One fact with its cases; `held` says in which stages it held, `verdict` is the worst that counts."""

    place: str
    verdict: str = NOT_ASKED
    counts: Counter[str] = field(default_factory=Counter)
    cases: dict[str, str] = field(default_factory=dict)
    held: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """How one case came out that rests on facts; `where` is its stage."""

    case: str
    verdict: str
    fact: Sequence[str]
    where: str


def fact_rows(outcomes: Iterable[CaseOutcome], order: Sequence[str], held: str) -> list[FactRow]:
    """Return each fact in the page's order; `order` names the verdicts, the worst first."""
    rows = {place: FactRow(place) for place in places(shipped_facts())}
    for outcome in outcomes:
        for place in outcome.fact:
            row = rows[place]
            row.counts[outcome.verdict] += 1
            before = row.cases.get(outcome.case, outcome.verdict)
            row.cases[outcome.case] = min(before, outcome.verdict, key=order.index)
            row.held |= {outcome.where: None} if outcome.verdict == held else {}
    for row in rows.values():
        row.verdict = next((verdict for verdict in order if row.counts[verdict]), NOT_ASKED)
    return list(rows.values())


def by_section(rows: Iterable[FactRow]) -> dict[str, list[FactRow]]:
    """Return the facts under the sections of the page."""
    sections = dict[str, list[FactRow]]()
    for row in rows:
        sections.setdefault(row.place.partition(".")[0], []).append(row)
    return sections
