"""The run as JUnit XML: one testcase for each case, one testsuite for each stage."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.whole_run import WholeRun

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OUTCOMES = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def as_junit(run: WholeRun, shown: Shown) -> str:
    """Return the document."""
    start = run.start
    name = f"mockserver verify {start.target}, dialect {start.dialect}, seed {start.seed}"
    root = ElementTree.Element("testsuites", name=name)
    for stage in run.stages:
        suite = ElementTree.SubElement(root, "testsuite", name=stage.stage)
        for case in run.cases:
            if case.stage == stage.stage:
                _add(suite, case, shown)
    for node in (*root, root):
        count_outcomes(node)
        node.set("time", f"{sum(float(case.get('time', 0)) for case in node.iter('testcase')):.3f}")
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode()


def count_outcomes(suite: ElementTree.Element) -> None:
    """Let a suite say how many test cases it has, and how they came out."""
    cases = list(suite.iter("testcase"))
    suite.set("tests", str(len(cases)))
    for attribute, kind in _OUTCOMES.items():
        suite.set(attribute, str(sum(case.find(kind) is not None for case in cases)))


def _add(suite: ElementTree.Element, case: CaseFinished, shown: Shown) -> None:
    name = clean(f"{case.id}: {case.title}")
    row = ElementTree.SubElement(
        suite, "testcase", classname=f"mockserver.{case.stage}", name=name, time=f"{case.seconds:.4f}"
    )
    if case.verdict is not Verdict.HELD:
        kind = {Verdict.BROKEN: "failure", Verdict.INCONCLUSIVE: "error"}.get(case.verdict, "skipped")
        message = clean(f"{case.verdict}: {'; '.join(case.problems)}")
        ElementTree.SubElement(row, kind, message=message).text = clean(_details(case, shown))


def _details(case: CaseFinished, shown: Shown) -> str:
    parts = [*case.problems, f"because: {case.why} [{case.source}]" if case.why else ""]
    if case.smallest is not None:
        parts.append(f"smallest: {shown.document(case.smallest)}")
    for exchange in case.exchanges[-4:]:
        parts += ["", shown.request(exchange), "", shown.reply(exchange)]
    return "\n".join(parts)


def clean(text: str) -> str:
    """Replace what XML can't hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
