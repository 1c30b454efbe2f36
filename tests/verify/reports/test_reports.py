"""The reports: one test case for each case, the smallest failing patch, a request to repeat, and never a secret."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from mockserver.verify.calls import Bench, Call, Verdict
from mockserver.verify.conversation import Exchange
from mockserver.verify.events import CaseFinished, Event, StageStarted
from mockserver.verify.reports.exchange import Shown, last_patch
from mockserver.verify.reports.html import as_html
from mockserver.verify.reports.json import as_json
from mockserver.verify.reports.junit import as_junit
from mockserver.verify.reports.terminal import Bar, TerminalReport
from mockserver.verify.reports.whole_run import WholeRun
from mockserver.verify.run import Plan, verify
from tests.verify.verifying import bench_of, contract
from tools.mutants.harness import Request, Response, right_server
from tools.mutants.wrappers import changed

RIGHT = right_server("vendor")
PERSONAL = "zoe.oneil@example.com"


def adds_append(request: Request) -> Response:
    """A wrong server: add at index 0 appends."""
    return RIGHT(changed(request, lambda row: {**row, "path": row["path"].replace("/ProfileTags/0", "/ProfileTags/-")}))


def reports(bench: Bench, plan: Plan, *, openly: bool = True) -> tuple[int, str, dict[str, str]]:
    """Run and tell it in every way; return the exit code, what the terminal showed, and the files."""
    shown, stream = Shown(contract(), openly=openly), io.StringIO()
    terminal, events = TerminalReport(shown, stream), list[Event]()

    def report(event: Event) -> None:
        events.append(shown.told(event) if isinstance(event, CaseFinished) else event)
        terminal(events[-1])

    code = verify(bench, contract(), plan, report)
    run = WholeRun(events)
    files = {"json": json.dumps(as_json(run, shown)), "xml": as_junit(run, shown), "html": as_html(run, shown)}
    return code, stream.getvalue(), files


@pytest.fixture(scope="module")
def broken() -> tuple[int, str, dict[str, str]]:
    plan = Plan(only=("add-at-first-index", "empty-patch", "auth-missing", "add-at-index*"))
    return reports(bench_of(adds_append), plan)


def test_a_broken_rule_makes_the_run_fail(broken: tuple[int, str, dict[str, str]]) -> None:
    code, text, _ = broken
    assert code == 1
    assert "BROKEN       add-at-first-index" in text
    assert "3 held" in text


def test_junit_has_one_test_case_for_each_case(broken: tuple[int, str, dict[str, str]]) -> None:
    root = ElementTree.fromstring(broken[2]["xml"])
    names = [case.get("name", "").partition(":")[0] for case in root.iter("testcase")]
    assert sorted(names) == ["add-at-first-index", "add-at-index-inserts", "auth-missing", "empty-patch"]
    assert [
        case.get("name", "").partition(":")[0] for case in root.iter("testcase") if case.find("failure") is not None
    ] == ["add-at-first-index"]
    assert (root.get("tests"), root.get("failures")) == ("4", "1")


def test_json_lists_every_case_with_its_verdict(broken: tuple[int, str, dict[str, str]]) -> None:
    document = json.loads(broken[2]["json"])
    assert {case["id"]: case["verdict"] for case in document["cases"]} == {
        "add-at-first-index": "broken",
        "add-at-index-inserts": "held",
        "auth-missing": "held",
        "empty-patch": "held",
    }
    assert document["verdicts"] == {"held": 3, "broken": 1}
    facts = {case["id"]: case["fact"] for case in document["cases"] if "fact" in case}
    assert facts == {"auth-missing": ["response.statuses.401"]}


def test_the_page_shows_how_to_send_the_failing_request_again(broken: tuple[int, str, dict[str, str]]) -> None:
    page = broken[2]["html"]
    assert "curl -i -X PATCH" in page
    assert "$AUTHORIZATION" in page
    assert "<script" not in page
    assert "src=" not in page


def test_no_report_holds_a_secret(broken: tuple[int, str, dict[str, str]]) -> None:
    _, text, files = broken
    for content in (text, *files.values()):
        assert "fake-demo-secret" not in content
        assert "Signature=" not in content


def test_a_walk_that_fails_is_shown_with_its_smallest_patch() -> None:
    """Only what is needed to fail is left."""

    def forgetful(request: Request) -> Response:
        return RIGHT(changed(request, lambda row: None if row.get("op") == "remove" else row))

    code, text, files = reports(bench_of(forgetful), Plan(stages=("model",), max_examples=3))
    assert code == 1
    assert "smallest: [" in text
    smallest = [case["smallest"] for case in json.loads(files["json"])["cases"] if case["verdict"] == "broken"]
    assert all(sum(len(step["patch"]) for step in steps) <= 3 for steps in smallest)


def test_reports_of_a_real_target_hold_no_personal_value() -> None:
    """Only paths, types, lengths and hashes."""
    real = replace(bench_of(adds_append), is_mock=False, isolated=False)
    plan = Plan(
        only=("add-at-first-index", "test-fails", "auth-wrong-signature", "patch-leaves-the-rest", "op-unknown-text")
    )
    code, text, files = reports(real, plan, openly=False)
    assert code == 1
    for content in (text, *files.values()):
        assert PERSONAL not in content
        assert "C-000417" not in content
        assert "fake-demo-secret" not in content


def test_an_unprintable_letter_does_not_break_the_reports() -> None:
    def bell(request: Request) -> Response:
        response = RIGHT(request)
        return (
            response._replace(body=response.body.replace(b"Message", b"Message\x07"))
            if response.status == 400
            else response
        )

    code, _, files = reports(bench_of(bell), Plan(only=("path-unknown-member",)))
    assert code == 1
    assert ElementTree.fromstring(files["xml"]).get("failures") == "1"


@pytest.mark.parametrize("body", [b"grant_type=x&client_secret=s3cr3t&scope=a", b'{"access_token": "s3cr3t", "a": 1}'])
def test_a_token_request_keeps_its_secrets(body: bytes) -> None:
    """Also in the report of a mock, whose exchanges are shown as they are."""
    shown = Shown(contract(), openly=True).body(body)
    assert "s3cr3t" not in shown
    assert "[redacted]" in shown


def test_the_last_patch_of_a_case_is_the_one_that_changes() -> None:
    """What comes after it only reads."""
    read, change = (Exchange(Call("PATCH", ("A", "B", "C"), (), body), None) for body in (b"[]", b'[{"op": "x"}]'))
    assert last_patch([read, change, read, read]) is change
    assert last_patch([read]) is read
    assert last_patch([]) is None


@pytest.mark.parametrize("live", [True, False], ids=["terminal", "elsewhere"])
def test_each_stage_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    """On a terminal the stage's line takes the place of a bar that is nearly full."""
    stream, told = io.StringIO(), list[tuple[str, int, int]]()
    monkeypatch.setattr(stream, "isatty", lambda: live)
    bar: Bar = lambda label, unit: lambda done, total: told.append((f"{label}, {unit}", done, total))  # noqa: E731
    report = TerminalReport(Shown(contract(), openly=True), stream, bar=bar)
    report(StageStarted("rules", 2))
    for name in ("one", "two"):
        report(CaseFinished("rules", name, "", Verdict.HELD))
    assert told == [("rules, cases", 1, 2), ("rules, cases", 2, 2)][: 1 if live else 2]
