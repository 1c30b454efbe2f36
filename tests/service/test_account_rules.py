"""What the vendor's other pages say of an account's data: off by default, each rule a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from mockserver.auth.signing import Client as Account
from mockserver.profile.account_rules import ACCOUNT_RULES, AccountRule
from mockserver.state.profiles import Changed
from tests.conftest import Client

ADDRESS = {"AddressType": "Home", "Address1": "1 Main St", "City": "Ames", "StateProvince": "IA", "PostalCode": "50010",
           "IsDefault": False, "IsActive": True}  # fmt: skip
EMAIL = {"EmailAddress": "ann@example.test", "IsDefault": False, "IsActive": True}
ENTRIES = {"Addresses": ADDRESS, "Emails": EMAIL}


def add(collection: str, **members: Any) -> str:
    value = {**ENTRIES[collection], **members}
    return orjson.dumps([{"op": "add", "path": f"/{collection}/-", "value": value}]).decode()


@pytest.mark.parametrize("rule", ACCOUNT_RULES, ids=lambda rule: f"{rule.collection}-{rule.member}")
def test_each_rule_is_kept(call: Callable[..., Client], rule: AccountRule) -> None:
    """Just fitting passes, just unfit is refused; without the setting everything passes."""
    if rule.read_only:
        unfit = [f'[{{"op": "replace", "path": "/{rule.collection}/0/{rule.member}", "value": false}}]']
        fitting = [f'[{{"op": "test", "path": "/{rule.collection}/0/{rule.member}", "value": "false"}}]']
    else:
        lengths = {rule.most + 1, *([rule.least - 1] if rule.least else [])}
        unfit = [add(rule.collection, **{rule.member: "x" * length}) for length in lengths]
        fitting = [add(rule.collection, **{rule.member: "x" * length}) for length in {rule.least, rule.most}]
    held, free = call(account_rules=True), call()
    for patch in unfit:
        status, headers, _ = held(patch)
        assert (status, headers["X-Mock-Explain"][:8]) == (400, "account-")
        assert free(patch)[0] == 200
    for patch in fitting:
        assert held(patch)[1]["X-Mock-Explain"] in ("patch-applied", "test-failed")


def test_the_refusal_names_member_limit_and_length(call: Callable[..., Client]) -> None:
    client = call(account_rules=True)
    _, _, body = client(add("Addresses", City="x" * 51))
    assert orjson.loads(body)["Message"] == "The field City must be a string with a length of 1 to 50."
    story = [entry.story for entry in client.mock.worlds.default.journal][-1].sentence(client.mock.tree)
    assert "/Addresses/3/City has 51 characters; it takes 1 to 50." in story


def test_what_was_there_before_is_left_alone(call: Callable[..., Client]) -> None:
    """An entry that breaks a rule stays until somebody changes it."""
    client = call(account_rules=True)
    client.mock.worlds.default.profiles.update(
        ("acme01", "crm", "c-000417"), lambda before: Changed(before.replace(b'"City":"Ames"', b'"City":""'))
    )
    assert client('[{"op": "replace", "path": "/CustomerType", "value": "Gold"}]')[0] == 200
    assert client('[{"op": "replace", "path": "/Addresses/2/Address1", "value": "2 Main St"}]')[0] == 400


@pytest.mark.parametrize(
    ("second_default", "status", "defaults"),
    [("takes-over", 200, [False, False, False, True]), ("refused", 400, [True, False, False]),
     ("as-sent", 200, [True, False, False, True])],
)  # fmt: skip
def test_a_second_default(call: Callable[..., Client], second_default: str, status: int, defaults: list[bool]) -> None:
    client = call(account_rules=True, second_default=second_default)
    assert client(add("Emails", IsDefault=True))[0] == status
    assert [entry["IsDefault"] for entry in client.profile()["Emails"]] == defaults


def test_the_accounts_own_types_and_switch(call: Callable[..., Client]) -> None:
    """`clients.toml` may switch the rules on for one client, and list its types."""
    client = call()
    clients: dict[str, Account] = client.mock.service.clients  # type: ignore[assignment]
    clients = {"acme01": replace(clients["acme01"], account_rules=True, types={"AddressType": ["home"]})}
    client.mock.service.clients = clients
    assert client(add("Addresses"))[0] == 200
    status, headers, _ = client(add("Addresses", AddressType="Castle"))
    assert (status, headers["X-Mock-Explain"]) == (400, "account-type-unknown")


def test_a_new_profile_is_held_to_them(call: Callable[..., Client]) -> None:
    document = orjson.dumps({"Emails": [EMAIL | {"EmailAddress": ""}]})
    status, headers, _ = call(account_rules=True)(document, method="POST", target="/ACME01/Profile")
    assert (status, headers["X-Mock-Explain"]) == (400, "account-required")
