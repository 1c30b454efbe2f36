"""What other pages of the vendor say of an account's data: on a real target neither answer to it is a false alarm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Least and most characters of the members of entries.
_LENGTHS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "Emails": {"EmailAddress": (1, 256), "EmailAddressType": (0, 100)},
    "Addresses": {
        "AddressType": (0, 100), "Address1": (1, 125), "Address2": (0, 125), "City": (1, 50), "StateProvince": (2, 50),
        "PostalCode": (1, 15), "CountryCode_Numeric": (0, 3), "CountryCode_Alpha2": (0, 2),
        "CountryCode_Alpha3": (0, 3),
    },
}  # fmt: skip
_READ_ONLY = {"Emails": ("IsActive",), "Addresses": ("IsActive", "Country")}
_TYPES = {"AddressType", "EmailAddressType", "PhoneType", "AlternateIdType"}
_REFUSED = re.compile(r"(the answer|preparing the profile) was (answered with )?(400|404)\b")


def strains(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Say whether an account that holds its entries to these rules might refuse, or change, what a request sets."""
    return any(_strained(before, after))


def _strained(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[bool]:
    for name in ("Emails", "Addresses", "PhoneNumbers", "AlternateIds"):
        old, new = _entries(before, name), _entries(after, name)
        fresh = [entry for entry in new if entry not in old]
        yield name in _LENGTHS and len([entry for entry in new if entry.get("IsDefault")]) > 1
        for entry in fresh:
            yield any(entry.get(member) not in {row.get(member) for row in old} for member in _TYPES & entry.keys())
            yield any(entry.get(member) is not None for member in _READ_ONLY.get(name, ()))
            yield any(_unfit(entry.get(member), *sizes) for member, sizes in _LENGTHS.get(name, {}).items())


def _entries(profile: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in profile.get(name) or () if isinstance(entry, Mapping)]


def _unfit(value: Any, least: int, most: int) -> bool:
    return not least <= len(value or "") <= most if value is None or isinstance(value, str) else False


def excused(problems: Sequence[str]) -> bool:
    """Say whether such an account could be what is behind all of them, if what was sent strains its rules."""
    return any(map(refused, problems)) and all(map(explains, problems))


def refused(problem: str) -> bool:
    """Say whether a problem is a refusal, or a default that moved."""
    return _REFUSED.match(problem) is not None or "IsDefault" in problem


def explains(problem: str) -> bool:
    """Say whether such an account could be what is behind a problem: a refusal, and what then isn't as expected."""
    return refused(problem) or "differs from what was expected" in problem
