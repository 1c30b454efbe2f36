"""What a store promises about a world's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.state.stores import Connect


def test_a_frozen_clock_stands_in_every_process(connect: Connect) -> None:
    """It is moved, and freed again."""
    noon = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    connect().get("w").clock.freeze(noon)
    assert (connect().get("w").clock.now(), connect().get("w").clock.frozen) == (noon, True)
    connect().get("w").clock.advance(-1.5)
    assert connect().get("w").clock.now() == noon - timedelta(seconds=1.5)
    assert connect().get(None).clock.frozen is False
    connect().get("w").clock.reset()
    assert (connect().get("w").clock.frozen, connect().get("w").clock.offset_s) == (False, 0)


def test_a_shifted_clock_is_shifted_in_every_process(connect: Connect) -> None:
    """Steps add up; freezing keeps the shifted time."""
    connect().get("w").clock.advance(3600)
    connect().get("w").clock.advance(0.25)
    clock = connect().get("w").clock
    assert clock.offset_s == 3600.25
    assert timedelta(seconds=3590) < clock.now() - connect().get(None).clock.now() < timedelta(seconds=3610)
    clock.freeze()
    assert connect().get("w").clock.now() - datetime.now(UTC) > timedelta(seconds=3500)


@pytest.mark.parametrize("seconds", [10**12, 3600 * 24 * 366 * 7000, -3600 * 24 * 366 * 1100])
def test_a_clock_stays_within_its_range(connect: Connect, seconds: int) -> None:
    """A step beyond it is refused and moves nothing."""
    connect().get("w").clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    with pytest.raises(OverflowError):
        connect().get("w").clock.advance(seconds)
    assert connect().get("w").clock.now() == datetime(2026, 1, 31, 12, tzinfo=UTC)
