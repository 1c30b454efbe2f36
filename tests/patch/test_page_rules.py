"""Where the vendor's page speaks: the `vendor` dialect departs from the library, `rfc6902` shares its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mockserver.errors import ApiError, BadRequest
from mockserver.patch import rfc6902
from mockserver.patch.apply import apply_patch, operation_type
from mockserver.patch.dialect import DIALECTS, RFC6902, VENDOR
from mockserver.profile.conformance import Problem, problems
from mockserver.profile.members import Member, MemberTree

Operations = list[dict[str, Any] | None]


def refused(operations: Operations, base: bytes, tree: MemberTree, dialect: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        apply_patch(operations, orjson.loads(base), tree, DIALECTS[dialect])
    return caught.value


REFUSALS: dict[str, tuple[Operations, str]] = {
    "move": ([{"op": "move", "from": "/DefaultLocale", "path": "/CustomerType"}], "op-not-supported"),
    "copy": ([{"op": "copy", "from": "/DefaultLocale", "path": "/CustomerType"}], "op-not-supported"),
    "replace ProfileId": ([{"op": "replace", "path": "/ProfileId", "value": 1}], "member-read-only"),
    "add Consents": ([{"op": "add", "path": "/Consents", "value": []}], "member-read-only"),
    "below Consents": ([{"op": "replace", "path": "/Consents/0/Locale", "value": "x"}], "member-read-only"),
    "append to Consents": ([{"op": "add", "path": "/Consents/-", "value": None}], "member-read-only"),
    "below Edited": ([{"op": "add", "path": "/Edited/CreatedBy", "value": "x"}], "member-read-only"),
    "remove ReasonCode": ([{"op": "remove", "path": "/ReasonCode"}], "member-read-only"),
    "CustomerType of 101": ([{"op": "replace", "path": "/CustomerType", "value": "x" * 101}], "value-too-long"),
    "DefaultLocale of 16": ([{"op": "replace", "path": "/DefaultLocale", "value": "x" * 16}], "value-too-long"),
}


@pytest.mark.parametrize("dialect", ["vendor", "rfc6902"])
@pytest.mark.parametrize("name", REFUSALS)
def test_the_page_refuses(name: str, dialect: str, base_profile: bytes, tree: MemberTree) -> None:
    """400 with the rule's reason, in both dialects that follow the page."""
    operations, rule = REFUSALS[name]
    refusal = refused(operations, base_profile, tree, dialect)
    assert (refusal.status, refusal.rule, refusal.operation) == (400, rule, 0)


VENDOR_REFUSALS: dict[str, tuple[Operations, str]] = {
    "move by number": ([{"op": "3", "from": "/DefaultLocale", "path": "/CustomerType"}], "op-not-supported"),
    "move by joined names": ([{"op": "remove,replace", "path": "/DefaultLocale"}], "op-not-supported"),
    "read-only in other case": ([{"op": "replace", "path": "consents/0/locale", "value": "x"}], "member-read-only"),
    "a missing path": ([{"op": "add", "value": 1}], "path-missing"),
    "a null operation": ([None], "operation-null"),
    "a test at a dash": ([{"op": "test", "path": "/Emails/-", "value": None}], "test-at-dash"),
    "a dash in an empty list": (
        [{"op": "replace", "path": "/Emails", "value": []}, {"op": "remove", "path": "/Emails/-"}],
        "index-dash-on-empty",
    ),
}


@pytest.mark.parametrize("name", VENDOR_REFUSALS)
def test_malformed_requests_are_400(name: str, base_profile: bytes, tree: MemberTree) -> None:
    """Also where the library would throw its way to a 500."""
    operations, rule = VENDOR_REFUSALS[name]
    refusal = refused(operations, base_profile, tree, "vendor")
    assert (refusal.status, refusal.rule) == (400, rule)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/ProfileId", 70012345),
        ("/Edited/CreatedBy", "import@northwind.example"),
        ("/Consents/0/Locale", "en-US"),
        ("/ReasonCode", None),
    ],
)
@pytest.mark.parametrize("dialect", ["vendor", "library", "rfc6902"])
def test_a_test_on_a_read_only_member_is_allowed(
    path: str, value: Any, dialect: str, base_profile: bytes, tree: MemberTree
) -> None:
    """Reading is no writing."""
    operations: Operations = [{"op": "test", "path": path, "value": value}]
    assert apply_patch(operations, orjson.loads(base_profile), tree, DIALECTS[dialect]) == orjson.loads(base_profile)


