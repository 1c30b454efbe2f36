"""Invented profiles in any number: valid, distinct, and the same for the same seed."""

from __future__ import annotations

import builtins
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.core.conformance import complete, problems
from mockserver.core.keys import alternate_ids
from mockserver.core.members import compile_members
from mockserver.errors import UsageError
from mockserver.store.fixture_generator import COUNTRIES, generate

ROOT = Path(__file__).parents[2]
TREE = compile_members(yaml.safe_load((ROOT / "contracts" / "openapi.yaml").read_text(encoding="utf-8")))


@given(st.integers(0, 2**64), st.lists(st.sampled_from(sorted(COUNTRIES)), min_size=1, max_size=3, unique=True))
@settings(max_examples=10, deadline=None)
def test_profiles_are_valid_and_complete_in_the_contract_s_order(seed: int, locales: list[str]) -> None:
    """Whatever the seed, a generated profile is one as the contract has it, with nothing left to fill in."""
    for profile in generate(40, seed, locales):
        assert list(problems(profile, TREE.root)) == []
        assert orjson.dumps(complete(profile, TREE.root)) == orjson.dumps(profile)


@pytest.mark.parametrize("locale", sorted(COUNTRIES))
def test_each_locale_gives_its_own_names_and_country(locale: str) -> None:
    profiles = list(generate(30, 1, [locale]))
    assert {profile["DefaultLocale"] for profile in profiles} == {locale}
    assert {address["Country"] for profile in profiles for address in profile["Addresses"]} == {COUNTRIES[locale].name}
    assert len({profile["CustomerName"]["LastName"] for profile in profiles}) > 10


def test_locales_take_turns_and_may_be_written_with_an_underscore() -> None:
    profiles = list(generate(4, 1, ["pl_PL", "ja-JP"]))
    assert [profile["DefaultLocale"] for profile in profiles] == ["pl-PL", "ja-JP"] * 2


def test_same_arguments_same_profiles() -> None:
    """Two runs agree byte for byte, also if one is drawn in pieces beside another run."""
    first = [orjson.dumps(profile) for profile in generate(200, 42, ["en-US", "fr-CA"])]
    paced, other = generate(200, 42, ["en-US", "fr-CA"]), generate(200, 43, ["en-US", "fr-CA"])
    second = [orjson.dumps(profile) for profile, _ in zip(paced, other, strict=True)]
    assert first == second


def test_fewer_profiles_are_the_first_ones_of_more() -> None:
    assert list(generate(5, 9)) == list(generate(50, 9))[:5]


@pytest.mark.parametrize("other", [{"seed": 2}, {"client_id": "GLOBEX"}, {"locales": ["de-DE"]}], ids=str)
def test_other_arguments_other_profiles(other: dict[str, Any]) -> None:
    assert list(generate(**({"count": 5, "seed": 1} | other))) != list(generate(5, 1))


def test_no_two_profiles_share_an_id() -> None:
    """Alternate ids differ without regard to case, across all locales, and so do ProfileIds."""
    profiles = list(generate(20_000, 3, ["en-US", "de-DE"]))
    pairs = Counter(pair for profile in profiles for pair in alternate_ids(profile))
    assert max(pairs.values()) == 1
    assert len({profile["ProfileId"] for profile in profiles}) == len(profiles)


def test_nothing_generated_belongs_to_anyone() -> None:
    """Addresses of mail are in example domains, numbers hold 555."""
    profiles = list(generate(500, 5, sorted(COUNTRIES)))
    mail = [entry["EmailAddress"] for profile in profiles for entry in profile["Emails"]]
    mail += [profile["Edited"]["CreatedBy"] for profile in profiles]
    reserved = re.compile(r"[a-z0-9.-]+@([a-z0-9-]+\.example|example\.(com|net|org))")
    assert [address for address in mail if not reserved.fullmatch(address)] == []
    phones = [phone for profile in profiles for phone in profile["PhoneNumbers"]]
    assert all("555" in phone["PhoneNumber"] and str(phone["PhoneNumberNumeric"]).isdigit() for phone in phones)


def test_profiles_were_changed_after_they_were_created() -> None:
    for profile in generate(200, 6):
        assert profile["Edited"]["CreateDate"] <= profile["Edited"]["ModifiedDate"]


def test_profiles_vary() -> None:
    """Lists of every length, active and inactive: enough variety to be worth loading."""
    profiles = list(generate(500, 8))
    for name, lengths in {"Addresses": {1, 2, 3}, "PhoneNumbers": {0, 1, 2, 3}, "ProfileTags": {0, 1, 2, 3, 4}}.items():
        assert {len(profile[name]) for profile in profiles} == lengths
    assert {profile["IsActive"] for profile in profiles} == {True, False}


def test_thousands_a_second() -> None:
    """Far above Faker's own pace; the bound leaves room for a slow machine."""
    list(generate(1, 1))
    started = time.process_time()
    count = sum(1 for _ in generate(5000, 1))
    assert count / (time.process_time() - started) > 1500


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"locales": ["en-UK"]}, "did you mean en-US?"),
        ({"locales": ["tlh"]}, "write one of de-DE"),
        ({"locales": []}, "write one or more of de-DE"),
        ({"count": -1}, "write a count of 0 or more"),
    ],
    ids=["near-locale", "unknown-locale", "no-locale", "negative-count"],
)
def test_refuses_at_once_what_it_cannot_generate(arguments: dict[str, Any], hint: str) -> None:
    """The error comes with the call, not with the first profile."""
    with pytest.raises(UsageError) as raised:
        generate(**({"count": 1, "seed": 1} | arguments))
    assert hint in raised.value.hint


def test_without_faker_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Faker is optional: everything else works without it."""
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "faker":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError) as raised:
        generate(1, 1)
    assert "pip install" in raised.value.hint
