"""What a comparison found: each difference, each case, and what they add up to."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mockserver.drift.compare import Difference, Kind
from mockserver.drift.known import Known
from mockserver.errors import CommandError
from mockserver.verify.rules.reading import SOURCES
from mockserver.verify.target.request_plan import NEVER_WROTE

PROFILE = "the-profile-itself"
# The worst first; what was not run takes nothing from what was.
VERDICTS = (
    *(Kind.BREAKING.value, Kind.DIFFERS.value, Kind.ASSUMPTION.value),
    *("inconclusive", "known", Kind.TOLERATED.value, Kind.COSMETIC.value, "same", "not run"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, wherever it showed; `agrees` names the side that does what the contract says."""

    difference: Difference
    cases: tuple[str, ...]
    source: str
    agrees: str
    known: Known | None = None

    @property
    def counts(self) -> bool:
        """Whether it is drift that nobody has accepted."""
        return self.known is None and self.difference.kind in (Kind.BREAKING, Kind.DIFFERS, Kind.ASSUMPTION)

    @property
    def verdict(self) -> str:
        """Its kind, unless it was accepted."""
        return "known" if self.known else self.difference.kind.value


class ShownExchange(NamedTuple):
    """One request and both answers, as they may be shown."""

    request: str
    left: str
    right: str
    curl: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case came out on both sides; `not_run` says why it was not sent, or not to its end.

    `exchanges` are kept where the sides differ: the requests up to the one at which they parted.
    """

    id: str
    title: str
    source: str
    why: str = ""
    findings: tuple[Finding, ...] = ()
    not_run: str = ""
    inconclusive: bool = False
    requests: int = 0
    fact: tuple[str, ...] = ()
    exchanges: tuple[ShownExchange, ...] = ()

    @property
    def verdict(self) -> str:
        """The worst that the case showed; what no client should notice is the same."""
        words = {finding.verdict for finding in self.findings}
        if self.not_run:
            words.add("inconclusive" if self.inconclusive else "not run")
        return next((word for word in VERDICTS if word in words - {Kind.COSMETIC}), "same")


@dataclass
class DriftReport:
    """What a comparison found; `words` says how many facts of the page were asked, `requests` what that took."""

    left: str
    right: str
    cases: list[CaseResult] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    refuted: list[str] = field(default_factory=list)
    expired: list[Known] = field(default_factory=list)
    unseen: list[Known] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: CommandError | None = None
    words: str = ""
    requests: int = 0

    @property
    def findings(self) -> list[Finding]:
        """Each difference once, with all the cases that show it."""
        merged: dict[tuple[Any, ...], Finding] = {}
        for finding in (finding for case in self.cases for finding in case.findings):
            row = finding.difference
            key = (row.kind, finding.agrees, finding.known, *sameness(row))
            first = merged.get(key)
            cases = (*first.cases, *finding.cases) if first else finding.cases
            source = min(first.source if first else finding.source, finding.source, key=SOURCES.index)
            merged[key] = replace(first or finding, cases=tuple(dict.fromkeys(cases)), source=source)
        order = list(Kind)
        return sorted(merged.values(), key=lambda finding: (not finding.counts, order.index(finding.difference.kind)))

    @property
    def exit_code(self) -> int:
        """0 no drift, 1 drift, 3 no answer, 4 refused or left unrestored."""
        if self.stopped is not None and self.stopped.exit_code == 4:
            return 4
        if any(finding.counts for finding in self.findings):
            return 1
        ran = [case for case in self.cases if not case.not_run and case.id != PROFILE]
        return 3 if self.stopped or not ran or any(case.inconclusive for case in self.cases) else 0

    @property
    def counts(self) -> Counter[str]:
        """How many findings there are of each kind; accepted ones count as known."""
        return Counter(finding.verdict for finding in self.findings)


NOTHING_WRITTEN = CaseResult("nothing-written", "The run writes", "assumed", not_run=NEVER_WROTE, inconclusive=True)


def sameness(row: Difference) -> tuple[str, ...]:
    """Return what makes two differences the same but for values and indices."""
    left, right = (re.sub(r"( of \d+)? #[0-9a-f]+", "", text) for text in (row.left, row.right))
    return row.what, re.sub(r"/\d+(?=/|$)", "/*", row.place), left, right
