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


def fact_rows(
    outcomes: Iterable[tuple[str, str, Sequence[str], str]], order: Sequence[str], held: str
) -> list[FactRow]:
    """Return each fact in the page's order, given (case, verdict, facts that it rests on, stage) of each case.

    `order` names the verdicts, the worst first.
    """
    rows = {place: FactRow(place) for place in places(shipped_facts())}
    for case, verdict, fact, stage in outcomes:
        for row in (rows[place] for place in fact):
            row.counts[verdict] += 1
            row.cases[case] = min(row.cases.get(case, verdict), verdict, key=order.index)
            row.held |= {stage: None} if verdict == held else {}
    for row in rows.values():
        row.verdict = next((verdict for verdict in order if row.counts[verdict]), NOT_ASKED)
    return list(rows.values())


def by_section(rows: Iterable[FactRow]) -> dict[str, list[FactRow]]:
    """Return the facts under the sections of the page."""
    sections = dict[str, list[FactRow]]()
    for row in rows:
        sections.setdefault(row.place.partition(".")[0], []).append(row)
    return sections
