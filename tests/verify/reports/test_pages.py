"""The pages of `verify` and `drift`: whatever a server or a rule says stays text, and nothing is loaded in vain."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest

from mockserver.drift.compare import Difference, Kind
from mockserver.drift.findings import CaseResult, DriftReport, Finding, ShownExchange
from mockserver.drift.html import as_html as comparison_as_html
from mockserver.verify.calls import Call, Reply, Verdict
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.html import as_html
from mockserver.verify.reports.matrix import NOT_ASKED, fact_rows
from mockserver.verify.reports.whole_run import ORDER, WholeRun
from mockserver.verify.rules.facts import places, shipped_facts
from tests.verify.verifying import contract

HOSTILE = "<script src=x>&\"'</script>"


class Tags(HTMLParser):
    """Collects the names of elements, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names, self.text = Counter[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names[tag] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_of_a_run_shows_everything_as_text() -> None:
    call = Call("PATCH", ("A", "B", "C"), (("X", HOSTILE),), HOSTILE.encode())
    exchanges = (Exchange(call, Reply(200, {"x": HOSTILE}, HOSTILE.encode(), 0.0)), Exchange(call, None, HOSTILE))
    events = (
        RunStarted(HOSTILE, HOSTILE, 1, is_mock=True),
        CaseFinished("rules", HOSTILE, HOSTILE, Verdict.BROKEN, (HOSTILE,), HOSTILE, HOSTILE, exchanges=exchanges),
        StageFinished("rules", 1, 2, 0.1, HOSTILE),
        RunFinished(Counter(), 2, 0.1, HOSTILE),
    )
    page = Tags(as_html(WholeRun(events), Shown(contract(), openly=True)))
    assert page.names["script"] == 0
    assert page.names["pre"] == 7, "request, answer and curl of each exchange, and the last patch"
    assert page.text.count(HOSTILE) >= 12


def finished(case: str, verdict: Verdict, *fact: str, stage: str = "rules") -> CaseFinished:
    return CaseFinished(stage, case, case, verdict, ("why",), fact=fact)


def page_of(*cases: CaseFinished) -> str:
    """Return the page of a run with these cases."""
    start = RunStarted("mock", "vendor", 1, is_mock=True)
    end = RunFinished(Counter(case.verdict for case in cases), 2, 0.1)
    run = WholeRun((start, *cases, StageFinished("rules", len(cases), 2, 0.1), end))
    return as_html(run, Shown(contract(), openly=True))


MATRIX = {
    "worse counts": ((Verdict.HELD, Verdict.BROKEN), Verdict.BROKEN, ["rules"]),
    "held is held, whatever else was not asked": ((Verdict.NOT_VERIFIABLE, Verdict.HELD), Verdict.HELD, ["rules"]),
    "not asked here": ((Verdict.NOT_VERIFIABLE,), Verdict.NOT_VERIFIABLE, []),
    "no case": ((), NOT_ASKED, []),
}


@pytest.mark.parametrize(("verdicts", "expected", "held"), MATRIX.values(), ids=MATRIX)
def test_a_fact_has_the_verdict_of_its_cases(verdicts: tuple[Verdict, ...], expected: str, held: list[str]) -> None:
    """And tells where it held; every fact of the page has a row."""
    fact = "operation.supported.add"
    rows = fact_rows(((f"case-{one}", one, (fact,), "rules") for one in verdicts), ORDER, Verdict.HELD)
    (row,) = (row for row in rows if row.place == fact)
    assert (row.verdict, list(row.held), len(row.cases)) == (expected, held, len(verdicts))
    assert [row.place for row in rows] == list(dict.fromkeys(places(shipped_facts())))


LEADS = {
    "Broken. mock breaks 1 of 2 cases and 1 fact of the vendor's page.": (Verdict.BROKEN, Verdict.HELD),
    "Held. mock did in 1 of 2 cases what was expected; 1 tolerated.": (Verdict.TOLERATED, Verdict.HELD),
    "No answer. Nothing is broken, but mock was not asked to the end: 1 held.": (Verdict.INCONCLUSIVE, Verdict.HELD),
}


@pytest.mark.parametrize(("sentence", "verdicts"), LEADS.items(), ids=LEADS)
def test_a_page_begins_with_the_verdict(sentence: str, verdicts: tuple[Verdict, ...]) -> None:
    """In one sentence; what held is folded away, and what did not can be filtered."""
    cases = (finished(f"case-{one}", one, "operation.method") for one in verdicts)
    page = page_of(*cases)
    text = " ".join(Tags(page).text.split())
    assert sentence in text
    assert f'id="only-{verdicts[0]}"' in page
    assert "1 case held in rules" in text


def test_a_page_may_load_and_run_nothing() -> None:
    """Its own policy names its own style by hash; its colours are the workbench's."""
    page = page_of(finished("one", Verdict.BROKEN))
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page
    assert "style=" not in page
    assert "--acc: light-dark(#3450c4, #9db0ff)" in style
    assert ":root:has(#only-broken:checked) .entry:not(.broken)" in style


def test_a_page_of_a_comparison_shows_everything_as_text() -> None:
    finding = Finding(Difference(Kind.BREAKING, HOSTILE, HOSTILE, HOSTILE, HOSTILE), ("one",), "page", HOSTILE)
    exchange = ShownExchange(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    cases = [
        CaseResult("one", HOSTILE, "page", HOSTILE, (finding,), fact=("operation.method",), exchanges=(exchange,)),
        CaseResult("two", HOSTILE, "page", not_run=HOSTILE),
    ]
    page = Tags(comparison_as_html(DriftReport(HOSTILE, "right", cases, refuted=[HOSTILE], notes=[HOSTILE]), HOSTILE))
    assert page.names["script"] == 0
    assert page.names["pre"] == 4, "request, both answers and curl"
    assert page.text.count(HOSTILE) >= 16
    assert "differ in 1 way." in page.text


def test_nobody_waits_for_templates_who_asks_for_no_page() -> None:
    """The template engine is loaded when a page is written."""
    code = "import sys, mockserver.commands.verify, mockserver.commands.drift; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
