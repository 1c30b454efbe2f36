"""What the vendor's other pages say of an account's data: one table, off unless --account-rules or the account says so.

The pages describe other calls' models, and some differ from the PATCH's own page, so nobody knows whether a PATCH
enforces them (assumed). Only entries that a request makes or changes are held to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mockserver.errors import BadRequest
from mockserver.profile.paths import covers, segments

Entries = Mapping[str, list[dict[str, Any] | None] | None]


class AccountRule(NamedTuple):
    """One member of an entry: how many characters it takes, at least one if it is required, or that it is read-only."""

    collection: str
    member: str
    least: int = 0
    most: int = 0
    read_only: bool = False


ACCOUNT_RULES: Final = (
    AccountRule("Emails", "EmailAddress", 1, 256),
    AccountRule("Emails", "EmailAddressType", 0, 100),
    AccountRule("Emails", "IsActive", read_only=True),
    AccountRule("Addresses", "AddressType", 0, 100),
    AccountRule("Addresses", "Address1", 1, 125),
    AccountRule("Addresses", "Address2", 0, 125),
    AccountRule("Addresses", "City", 1, 50),
    AccountRule("Addresses", "StateProvince", 2, 50),
    AccountRule("Addresses", "PostalCode", 1, 15),
    AccountRule("Addresses", "CountryCode_Numeric", 0, 3),
    AccountRule("Addresses", "CountryCode_Alpha2", 0, 2),
    AccountRule("Addresses", "CountryCode_Alpha3", 0, 3),
    AccountRule("Addresses", "IsActive", read_only=True),
    AccountRule("Addresses", "Country", read_only=True),
)
ONE_DEFAULT: Final = ("Emails", "Addresses")
"""Collections of which one entry at most is the default."""
TYPES: Final = {
    "AddressType": "Addresses",
    "EmailAddressType": "Emails",
    "PhoneType": "PhoneNumbers",
    "AlternateIdType": "AlternateIds",
}
"""The members that name a type which the account must have, each with its collection."""
COLLECTIONS: Final = tuple(TYPES.values())


def refuse_read_only(operations: Sequence[Any]) -> None:
    """Raise BadRequest for the first operation on a member of an entry that is read-only."""
    for index, operation in enumerate(operations):
        path = operation.get("path") if isinstance(operation, Mapping) else None
        if not isinstance(path, str) or str(operation.get("op")).strip().lower() == "test":
            continue
        for rule in ACCOUNT_RULES:
            if rule.read_only and covers((rule.collection.casefold(), "*", rule.member.casefold()), segments(path)):
                text = f"The property at path '{rule.member}' could not be updated."
                raise BadRequest(text, rule="account-read-only", path=path, operation=index)


def hold(before: Entries, after: Entries, types: Mapping[str, Sequence[str]], second_default: str) -> bool:
    """Raise BadRequest for what breaks a rule; tell whether an entry lost its place as the default to a new one.

    `types` lists the account's types by member; `second_default` is "takes-over", "refused" or "as-sent".
    """
    for collection in after:
        for index, entry in _fresh(collection, before, after):
            _check(entry, collection, f"/{collection}/{index}", types)
    moved = [_one_default(name, before, after, second_default) for name in ONE_DEFAULT if second_default != "as-sent"]
    return any(moved)


def _fresh(collection: str, before: Entries, after: Entries) -> Iterator[tuple[int, dict[str, Any]]]:
    known = before.get(collection) or []
    for index, entry in enumerate(after[collection] or []):
        if entry is not None and entry not in known:
            yield index, entry


def _check(entry: Mapping[str, Any], collection: str, place: str, types: Mapping[str, Sequence[str]]) -> None:
    for rule in ACCOUNT_RULES:
        if rule.collection != collection or rule.read_only:
            continue
        length, here = len(entry.get(rule.member) or ""), f"{place}/{rule.member}"
        if rule.least and not length:
            why = f"{here} is missing; {rule.least} to {rule.most} characters are required."
            raise BadRequest(f"The {rule.member} field is required.", rule="account-required", why=why, path=here)
        if not rule.least <= length <= rule.most:
            text = f"The field {rule.member} must be a string with a length of {rule.least} to {rule.most}."
            why = f"{here} has {length} characters; it takes {rule.least} to {rule.most}."
            raise BadRequest(text, rule="account-length", why=why, path=here)
    for member, allowed in types.items():
        value = entry.get(member)
        if TYPES[member] == collection and value and value.lower() not in {name.lower() for name in allowed}:
            why = f"The account has no {member} {value!r}; it has {', '.join(allowed) or 'none'}."
            raise BadRequest(f"The {member} was not found.", rule="account-type-unknown", why=why, path=place)


def _one_default(collection: str, before: Entries, after: Entries, second_default: str) -> bool:
    entries = [entry for entry in after.get(collection) or [] if entry is not None and entry["IsDefault"]]
    if len(entries) < 2:
        return False
    new = [entry for _, entry in _fresh(collection, before, after) if entry["IsDefault"]]
    if second_default == "refused" and new:
        why = f"/{collection} would have {len(entries)} entries with IsDefault."
        text = f"Only one of {collection} can be the default."
        raise BadRequest(text, rule="account-second-default", why=why, path=f"/{collection}")
    for entry in entries:
        if new and entry is not new[-1]:
            entry["IsDefault"] = False
    return bool(new)
