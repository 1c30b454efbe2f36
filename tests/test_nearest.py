"""What "did you mean" names: one cut-off for flags, settings, members, users and all else."""

from __future__ import annotations

import pytest

from mockserver.nearest import did_you_mean, likeness, nearest_name, nearest_names

MEMBERS = ("IsActive", "Emails", "AlternateIds")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        pytest.param("Emials", "Emails", id="two letters swapped"),
        pytest.param("EMAILS", "Emails", id="other letter case"),
        pytest.param("Email", "Emails", id="a letter missing"),
        pytest.param("AlternateIdentifiers", "AlternateIds", id="more than half is the same"),
        pytest.param("Phones", None, id="less than half is the same"),
        pytest.param("", None, id="nothing"),
        pytest.param(417, None, id="no text at all"),
        pytest.param("x" * 1_000_000, None, id="a text without end"),
    ],
)
def test_a_name_is_like_another_from_half_of_its_letters_on(name: object, meant: str | None) -> None:
    assert nearest_name(name, MEMBERS) == meant


def test_the_hint_asks_for_the_nearest_or_says_what_else_to_do() -> None:
    assert did_you_mean("Emials", MEMBERS, "write a member") == "did you mean Emails?"
    assert did_you_mean("Phones", MEMBERS, "write a member") == "write a member"
    assert did_you_mean("Phones", ()) == ""


def test_the_nearest_of_many_come_in_order_however_unlike() -> None:
    assert nearest_names("Emails/0", MEMBERS, 2) == ["Emails", "AlternateIds"]


def test_likeness_goes_from_nothing_in_common_to_the_same() -> None:
    assert [likeness("abcd", other) for other in ("wxyz", "abxy", "abcd")] == [0, 0.5, 1]
