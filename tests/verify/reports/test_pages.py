"""The pages of `verify` and `drift`: whatever a server or a rule says stays text, and nothing is loaded in vain."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from mockserver.drift.compare import Difference, Kind
from mockserver.drift.drift import CaseResult, DriftReport, Finding
from mockserver.drift.html import as_html
from mockserver.verify.calls import Call, Reply, Verdict
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished, RunFinished, RunStarted, StageFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.html import HtmlReport
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


def test_a_page_of_a_run_shows_everything_as_text(tmp_path: Path) -> None:
    report = HtmlReport(tmp_path / "run.html", Shown(contract(), openly=True))
    call = Call("PATCH", ("A", "B", "C"), (("X", HOSTILE),), HOSTILE.encode())
    exchanges = (Exchange(call, Reply(200, {"x": HOSTILE}, HOSTILE.encode(), 0.0)), Exchange(call, None, HOSTILE))
    report(RunStarted(HOSTILE, HOSTILE, 1, ("rules",), is_mock=True))
    report(CaseFinished("rules", HOSTILE, HOSTILE, Verdict.BROKEN, (HOSTILE,), HOSTILE, HOSTILE, exchanges=exchanges))
    report(StageFinished("rules", 1, 2, 0.1, HOSTILE))
    report(RunFinished(Counter(), 2, 0.1))
    page = Tags((tmp_path / "run.html").read_text(encoding="utf-8"))
    assert page.names["script"] == 0
    assert page.names["pre"] == 6, "request, answer and curl of each exchange"
    assert page.text.count(HOSTILE) >= 12


def test_a_page_of_a_comparison_shows_everything_as_text() -> None:
    finding = Finding(Difference(Kind.BREAKING, HOSTILE, HOSTILE, HOSTILE, HOSTILE), ("one",), "page", HOSTILE)
    cases = [
        CaseResult("one", HOSTILE, "page", HOSTILE, (finding,)),
        CaseResult("two", HOSTILE, "page", not_run=HOSTILE),
    ]
    page = Tags(as_html(DriftReport(HOSTILE, "right", cases, refuted=[HOSTILE], notes=[HOSTILE]), HOSTILE))
    assert page.names["script"] == 0
    assert page.names["h2"] == 1
    assert page.text.count(HOSTILE) >= 12


def test_nobody_waits_for_templates_who_asks_for_no_page() -> None:
    """The template engine is loaded when a page is written."""
    code = "import sys, mockserver.commands.verify, mockserver.commands.drift; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
