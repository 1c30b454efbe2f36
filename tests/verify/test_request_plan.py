"""A plan says what a run will send: never less, at most a fifth more than a healthy server needs, the best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mockserver.drift.compare import Comparison, load_volatile
from mockserver.drift.drift import Drift, keys_of
from mockserver.drift.findings import DriftReport
from mockserver.package import shipped
from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, Event, RunFinished, RunStarted, StageStarted
from mockserver.verify.mock_process import load_profiles, local_mock
from mockserver.verify.rules.reading import load_rules
from mockserver.verify.run import Plan, cases_of, verify_target
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.redaction import Redactor
from mockserver.verify.target.request_plan import Case, RequestPlan, make_plan, rule_case
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import RESERVE, Target
from tests.verify.target.fake_vendor import CLIENT, KEY, PROFILE, SECRET, USER, FakeVendor
from tests.verify.target.runs import CONTRACT, PROFILE_KEY, target_of

RULES = load_rules(shipped("contracts") / "rules")
READ_OR_WRITE = pytest.mark.parametrize("write", [False, True], ids=["read", "write"])


@pytest.fixture(scope="module")
def mock() -> Iterator[Target]:
    other = Target("x", "http://127.0.0.1:1", CLIENT, Credential(USER, known=SECRET), (PROFILE_KEY,))
    with local_mock(other) as started:
        yield started


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


@pytest.fixture
def foreign(mock: Target) -> Target:
    """The mock as a server of which nothing is known but its address, one user and one profile."""
    load_profiles(mock, {PROFILE_KEY: PROFILE})
    return replace(mock, name="sandbox", mock=False, rate=1000.0, settle_s=0.0)


@cache  # each rehearses hundreds of cases
def plan_of(target: Target, *only: str, write: bool = False, time_s: float | None = None) -> RequestPlan:
    return make_plan(
        cases_of(target, CONTRACT, Plan(("rules",), only=only)), target, CONTRACT, write=write, time_s=time_s
    )


def verified(plan: RequestPlan, state: Path, *, complete: bool = False) -> tuple[int, int, list[Event]]:
    """Play a plan; return the exit code, how many requests that took, and the events."""
    events: list[Event] = []
    with GuardedRun(TargetSession(plan.target, write=plan.write), state, CONTRACT) as run:
        code = verify_target(run, plan, CONTRACT, Plan(("rules",), complete=complete), events.append)
    return code, run.used, events


def held_to(plan: RequestPlan, sent: int) -> bool:
    return sent <= plan.announced <= 1.2 * sent


@pytest.mark.no_cover
@READ_OR_WRITE
@pytest.mark.parametrize("budget", [50, 400])
def test_what_verify_announces_is_what_a_healthy_server_needs(
    foreign: Target, tmp_path: Path, budget: int, write: bool
) -> None:
    plan = plan_of(replace(foreign, budget=budget), write=write)
    code, sent, events = verified(plan, tmp_path)
    assert (code, held_to(plan, sent), sent <= budget) == (0, True, True)
    assert [event.total for event in events if isinstance(event, StageStarted)] == [len(plan.chosen)]
    words = next(event.words for event in events if isinstance(event, RunStarted))
    assert words == next(event.words for event in events if isinstance(event, RunFinished)) == plan.words()


@pytest.mark.no_cover
@READ_OR_WRITE
def test_what_drift_announces_is_what_a_healthy_server_needs(
    foreign: Target, mock: Target, tmp_path: Path, write: bool
) -> None:
    target = replace(foreign, budget=120)
    plan = make_plan(
        [rule_case(rule, CONTRACT, keys_of(rule, target)) for rule in RULES], target, CONTRACT, write=write
    )
    volatile = load_volatile(shipped("contracts") / "volatile.yaml")
    report = DriftReport("mock", "sandbox")
    with local_mock(target) as other, GuardedRun(TargetSession(target, write=write), tmp_path, CONTRACT) as run:
        drift = Drift(
            run,
            other,
            Comparison(CONTRACT, "vendor", volatile, Redactor(set())),
            report,
            mock_is_left=True,
        )
        told = list[tuple[int, int]]()
        drift.compare(plan, RULES, (), lambda done, total: told.append((done, total)))
    assert (report.exit_code, report.requests, held_to(plan, run.used)) == (0, run.used, True)
    assert report.words == plan.words()
    assert told == [(number, len(plan.chosen)) for number in range(1, len(plan.chosen) + 1)]


@pytest.mark.no_cover
def test_the_sample_asks_everything_in_ten_minutes(foreign: Target) -> None:
    """README's commands: read, write and compare, with the budget and the rate that the sample file has."""
    target = replace(foreign, budget=3400, rate=6.0)
    plans = [plan_of(target), plan_of(target, write=True)]
    assert [plan.left for plan in plans] == [(), ()]
    assert sum(plan.announced for plan in (*plans, plans[0])) / target.rate < 600


