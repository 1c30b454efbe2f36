"""What a server may choose for itself raises no alarm: a few of what is permitted here, all with `make mutants`."""

from __future__ import annotations

import pytest

import mockserver.verify.run as stages
from mockserver.verify.calls import Bench
from mockserver.verify.run import Plan
from tests.verify.test_wrong_servers import bench_of_wrong
from tests.verify.verifying import DIALECTS, bench_of, cases_of, generated_cases, healthy, not_held, run
from tools.mutants.harness import Server, Wrong, right_server
from tools.mutants.permitted import PERMITTED

FEW = ("P01-order-reversed", "P06-escapes-of-markup", "P08-message-detail", "P16-charset-without-a-blank")
# Rules that look closely at how an answer is written.
CLOSE = (
    "id-in-*",
    "client-in-*",
    "body-*",
    "refusal*",
    "error-*",
    "token-*",
    "route-*",
    "xml-nil",
    "text-of-*",
    "answer-*",
)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", FEW)
def test_a_permitted_difference_raises_no_alarm(name: str) -> None:
    right = next(one for one in PERMITTED if one.id == name)
    _, events = run(bench_of_wrong(right), Plan(only=CLOSE))
    assert len(cases_of(events)) > 50
    assert not_held(cases_of(events)) == []


def wrapped(wrong: Wrong, right: Server) -> Server:
    return lambda request: wrong(request, right)


def all_at_once(dialect: str) -> Bench:
    """Return a server with every permitted difference; what changes the name of the charset comes last."""
    server = right_server(dialect)
    for one in sorted(PERMITTED, key=lambda one: one.id.partition("-")[2].startswith("charset")):
        assert one.wrong is not None
        server = wrapped(one.wrong, server)
    return bench_of(server, dialect)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_all_permitted_differences_at_once_raise_no_alarm(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In no dialect, and in no stage."""
    monkeypatch.setattr(stages, "generate", lambda *_: generated_cases())
    for plan in (Plan(only=CLOSE), Plan(stages=("model",), max_examples=5), Plan(stages=("generated",), thin=40)):
        _, events = run(all_at_once(dialect), plan)
        assert len(cases_of(events)) >= 5
        assert not_held(cases_of(events)) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_mock_keeps_its_own_form(dialect: str) -> None:
    _, events = run(healthy(dialect), Plan(tags=("form",)))
    assert len(cases_of(events)) == 3
    assert not_held(cases_of(events)) == []


@pytest.mark.parametrize("name", FEW[:3])
def test_the_mocks_own_form_is_asked_for_by_name(name: str) -> None:
    """And only then: what is permitted to others would be a change of the mock."""
    other = next(one for one in PERMITTED if one.id == name)
    code, _ = run(bench_of_wrong(other), Plan(tags=("form",)))
    assert code == 1
