"""The members of a fault: what each can hold, and the nearest that it can."""

from __future__ import annotations

import pytest

from mockserver.faults.fields import FIELDS, UnfitError


@pytest.mark.parametrize(
    ("name", "last", "beyond"),
    [
        pytest.param("status", 400, 399, id="lowest status"),
        pytest.param("status", 599, 600, id="highest status"),
        pytest.param("probability", 1, 1.001, id="certain"),
        pytest.param("probability", 0.001, 0, id="hardly ever"),
        pytest.param("first", 1, 0, id="fewest matches"),
        pytest.param("first", 10**9, 10**9 + 1, id="most matches"),
        pytest.param("after", 0, -1, id="nothing skipped"),
        pytest.param("at", [1, 10**9], [1, 10**9 + 1], id="last position"),
        pytest.param("expires_in_s", 1e9, 1e9 + 1, id="longest lifetime"),
        pytest.param("expires_in_s", 0.001, 0, id="shortest lifetime"),
        pytest.param("delay_ms", 600_000, 600_001, id="longest delay"),
        pytest.param("delay_ms", {"uniform": [0, 600_000]}, {"uniform": [0, 600_001]}, id="longest of several"),
        pytest.param("delay_ms", {"uniform": [0, 1]}, {"uniform": [-1, 1]}, id="shortest of several"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [5, 5]}, id="two bounds are two"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [4, True]}, id="bounds are numbers"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [4, 5], "unit": "s"}, id="nothing beside the bounds"),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 600_000, "sigma": 5}},
            {"lognormal": {"median": 600_000, "sigma": 5.1}},
            id="widest spread",
        ),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 1, "sigma": 0.1}},
            {"lognormal": {"median": 1, "sigma": 0}},
            id="no spread",
        ),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 1, "sigma": 1}},
            {"lognormal": {"median": 0, "sigma": 1}},
            id="no median",
        ),
        pytest.param("id", "a" * 64, "a" * 65, id="longest id"),
    ],
)
def test_a_bound_belongs_to_what_it_bounds(name: str, last: object, beyond: object) -> None:
    """The last value is read, the one beyond is refused, and the hint suggests one that is read."""
    FIELDS[name].read(last)
    with pytest.raises(UnfitError) as unfit:
        FIELDS[name].read(beyond)
    FIELDS[name].read(unfit.value.nearest)


@pytest.mark.parametrize(
    ("steps", "nearest"),
    [
        ([400, 599], None),
        ([500, 399], [500, "ok"]),
        ([500, 600], [500, 500]),
        ([500, "400"], [500, 400]),
        ([500, "599"], [500, 599]),
        ([500, 100], [500, "ok"]),
        ([500, 99], [500, 500]),
    ],
)
def test_a_step_is_an_error_or_ok(steps: list[object], nearest: list[object] | None) -> None:
    """A status that is no error is most likely meant as ok."""
    if nearest is None:
        assert FIELDS["sequence"].read(steps) == tuple(steps)
        return
    with pytest.raises(UnfitError) as unfit:
        FIELDS["sequence"].read(steps)
    assert unfit.value.nearest == nearest