@pytest.mark.no_cover
@READ_OR_WRITE
def test_a_small_budget_asks_the_most_important_first(foreign: Target, write: bool) -> None:
    """What every answer holds, then facts that were not asked yet, never the same one twice while others wait."""
    plan = plan_of(replace(foreign, budget=50), write=write)
    assert plan.chosen[0].case.id == "every-answer"
    asked = {fact for row in plan.chosen for fact in row.case.fact}
    assert len(asked) >= 20
    assert write is False or "operation.supported.replace" in asked
    assert plan.announced <= 50 - (RESERVE if write else 0)
    more = plan_of(replace(foreign, budget=400), write=write)
    assert asked <= {fact for row in more.chosen for fact in row.case.fact}
    assert more.facts[0] == more.facts[1], "each fact once takes less than the rest"


@pytest.mark.no_cover
def test_a_plan_that_was_cut_says_what_to_write_instead(foreign: Target) -> None:
    small = plan_of(replace(foreign, budget=100, rate=2.0), write=True, time_s=30)
    assert small.announced <= 2.0 * 30
    first, *rest = small.lines()
    asked, of = small.facts
    assert f"{asked} of {of} facts asked" in first
    words = next(line for line in rest if "--budget" in line).split()
    enough = replace(foreign, budget=int(words[words.index("--budget") + 1]), rate=2.0)
    whole = plan_of(enough, write=True, time_s=float(words[words.index("--time") + 1]))
    assert (whole.left, whole.too_small) == ((), "")


def test_a_plan_is_grouped_by_reason(foreign: Target) -> None:
    """Every request and every case is listed where that is wanted, and for programs."""
    plan = plan_of(foreign, "add-text", "empty-patch", "token-*")
    short, long = "\n".join(plan.lines()), "\n".join(plan.lines(verbose=True))
    assert "not asked: 1 case: it could change the profile, which takes --write" in short
    assert "add-text" not in short
    assert "    add-text" in long
    assert f"empty-patch: PATCH profile 1 of sandbox ({KEY[0]}) no operations" in long
    document = plan.as_json()
    assert (document["announced"], document["cases"]) == (plan.announced, ["empty-patch"])
    assert "add-text" in document["notAsked"]


def test_a_cut_plan_is_enough_unless_it_must_be_complete(foreign: Target, tmp_path: Path) -> None:
    plan = plan_of(replace(foreign, budget=50))
    assert [verified(plan, tmp_path, complete=complete)[0] for complete in (False, True)] == [0, 3]


def test_a_run_that_was_to_write_and_did_not_is_no_answer(foreign: Target, tmp_path: Path) -> None:
    """All cases that change something were held back."""
    plan = plan_of(foreign, "empty-patch", "replace-flags", "active-can-be-patched", write=True)
    assert any(row.case.changes for row in plan.held)
    assert not any(row.case.changes for row in plan.chosen)
    code, _, events = verified(plan, tmp_path)
    assert code == 3
    assert [
        event.id for event in events if isinstance(event, CaseFinished) and event.verdict is Verdict.INCONCLUSIVE
    ] == ["nothing-written"]


def test_a_run_ends_at_what_it_announced(vendor: FakeVendor, tmp_path: Path) -> None:
    """A server that needs more is asked no further, and the profile is restored all the same."""
    plan = plan_of(target_of(vendor), "add-*", write=True)
    plan = replace(plan, chosen=tuple(replace(row, requests=row.requests - 1) for row in plan.chosen))
    before = vendor.lasting()
    code, sent, events = verified(plan, tmp_path)
    assert code == 3
    assert sum("announced" in str(event) for event in events if isinstance(event, CaseFinished)) == 1
    assert plan.announced <= sent == len(vendor.seen) <= plan.announced + RESERVE
    assert vendor.lasting() == before


def test_cases_of_a_rule_see_only_the_profiles_they_need(foreign: Target) -> None:
    """One case is played to a bench with fewer profiles than the target lists."""
    target = replace(foreign, keys=(PROFILE_KEY, (CLIENT, "CRM", "C-000999")))
    (rule,) = (rule for rule in RULES if rule.id == "empty-patch")
    cases: list[Case] = [rule_case(rule, CONTRACT, keys_of(rule, target)), rule_case(rule, CONTRACT)]
    one, all_ = make_plan(cases, target, CONTRACT, write=False).chosen
    assert one.requests < all_.requests
