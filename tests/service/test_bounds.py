"""What one patch may ask for: bounds that refuse before the work is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.fixtures.loading import load_fixtures
from mockserver.profile.members import MemberTree
from tests.conftest import Client

COPY = {"op": "copy", "from": "/Emails/0", "path": "/Emails/-"}
LONG = {"op": "replace", "path": "/Emails/0/EmailAddress", "value": "x" * 100_000}
NESTED: Any = "[" * 240 + "0," * 200_000 + "0" + "]" * 240
SHARED = [{"$id": "1", "Name": "x" * 100_000}, *[{"$ref": "1"}] * 1000]

TOO_MUCH: dict[str, tuple[str, str]] = {
    "copies of a long entry": ("library", json.dumps([LONG, *[COPY] * 900])),
    "entries that are nothing but their defaults": (
        "vendor", f'[{{"path":"/Addresses","value":[{"{},"*300_000}{{}}]}}]'),
    "one object many times": ("vendor", json.dumps([{"path": "/ProfileTags", "value": SHARED}])),
    "a message that is nothing but indentation": ("vendor", f'[{{"path":"/ProfileTags","value":{NESTED}}}]'),
    "defaults in the strict dialect": (
        "rfc6902", f'[{{"op":"add","path":"/Addresses","value":[{"{},"*300_000}{{}}]}}]'),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "body"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_the_work_of_a_patch_is_bounded(call: Callable[..., Client], dialect: str, body: str) -> None:
    """Found by what it would take, not by taking it."""
    status, headers, answer = call(dialect=dialect)(body)
    assert (status, headers["X-Mock-Explain"]) == (400, "patch-work-exceeded")
    assert headers["X-Mock-Provenance"] == "mock"
    assert json.loads(answer) == {"Message": "The patch asks for too much work."}


@pytest.mark.parametrize("dialect", ["vendor", "library", "rfc6902"])
def test_a_profile_does_not_outgrow_its_bound(call: Callable[..., Client], dialect: str) -> None:
    """Patch by patch it would fill the memory; what makes it smaller again is fine."""
    client = call(dialect=dialect, max_profile=20_000)
    add = {"op": "add", "path": "/ProfileTags/-", "value": {"Name": "x" * 6000}}
    reasons = [client(json.dumps([add]))[1]["X-Mock-Explain"] for _ in range(3)]
    assert reasons == ["patch-applied", "patch-applied", "profile-too-large"]
    remove = {"op": "remove", "path": "/ProfileTags/0"}
    assert client(json.dumps([remove]))[1]["X-Mock-Explain"] == "patch-applied"


def test_the_bounds_are_settings(call: Callable[..., Client]) -> None:
    """Whoever wants more says so."""
    body = json.dumps([LONG, *[COPY] * 20])
    assert call(dialect="library")(body)[1]["X-Mock-Explain"] == "profile-too-large"
    assert call(dialect="library", max_profile=1 << 22)(body)[1]["X-Mock-Explain"] == "patch-applied"
    assert call(dialect="library", max_patch_work=1 << 20)(body)[1]["X-Mock-Explain"] == "patch-work-exceeded"


def test_a_fixture_over_the_bound_is_refused(fixture_dir: Path, tree: MemberTree) -> None:
    """What could not be patched back is no fixture."""
    with pytest.raises(UsageError, match="at most 1000 are allowed"):
        load_fixtures(fixture_dir, tree, max_profile=1000)
