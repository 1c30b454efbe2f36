"""Whole recordings of invented people: nothing of them is left, and all that no person has stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from mockserver.errors import UsageError
from mockserver.package import shipped
from mockserver.recording.pseudonyms import plausible_words
from mockserver.recording.recording import STAYS, Recording, kept_places, places_of, pseudonymised
from mockserver.verify.contract import load_contract
from tests.examples import many
from tests.recording.invented import profiles

SHAPE = load_contract(shipped("contracts") / "openapi.yaml").profile
KEY = b"a key of the tests, long enough"
WORDS = plausible_words()
MEMBERS = {part for place in places_of(SHAPE) for part in place.split("/")}


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, (dict, list)):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(item, place if isinstance(value, list) else f"{place}/{name}".strip("/"))
    elif value is not None and not isinstance(value, bool):
        yield place, str(value)


def originals(shown: list[dict[str, Any]]) -> set[str]:
    """Return, by the words of the requirement alone, what must not be found."""
    rows = [row for profile in shown for row in leaves(profile)]
    stays = {text.casefold() for place, text in rows if place in STAYS} | {name.casefold() for name in MEMBERS}
    return {text for place, text in rows if place not in STAYS and len(text) > 3 and text.casefold() not in stays}


def without_what_stays(profile: Mapping[str, Any]) -> str:
    """Return the values of a profile as text, without those that stay."""
    return "\n".join(text for place, text in leaves(profile) if place not in STAYS)


@cache
def recorded(count: int) -> Recording:
    return pseudonymised(profiles(count), SHAPE, KEY, WORDS)


@pytest.mark.parametrize("count", [12, pytest.param(many(40), marks=pytest.mark.slow)])
def test_no_original_is_left(count: int) -> None:
    """In no spelling; what says nothing of anybody (a flag) is none."""
    text = "\n".join(map(without_what_stays, recorded(count).profiles))
    everything, small = "\n".join(recorded(count).files.values()), text.casefold()
    found = [
        value
        for value in originals(profiles(count)) - {"true", "false"}
        if value.casefold() in small
        or any(
            form in everything for form in (quote(value, safe=""), quote(quote(value, safe=""), safe="")) if "%" in form
        )
        or base64.b64encode(value.encode()).decode().rstrip("=") in everything
    ]
    assert found == []


def test_what_the_contract_does_not_know_is_left_out_and_counted() -> None:
    assert recorded(12).left_out == {"Nickname": 12}
    assert all("Nickname" not in profile for profile in recorded(12).profiles)


def test_a_name_that_could_be_somebodys_is_not_shown() -> None:
    (profile,) = profiles(1)
    name = profile["CustomerName"]["LastName"]
    recording = pseudonymised([profile | {name: 1, "a@b.org": 2}], SHAPE, KEY, WORDS)
    assert {recording.shown(place) for place in recording.left_out} == {"Nickname", "a member whose name is not shown"}


def test_what_stays_is_as_it_was_and_all_else_has_the_same_shape() -> None:
    """Flags, nulls, empty lists and the number of entries included."""
    for before, after in zip(profiles(12), recorded(12).profiles, strict=True):
        known = [row for row in leaves(before) if row[0] != "Nickname"]
        assert [place for place, _ in known] == [place for place, _ in leaves(after)]
        assert [row for row in known if row[0] in STAYS] == [row for row in leaves(after) if row[0] in STAYS]
        assert before["IsActive"] is after["IsActive"]


def test_the_same_value_has_one_replacement_everywhere() -> None:
    """So that a comparison that held holds again."""
    pairs: dict[str, set[str]] = {}
    for before, after in zip(profiles(12), recorded(12).profiles, strict=True):
        known = [row for row in leaves(before) if row[0] != "Nickname"]
        for (place, old), (_, new) in zip(known, leaves(after), strict=True):
            if place not in STAYS:
                pairs.setdefault(old, set()).add(new)
    assert [old for old, new in pairs.items() if len(new) > 1] == []


def test_twice_the_same_gives_the_same_files() -> None:
    assert pseudonymised(profiles(12), SHAPE, KEY, WORDS).files == recorded(12).files


def test_the_key_is_in_no_file() -> None:
    assert not any(KEY.decode() in text for text in recorded(12).files.values())


def test_kinds_are_counted() -> None:
    kinds = recorded(12).replaced
    assert set(kinds) >= {"names", "e-mail addresses", "telephone numbers", "addresses", "ids", "dates", "other texts"}
    assert kinds["names"] >= 20


def test_a_date_may_read_like_a_number_of_four_digits_where_every_year_does() -> None:
    """Which is no reason to refuse; a whole date of somebody's is."""
    (profile,) = profiles(1)
    years = [{"Name": "Year", "Value": str(year)} for year in range(1700, 2100)]
    recording = pseudonymised([profile | {"CustomFields": years}], SHAPE, KEY, WORDS)
    values = {row["Value"] for row in recording.profiles[0]["CustomFields"]}
    assert not values & {row["Value"] for row in years}


def test_members_that_stay_exist() -> None:
    assert STAYS - set(places_of(SHAPE)) == frozenset()


@pytest.mark.parametrize(
    ("name", "why"), [("ProfileTag/Name", "no member"), ("AlternateIds/AlternateId", "can't stay")]
)
def test_what_the_user_keeps_is_a_member_that_names_nobody(name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        kept_places([name], SHAPE)


def test_a_member_that_the_user_keeps_stays() -> None:
    shown = profiles(5)
    stays = kept_places(["ProfileTags/Name"], SHAPE)
    tags = [profile["ProfileTags"] for profile in pseudonymised(shown, SHAPE, KEY, WORDS, stays).profiles]
    assert tags == [profile["ProfileTags"] for profile in shown]
    assert any(tags)


def test_files_are_json_of_the_profiles() -> None:
    assert [json.loads(text) for text in recorded(12).files.values()] == recorded(12).profiles
