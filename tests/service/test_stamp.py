"""The moment that a change is stamped with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.service.life import shown_moment


@pytest.mark.parametrize(
    ("microsecond", "shown"),
    [(0, "000"), (999, "000"), (1000, "001"), (10_218, "010"), (999_999, "999")],
    ids=str,
)
def test_it_has_three_digits_and_is_rounded_down(microsecond: int, shown: str) -> None:
    assert shown_moment(datetime(2026, 5, 1, 7, 8, 9, microsecond, UTC)) == f"2026-05-01T07:08:09.{shown}Z"


@given(st.datetimes(timezones=st.just(UTC)))
def test_it_is_what_python_writes(moment: datetime) -> None:
    assert shown_moment(moment) == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
