"""The healthy mock holds in each stage and dialect, and verification is reproducible."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mockserver.errors import UsageError
from mockserver.verify.calls import Call, Reply
from mockserver.verify.drawn.schemathesis import Generated, GeneratedRunner, generate
from mockserver.verify.drawn.walk import Walker
from mockserver.verify.events import StageFinished
from mockserver.verify.http_session import TimeOver
from mockserver.verify.model import PatchModel, Refused, Unpredictable
from mockserver.verify.run import Plan
from tests.examples import many
from tests.verify.verifying import DIALECTS, cases_of, contract, generated_cases, healthy, not_held, run
from tools.mutants.harness import ROOT

VECTORS = ROOT / "tests" / "vectors"
SEEDS = range(20)
KEY = ("ACME01", "CRM", "C-000417")


@pytest.mark.slow
@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "vendor"])
def test_every_rule_holds(dialect: str) -> None:
    """Also: none is skipped, since the demo offers everything that a rule may need. `vendor` is asked over a socket."""
    code, events = run(healthy(dialect), Plan(stages=("rules",)))
    assert not_held(cases_of(events)) == []
    assert code == 0
    assert len(cases_of(events)) > 200


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("dialect", DIALECTS)
def test_walks_of_many_seeds_hold(dialect: str) -> None:
    """The model predicts every answer and every later read."""
    bench = healthy(dialect)
    outcomes = [Walker(bench, contract(), seed).walk(0) for seed in SEEDS]
    assert not_held(outcomes) == []


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.parametrize("dialect", DIALECTS)
def test_generated_cases_of_many_seeds_hold(dialect: str) -> None:
    """One seed with the systematic part, thinned; the random part alone for the others."""
    bench = healthy(dialect)
    runner = GeneratedRunner(bench, contract(), 0)
    outcomes = [runner.run(case) for case in generated_cases()[DIALECTS.index(dialect) :: 9]]
    for seed in SEEDS:
        runner = GeneratedRunner(bench, contract(), seed)
        outcomes += [runner.run(case) for case in _random(seed)]
    assert not_held(outcomes) == []
    assert len(outcomes) > 300


@cache
def _all_random() -> list[Generated]:
    return generate(contract(), KEY, 5, many(60), coverage=False)


def _random(seed: int) -> list[Generated]:
    """Return a slice of one long draw for each seed: building the strategies anew would take most of the time."""
    return _all_random()[seed :: len(SEEDS)]


def test_the_same_seed_gives_the_same_walk() -> None:
    """Two runs send the same bytes."""
    sent = []
    for _ in range(2):
        bench = healthy("vendor")
        session = bench.session
        calls: list[bytes] = []
        send = session.send

        def noting(call, send=send, calls=calls):  # type: ignore[no-untyped-def]
            calls.append(call.body)
            return send(call)

        session.send = noting  # type: ignore[method-assign]
        Walker(bench, contract(), 3).walk(1)
        sent.append(calls)
    assert sent[0] == sent[1]
    assert len(sent[0]) > 10


@pytest.mark.slow
@pytest.mark.no_cover
def test_the_same_seed_gives_the_same_generated_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was generated before, and whatever is loaded: Hypothesis draws constants of the modules of a process."""
    first = generate(contract(), KEY, 11, 15, coverage=False)
    source = tmp_path / "full_of_constants.py"
    source.write_text("CONSTANTS = (" + "".join(f"'constant {number}', " for number in range(200)) + ")", "utf-8")
    spec = importlib.util.spec_from_file_location("full_of_constants", source)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "full_of_constants", importlib.util.module_from_spec(spec))
    assert generate(contract(), KEY, 11, 15, coverage=False) == first
    assert generate(contract(), KEY, 12, 15, coverage=False) != first


@pytest.mark.parametrize(
    ("body", "status", "held"),
    [
        ([], 404, True),
        ([], 400, False),
        (None, 404, True),
        (None, 400, True),
        ([True], 400, True),
        ([True], 500, False),
    ],
    ids=["good-404", "good-400", "null-404", "null-400", "no-operation-400", "no-operation-500"],
)
def test_a_case_with_two_mistakes_may_be_refused_for_either(body: object, status: int, held: bool) -> None:
    """A URL that names nothing and a document that is none: which is noticed first, nothing says."""
    bench = healthy("vendor")
    send = bench.session.send
    unknown = Generated(1, "PATCH", ("ACME01", "CRM", "NO-SUCH-ID"), body, positive=body == [], description="")

    def answering(call: Call) -> Reply:
        if call.key == bench.profiles[0]:
            return send(call)
        return send(Call("PATCH", bench.profiles[0], call.headers, b"[7]"))._replace(status=status)

    bench.session.send = answering  # type: ignore[method-assign]
    assert (GeneratedRunner(bench, contract(), 0).run(unknown).verdict == "held") == held


def test_the_model_agrees_with_the_vendors_software() -> None:
    """Wherever it predicts anything for the patches on which the vendor's libraries were run."""
    model, base = PatchModel(contract(), "library"), json.loads((VECTORS / "base_profile.json").read_text("utf-8"))
    wrong, predicted = [], 0
    for line in (VECTORS / "patch_vectors.jsonl").read_text("utf-8").splitlines():
        vector = json.loads(line)
        try:
            operations = json.loads(vector["body"])
        except ValueError:
            continue
        if not isinstance(operations, list):
            continue
        status, profile = 200, None
        try:
            profile = model.apply({**base, "ReasonCode": None}, operations)
        except Refused as refusal:
            status = refusal.status
        except Unpredictable:
            continue
        predicted += 1
        expected = vector["status_if_checked"]
        if profile is not None:
            profile.pop("ReasonCode")
            vector["profile"].pop("ReasonCode", None)
        if status != expected or (profile is not None and profile != vector["profile"]):
            wrong.append(vector["id"])
    assert wrong == []
    assert predicted > 600


@pytest.mark.parametrize(
    ("plan", "hint"),
    [
        (Plan(stages=("rule",)), "rules, model, generated"),
        (Plan(only=("empty-pach",)), "empty-patch"),
        (Plan(tags=("writes",)), "write"),
        (Plan(rules=Path("/nowhere")), "contracts/rules"),
    ],
    ids=["stage", "rule", "tag", "directory"],
)
def test_a_plan_that_cant_be_carried_out_is_refused_with_a_hint(plan: Plan, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        run(healthy("vendor"), plan)
    assert hint in str(refusal.value)


def test_a_run_that_ends_early_is_inconclusive() -> None:
    """A bound on the time is no pass."""
    code, events = run(healthy("vendor"), Plan(stages=("rules",), time_s=0.0))
    assert code == 3
    assert len(cases_of(events)) == 1


def test_a_session_whose_time_is_over_ends_its_stage() -> None:
    """Not the run: what was found broken until then stays so, and each later stage says the same."""
    bench = healthy("vendor")

    class Over:
        used = 0

        def send(self, call: Call) -> Reply:
            raise TimeOver("the time of 1 s is over")

    code, events = run(replace(bench, session=Over()), Plan(stages=("rules", "model")))
    stopped = [event.stopped for event in events if isinstance(event, StageFinished)]
    assert stopped == ["the time of 1 s is over"] * 2
    assert code == 3
