"""Tables in the files of rules: what an entry for many values is written out as, and what is no table."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.verify.rules.tables import written_out


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param(
            [{"for": {"n": 2}, "each": {"Name": "No ${n}"}}], [{"Name": "No 1"}, {"Name": "No 2"}], id="count"
        ),
        pytest.param([0, {"for": {"x": [True, None]}, "each": "${x}"}, 9], [0, True, None, 9], id="values-of-any-type"),
        pytest.param([{"for": {"x": ["a", "b"]}, "each": ["${x}", "-"]}], ["a", "-", "b", "-"], id="several-entries"),
        pytest.param({"for": {"x": ["A", "B"]}, "each": {"/${x}": "${x}"}}, {"/A": "A", "/B": "B"}, id="members"),
        pytest.param(
            [{"for": {"x": ["a", "b"]}, "each": [{"for": {"y": [1, 2]}, "each": "${x}${y}"}]}],
            ["a1", "a2", "b1", "b2"],
            id="table-in-a-table",
        ),
        pytest.param({"patch": [{"op": "test"}], "for": 3}, {"patch": [{"op": "test"}], "for": 3}, id="no-table"),
        pytest.param(
            [{"for": {"x": [{"a": 1, "b": 2}, {"a": 3}]}, "each": {"with": ["${x}", {"c": 4}], "b": 5}}],
            [{"a": 1, "b": 5, "c": 4}, {"a": 3, "b": 5, "c": 4}],
            id="keys-taken-over",
        ),
        pytest.param([{"for": {"x": [{"a": 1}, {"a": 2}]}, "each": "-${x.a}"}], ["-1", "-2"], id="value-of-a-mapping"),
        pytest.param(["${/Pointer}", "${long:3}"], ["${/Pointer}", "${long:3}"], id="other-placeholders"),
    ],
)
def test_a_table_is_written_out(given: Any, wanted: Any) -> None:
    assert written_out(given, "a file") == wanted


CROSSED = {"for": {"call": ["GET", "PUT"], "form": [1, 2, 3]}, "each": "${call}${form}"}


def test_the_values_of_further_names_take_turns_from_the_seed_and_from_one_further_on_in_each_table() -> None:
    assert written_out([CROSSED, CROSSED], "a file") == ["GET1", "PUT2", "GET2", "PUT3"]
    assert written_out([CROSSED, CROSSED], "a file", seed=2) == ["GET3", "PUT1", "GET1", "PUT2"]


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({"each": 1}, id="no-values"),
        pytest.param({"for": 3, "each": 1}, id="no-name"),
        pytest.param({"for": {}, "each": 1}, id="no-values-by-name"),
        pytest.param({"for": {"a": 1}, "each": 1, "other": 2}, id="another-key"),
    ],
)
def test_a_broken_table_is_refused_with_its_place(table: Any) -> None:
    with pytest.raises(UsageError, match="a file: "):
        written_out([table], "a file")
