"""What a question to the journal may compute is bounded, whatever is asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mockserver.errors import BoundReached, UsageError
from mockserver.journal.query import find, verify
from mockserver.journal.work import Work
from tests.journal.exchanges import TREE, exchange

JOURNAL = [exchange() for _ in range(100)]
SHUFFLED = orjson.dumps([[number, list(range(100))] for number in range(100)])


def asked(spec: Any, limit: int, journal: list[Any] | None = None) -> int:
    """Ask in each way that there is and return the steps that were left."""
    work = Work(limit)
    if "sequence" in spec or "event" in spec:
        verify(spec, journal or JOURNAL, TREE, work=work)
    else:
        len(find(spec, journal or JOURNAL, work))
    return work.left


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"method": "PATCH"}, id="one-field"),
        pytest.param({"headers": {f"x-{n}": {"absent": True} for n in range(50)}}, id="many-headers"),
        pytest.param({"bodyPatterns": [{"contains": "]"}] * 50}, id="many-bodies"),
        pytest.param({"urlPattern": ".*"}, id="regular-expression"),
        pytest.param({"sequence": [{}] * 50, "strict": True}, id="strict-sequence"),
        pytest.param({"sequence": [{}] * 100}, id="sequence"),
        pytest.param({"sequence": [{"op": "test"}]}, id="near-misses"),
        pytest.param({"event": {"path": "/IsActive"}}, id="event"),
    ],
)
def test_what_is_needed_is_enough_and_one_step_less_is_not(spec: Any) -> None:
    """The refusal names the bound, and each question costs something."""
    needed = 10_000_000 - asked(spec, 10_000_000)
    assert needed >= len(JOURNAL) / 2
    assert asked(spec, needed) == 0
    with pytest.raises(BoundReached, match=f"more than {needed - 1} steps") as caught:
        asked(spec, needed - 1)
    assert caught.value.bound == "max_control_work"


def test_lists_in_any_order_are_compared_within_the_bound() -> None:
    """Ten thousand pairs of them, none of which is equal before its last element."""
    wanted = [[number, [*range(99), -1]] for number in range(100)]
    spec = {"bodyPatterns": [{"equalToJson": wanted, "ignoreArrayOrder": True}]}
    with pytest.raises(BoundReached):
        asked(spec, 100_000, [exchange(body=SHUFFLED) for _ in range(100)])
    backwards = orjson.loads(SHUFFLED)[::-1]
    small = {"bodyPatterns": [{"equalToJson": backwards, "ignoreArrayOrder": True}]}
    assert len(find(small, [exchange(body=SHUFFLED)])) == 1


def test_a_hundred_regular_expressions_are_the_most() -> None:
    """Each takes memory and time to compile."""
    pattern = {"matches": "a*"}
    assert asked({"bodyPatterns": [pattern] * 99}, 5_000_000) > 0
    with pytest.raises(BoundReached):
        asked({"bodyPatterns": [pattern] * 101}, 5_000_000)


def test_a_pattern_has_a_bottom() -> None:
    """Deep JSON is refused in words, not by a crash; a body may be compared with it as text."""
    deep: Any = 1
    for _ in range(101):
        deep = [deep]
    with pytest.raises(UsageError, match="levels deep"):
        find({"bodyPatterns": [{"equalToJson": deep}]}, JOURNAL)
    text = orjson.dumps(deep).decode()
    assert find({"bodyPatterns": [{"equalToJson": text}]}, [*JOURNAL, exchange(body=text.encode())])
