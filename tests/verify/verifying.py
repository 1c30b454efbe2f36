"""What the tests of the verification share: benches in this process, and verdicts as plain data."""

from __future__ import annotations

from functools import cache

from mockserver.verify.calls import Bench
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.drawn.schemathesis import Generated, generate
from mockserver.verify.events import CaseFinished, Event
from mockserver.verify.mock_bench import read_fixtures
from mockserver.verify.run import Plan, verify
from tools.mutants.harness import CONTRACT, FIXTURES, Server, ServerSession, right_server

DIALECTS = ("vendor", "library", "rfc6902")


@cache
def contract() -> Contract:
    return load_contract(CONTRACT)


@cache
def generated_cases() -> list[Generated]:
    """Return what a run draws if nothing else is asked for: two seconds' work, and always the same."""
    plan = Plan()
    return generate(contract(), read_fixtures(FIXTURES).profiles[0], plan.seed, plan.max_examples)


def bench_of(server: Server, dialect: str = "vendor") -> Bench:
    """Return the bench of any server that has the demo's accounts and profiles."""
    fixtures = read_fixtures(FIXTURES)
    return fixtures.bench(ServerSession(server, fixtures.editors), dialect)


def healthy(dialect: str) -> Bench:
    """Return the bench of a new mock in this process."""
    return bench_of(right_server(dialect), dialect)


def run(bench: Bench, plan: Plan) -> tuple[int, list[Event]]:
    """Return the exit code and everything that was reported."""
    events: list[Event] = []
    return verify(bench, contract(), plan, events.append), events


def cases_of(events: list[Event]) -> list[CaseFinished]:
    return [event for event in events if isinstance(event, CaseFinished)]


def not_held(cases: list[CaseFinished]) -> list[tuple[str, str, tuple[str, ...], object]]:
    """Return (id, verdict, problems, smallest patch) of each case that did not hold."""
    return [(case.id, case.verdict.value, case.problems, case.smallest) for case in cases if case.verdict != "held"]
