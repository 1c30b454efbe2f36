"""What an account's own rules may refuse on a real target, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.verify.rules.account import explains, refused, strains

MAIL: dict[str, Any] = {"EmailAddressType": "Work", "EmailAddress": "a@example.com", "IsDefault": False}
PLACE: dict[str, Any] = {"Address1": "1 Main St", "City": "Ames", "StateProvince": "IA", "PostalCode": "50010"}
STRAINED: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = {
    "email-required": ("Emails", [MAIL], [MAIL | {"EmailAddress": None}]),
    "email-too-long": ("Emails", [MAIL], [MAIL | {"EmailAddress": "x" * 257}]),
    "state-too-short": ("Addresses", [PLACE], [PLACE | {"StateProvince": "I"}]),
    "city-missing": ("Addresses", [PLACE], [{**PLACE, "City": ""}]),
    "read-only-flag": ("Emails", [MAIL], [MAIL | {"IsActive": True}]),
    "read-only-country": ("Addresses", [PLACE], [PLACE | {"Country": "Canada"}]),
    "two-defaults": ("Emails", [MAIL], [MAIL | {"IsDefault": True}, MAIL | {"IsDefault": True}]),
    "new-type": ("Emails", [MAIL], [MAIL | {"EmailAddressType": "Other"}]),
    "new-phone-type": ("PhoneNumbers", [], [{"PhoneType": "Home"}]),
}
UNSTRAINED: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = {
    "nothing-new": ("Emails", [MAIL | {"EmailAddress": None}], [MAIL | {"EmailAddress": None}]),
    "another-address": ("Emails", [MAIL], [MAIL | {"EmailAddress": "b@example.com"}]),
    "another-city": ("Addresses", [PLACE], [PLACE | {"City": "x" * 50}]),
    "one-default": ("Emails", [MAIL], [MAIL | {"IsDefault": True}]),
    "a-tag": ("ProfileTags", [], [{"Name": "x" * 500}]),
}


@pytest.mark.parametrize("case", STRAINED.values(), ids=STRAINED.keys())
def test_an_account_might_refuse_it(case: tuple[str, Any, Any]) -> None:
    assert strains({case[0]: case[1]}, {case[0]: case[2]})


@pytest.mark.parametrize("case", UNSTRAINED.values(), ids=UNSTRAINED.keys())
def test_no_account_rule_speaks_of_it(case: tuple[str, Any, Any]) -> None:
    assert not strains({case[0]: case[1]}, {case[0]: case[2]})


def test_only_a_refusal_or_a_moved_default_is_explained() -> None:
    assert refused("the answer was 400, 200 was expected")
    assert refused("preparing the profile was answered with 400, 200 was expected")
    assert not refused("the answer was 500, 200 was expected")
    assert not explains("the header Cache-Control is missing")
