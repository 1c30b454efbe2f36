"""What a server may choose for itself raises no alarm: a few of what is permitted here, all with `make mutants`."""

from __future__ import annotations

import pytest

from mockserver.verify.run import Plan
from tests.verify.test_wrong_servers import bench_of_wrong
from tests.verify.verifying import DIALECTS, cases_of, healthy, not_held, run
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
