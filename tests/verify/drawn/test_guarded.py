"""The stage `generated` on a target that keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.package import shipped
from mockserver.verify.calls import Verdict
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.drawn.guarded import MOST_CASES, GuardedGenerated, drawn
from mockserver.verify.drawn.schemathesis import Generated
from mockserver.verify.events import CaseFinished, Event
from mockserver.verify.run import Plan, cases_of, verify_target
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.request_plan import make_plan
from mockserver.verify.target.session import Clock, TargetSession
from mockserver.verify.target.targets import Target
from mockserver.verify.target.vetting import Leave
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor

CONTRACT: Contract = load_contract(shipped("contracts") / "openapi.yaml")


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


def target_of(vendor: FakeVendor) -> Target:
    credential = Credential(USER, known=SECRET)
    keys = ((CLIENT, *KEY),)
    return Target("fake", vendor.url, CLIENT, credential, keys, rate=1000.0, settle_s=0.0, budget=2000)


def session_of(vendor: FakeVendor, *, write: bool = True) -> TargetSession:
    return TargetSession(target_of(vendor), write=write, clock=Clock(sleep=lambda seconds: None))


def generated(body: list[dict[str, Any]]) -> Generated:
    return Generated(1, "PATCH", (CLIENT, *KEY), body, True, "made by hand")


def outcome(vendor: FakeVendor, state: Path, body: list[dict[str, Any]], *, write: bool = True) -> CaseFinished:
    with GuardedRun(session_of(vendor, write=write), state, CONTRACT) as run:
        return GuardedGenerated(run.bench(), CONTRACT, 1).run(generated(body))


@pytest.mark.slow
@pytest.mark.no_cover
def test_the_stage_runs_on_a_real_target_and_leaves_it_as_it_was(vendor: FakeVendor, tmp_path: Path) -> None:
    """Drawn by Schemathesis, bounded, valid, and without what could not be taken back."""
    before, told = vendor.lasting(), list[Event]()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        asked = Plan(("generated",), max_examples=3)
        requests = make_plan(cases_of(run.target, CONTRACT, asked), run.target, CONTRACT, write=True, time_s=None)
        verify_target(run, requests, CONTRACT, asked, told.append)
    verdicts = [event.verdict for event in told if isinstance(event, CaseFinished)]
    assert 1 <= len(verdicts) <= 3
    assert vendor.commits >= 2, "at least one change, and its restore"
    assert vendor.lasting() == before
    touched = {row["path"].split("/")[1] for seen in vendor.seen for row in seen.operations if row["op"] != "test"}
    assert not touched & {"IsActive", "AlternateIds", "ProfileId", "Consents", "Edited"}


def test_cases_are_few_valid_and_different(vendor: FakeVendor) -> None:
    bench = DryRun(target_of(vendor), CONTRACT, Leave.of(CONTRACT, write=True)).bench()
    cases = drawn(CONTRACT, bench, 1, 5)
    assert 1 <= len(cases) <= 5 <= MOST_CASES
    assert all(case.positive and case.body for case in cases)
    assert len({str(case.body) for case in cases}) == len(cases)
    assert vendor.seen == []


SET = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}
TEST = {"op": "test", "path": "/CustomerType", "value": "will be fitted"}


def test_without_leave_to_write_only_tests_are_sent(vendor: FakeVendor, tmp_path: Path) -> None:
    assert outcome(vendor, tmp_path, [SET], write=False).verdict is Verdict.NOT_VERIFIABLE
    assert outcome(vendor, tmp_path, [TEST], write=False).verdict is Verdict.HELD
    assert vendor.commits == 0


def test_a_patch_that_does_not_do_as_predicted_is_broken(vendor: FakeVendor, tmp_path: Path) -> None:
    """Found, told without the values, and restored."""
    before = vendor.lasting()
    vendor.quirks.dash_prepends = True
    found = outcome(vendor, tmp_path, [{"op": "add", "path": "/ProfileTags/-", "value": {"Name": "Last"}}])
    assert found.verdict is Verdict.BROKEN
    assert any("/ProfileTags" in problem for problem in found.problems)
    assert "Last" not in "".join(found.problems)
    assert vendor.lasting() == before


def test_a_lost_answer_is_inconclusive_and_undone(vendor: FakeVendor, tmp_path: Path) -> None:
    before = vendor.lasting()
    vendor.faults.drop_after_commit = {1}
    assert outcome(vendor, tmp_path, [SET]).verdict is Verdict.INCONCLUSIVE
    assert vendor.lasting() == before


def test_an_account_may_refuse_what_strains_its_rules(vendor: FakeVendor, tmp_path: Path) -> None:
    """As it may where a rule asks for it; any other refusal of a valid patch is broken."""
    vendor.quirks.refuses_paths = ("/Emails/0/IsActive", "/CustomerType")
    read_only = {"op": "replace", "path": "/Emails/0/IsActive", "value": False}
    assert outcome(vendor, tmp_path, [read_only]).verdict is Verdict.TOLERATED
    assert outcome(vendor, tmp_path, [SET]).verdict is Verdict.BROKEN
