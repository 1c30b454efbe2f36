"""The run as JUnit XML: one testcase for each case, one testsuite for each stage."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageStarted
from mockserver.verify.reports.exchange import Shown

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitReport:
    """Collects the events and has the document written when the run is over."""

    def __init__(self, write: Callable[[str], object], shown: Shown) -> None:
        self._write = write
        self._shown = shown
        self._root = ElementTree.Element("testsuites", name="mockserver verify")
        self._suite = self._root

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._root.set("name", f"mockserver verify {event.target}, dialect {event.dialect}, seed {event.seed}")
        elif isinstance(event, StageStarted):
            self._suite = ElementTree.SubElement(self._root, "testsuite", name=event.stage)
        elif isinstance(event, CaseFinished):
            self._case(event)
        elif isinstance(event, RunFinished):
            self._finish()

    def _case(self, case: CaseFinished) -> None:
        name = f"{case.id}: {case.title}"
        row = ElementTree.SubElement(
            self._suite, "testcase", classname=f"mockserver.{case.stage}", name=_clean(name), time=f"{case.seconds:.4f}"
        )
        if case.verdict is Verdict.HELD:
            return
        kind = {Verdict.BROKEN: "failure", Verdict.INCONCLUSIVE: "error"}.get(case.verdict, "skipped")
        message = _clean(f"{case.verdict}: {'; '.join(case.problems)}")
        ElementTree.SubElement(row, kind, message=message).text = _clean(self._details(case))

    def _details(self, case: CaseFinished) -> str:
        parts = [*case.problems, f"because: {case.why} [{case.source}]" if case.why else ""]
        if case.smallest is not None:
            parts.append(f"smallest: {self._shown.document(case.smallest)}")
        for exchange in case.exchanges[-4:]:
            parts += ["", self._shown.request(exchange), "", self._shown.reply(exchange)]
        return "\n".join(parts)

    def _finish(self) -> None:
        for node in (*self._root, self._root):
            cases = list(node.iter("testcase"))
            node.set("tests", str(len(cases)))
            for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                node.set(attribute, str(sum(case.find(kind) is not None for case in cases)))
            node.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")
        self._write(ElementTree.tostring(self._root, encoding="utf-8", xml_declaration=True).decode())


def _clean(text: str) -> str:
    """Replace what XML can't hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