@pytest.mark.parametrize(("member", "limit"), [("CustomerType", 100), ("DefaultLocale", 15)])
def test_the_longest_value_is_accepted(member: str, limit: int, base_profile: bytes, tree: MemberTree) -> None:
    """Lengths count UTF-16 units, as .NET's own check does: a fox counts twice."""
    longest = "🦊" * (limit // 2) + "é" * (limit % 2)
    operations: Operations = [{"op": "replace", "path": f"/{member}", "value": longest}]
    assert apply_patch(operations, orjson.loads(base_profile), tree, VENDOR)[member] == longest
    operations = [{"op": "replace", "path": f"/{member}", "value": longest + "x"}]
    with pytest.raises(BadRequest) as caught:
        apply_patch(operations, orjson.loads(base_profile), tree, VENDOR)
    assert caught.value.message == (
        f"The field {member} must be a string or array type with a maximum length of '{limit}'."
    )


RFC_REFUSALS: dict[str, Operations] = {
    "a member in other case": [{"op": "replace", "path": "/isactive", "value": False}],
    "an operation in other case": [{"op": "ADD", "path": "/IsActive", "value": False}],
    "no leading slash": [{"op": "replace", "path": "IsActive", "value": False}],
    "a dash on remove": [{"op": "remove", "path": "/Emails/-"}],
    "a leading zero": [{"op": "remove", "path": "/Emails/00"}],
    "a new member": [{"op": "add", "path": "/Missing", "value": 1}],
    "a value of another type": [{"op": "replace", "path": "/IsActive", "value": "true"}],
    "removing twice": [{"op": "remove", "path": "/CustomerType"}, {"op": "remove", "path": "/CustomerType"}],
    "a test of another type": [{"op": "test", "path": "/IsActive", "value": 1}],
    "the whole profile": [{"op": "replace", "path": "", "value": {}}],
    "no value": [{"op": "add", "path": "/CustomerType"}],
}


@pytest.mark.parametrize("name", RFC_REFUSALS)
def test_rfc6902_is_strict(name: str, base_profile: bytes, tree: MemberTree) -> None:
    """What the vendor's software tolerates, the strict dialect refuses with 400."""
    with pytest.raises(BadRequest):
        apply_patch(RFC_REFUSALS[name], orjson.loads(base_profile), tree, RFC6902)


RFC_MESSAGES: dict[str, tuple[Any, str]] = {
    "no value": ({"op": "add", "path": "/CustomerType"}, "The value is missing."),
    "no op": ({"path": "/CustomerType", "value": 1}, "The operation has no 'op'."),
    "no path": ({"op": "remove"}, "The operation has no 'path'."),
    "an unknown op": ({"op": [True, None], "path": ""}, "The operation [true, null] is not one of RFC 6902."),
    "a path that is no text": ({"op": "remove", "path": None}, "The path null is no text."),
    "a dash on replace": ({"op": "replace", "path": "/Emails/-", "value": 1}, "'-' names no entry to replace."),
    "a dash on remove": ({"op": "remove", "path": "/Emails/-"}, "'-' names no entry to remove."),
    "a list as text": (
        {"op": "add", "path": "/CustomerType", "value": [True, None]},
        "/CustomerType: [true, null] is not text in quotes"),
    "an entry of another kind": (
        {"op": "add", "path": "/Emails/-", "value": {"IsActive": "é"}},
        '/Emails/3/IsActive: "é" is not true or false'),
    "an unknown member": (
        {"op": "add", "path": "/CustomerName/first", "value": 1},
        "/CustomerName/first: CustomerName has no such member"),
    "too long": (
        {"op": "add", "path": "/DefaultLocale", "value": "x" * 16},
        "The field DefaultLocale must be a string or array type with a maximum length of '15'."),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "message"), RFC_MESSAGES.values(), ids=RFC_MESSAGES)
def test_what_rfc6902_says(operation: Any, message: str, base_profile: bytes, tree: MemberTree) -> None:
    """JSON, never Python, and what is wrong."""
    with pytest.raises(BadRequest) as caught:
        apply_patch([operation], orjson.loads(base_profile), tree, RFC6902)
    assert caught.value.message == message


def test_an_operation_is_checked_where_it_wrote(
    base_profile: bytes, tree: MemberTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand operations would otherwise read the whole profile a thousand times."""
    looked_at: list[Any] = []

    def noting(value: Any, member: Member, path: str) -> Iterator[Problem]:
        looked_at.append(value)
        return problems(value, member, path)

    monkeypatch.setattr(rfc6902, "problems", noting)
    operations: Operations = [
        {"op": "add", "path": "/ProfileTags/-", "value": {"Name": "x"}},
        {"op": "remove", "path": "/ProfileTags/0"},
        {"op": "test", "path": "/IsActive", "value": True},
        {"op": "replace", "path": "/CustomerName/FirstName", "value": "y"},
    ]
    apply_patch(operations, orjson.loads(base_profile), tree, RFC6902)
    assert looked_at == [{"Name": "x"}, {"FirstName": "y"}]


def test_rfc6902_prints_a_removed_member_as_the_typed_resource_does(base_profile: bytes, tree: MemberTree) -> None:
    """Absent for the operations that follow, null, false or 0 in the answer."""
    operations: Operations = [{"op": "remove", "path": "/CustomerType"}, {"op": "remove", "path": "/IsActive"}]
    profile = apply_patch(operations, orjson.loads(base_profile), tree, RFC6902)
    assert (profile["CustomerType"], profile["IsActive"]) == (None, False)
    assert list(profile) == list(json.loads(base_profile))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("add", "add"),
        ("Replace", "replace"),
        ("3", "move"),
        ("0" * 5000 + "3", "move"),
        ("6", "invalid"),
        ("7", "none"),
        ("-1", "none"),
        ("", "invalid"),
        ("2147483648", "invalid"),
        ("add,nonsense", "invalid"),
        ("test,test", "test"),
        (" 1 ", "remove"),
    ],
    ids=lambda value: value[:20],
)
def test_operation_names_are_read_as_enum_try_parse_does(name: str, kind: str) -> None:
    """Case, spaces, numbers and comma-joined names (rows O1 to O6)."""
    assert operation_type(name) == kind
