"""The contract's written operations: they follow from its schemas, and allow what they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data.contract_document import (
    BASE_PROFILE,
    BRANCHES,
    CONTRACT,
    DOCUMENT,
    OPERATION,
    ROOT,
    SCHEMAS,
    pointers,
    validator,
)

WRITER = ROOT / "contracts" / "write_patch_operations.py"


def write_patch_operations(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WRITER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_operations_are_up_to_date() -> None:
    result = write_patch_operations("--check")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("member", "path"),
    [
        pytest.param('{type: [string, "null"], description: Its colour.}', "(Name|Colour)", id="of-a-known-type"),
        pytest.param("{type: string, maxLength: 9, description: Its colour.}", "(Colour)", id="of-a-new-type"),
    ],
)
def test_a_stale_contract_is_refused_with_the_command_that_helps(tmp_path: Path, member: str, path: str) -> None:
    """A new member of an entry changes the operations, until they are written again."""
    stale = tmp_path / "openapi.yaml"
    tag = """        Name: {type: [string, "null"], description: The label's text.}\n"""
    text = CONTRACT.read_text(encoding="utf-8")
    assert tag in text
    stale.write_text(text.replace(tag, f"{tag}        Colour: {member}\n"), encoding="utf-8")
    arguments = ("--contract", str(stale))

    refused = write_patch_operations("--check", *arguments)
    assert refused.returncode == 1
    assert "python contracts/write_patch_operations.py" in refused.stderr
    assert path not in stale.read_text(encoding="utf-8")

    assert write_patch_operations(*arguments).returncode == 0
    assert write_patch_operations("--check", *arguments).returncode == 0
    assert path in stale.read_text(encoding="utf-8")


def test_a_contract_without_the_markers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text("openapi: 3.1.0\n", encoding="utf-8")
    refused = write_patch_operations("--check", "--contract", str(tmp_path / "openapi.yaml"))
    assert refused.returncode != 0
    assert "must hold the lines" in refused.stderr


@pytest.mark.parametrize(("path", "value"), [pytest.param(*place, id=place[0]) for place in pointers(BASE_PROFILE)])
def test_every_place_of_a_profile_takes_exactly_the_operations_that_its_members_allow(path: str, value: Any) -> None:
    """One schema, never two, for each operation; a read-only member can only be compared."""
    top = SCHEMAS["UserProfile"]["properties"][path.split("/")[1]]
    allowed = {"test"} if top.get("readOnly") else {"add", "replace", "remove", "test"}
    for op in ("add", "replace", "remove", "test", "move", "copy"):
        operation = {"op": op, "path": path} if op == "remove" else {"op": op, "path": path, "value": value}
        matching = [name for name, branch in BRANCHES.items() if branch.is_valid(operation)]
        assert len(matching) == (op in allowed), (op, matching)


EMAIL, GROUP, CONSENT = (BASE_PROFILE[name][0] for name in ("Emails", "Groups", "Consents"))
NUMBER = "/PhoneNumbers/0/PhoneNumberNumeric"

ALLOWED: dict[str, dict[str, Any]] = {
    "append": {"op": "add", "path": "/Emails/-", "value": EMAIL},
    "insert": {"op": "add", "path": "/Emails/0", "value": EMAIL},
    "last-index": {"op": "replace", "path": "/Emails/999/IsActive", "value": True},
    "longest-text": {"op": "replace", "path": "/CustomerType", "value": "x" * 100},
    "null-text": {"op": "replace", "path": "/CustomerType", "value": None},
    "largest-number": {"op": "replace", "path": NUMBER, "value": 2**63 - 1},
    "test-not-returned": {"op": "test", "path": "/ReasonCode", "value": None},
}
REFUSED: dict[str, dict[str, Any]] = {
    "index-too-large": {"op": "replace", "path": "/Emails/1000/IsActive", "value": True},
    "unknown-member": {"op": "replace", "path": "/Nickname", "value": "Z"},
    "unknown-member-of-entry": {"op": "replace", "path": "/Emails/0/Nickname", "value": "Z"},
    "whole-profile": {"op": "replace", "path": "", "value": BASE_PROFILE},
    "entry-of-other-collection": {"op": "add", "path": "/Emails/-", "value": GROUP},
    "null-flag": {"op": "replace", "path": "/IsActive", "value": None},
    "text-too-long": {"op": "replace", "path": "/CustomerType", "value": "x" * 101},
    "locale-too-long": {"op": "replace", "path": "/DefaultLocale", "value": "x" * 16},
    "number-too-large": {"op": "replace", "path": NUMBER, "value": 2**63},
    "append-read-only": {"op": "add", "path": "/Consents/-", "value": CONSENT},
    "remove-read-only": {"op": "remove", "path": "/ProfileId"},
    "set-below-read-only": {"op": "replace", "path": "/Edited/ModifiedBy", "value": "me"},
    "set-not-returned": {"op": "add", "path": "/ReasonCode", "value": "moved"},
    "move": {"op": "move", "from": "/CustomerType", "path": "/DefaultLocale"},
    "copy": {"op": "copy", "from": "/CustomerType", "path": "/DefaultLocale"},
}


@pytest.mark.parametrize("name", list(ALLOWED))
def test_the_contract_allows(name: str) -> None:
    """Up to the limits themselves."""
    assert OPERATION.is_valid(ALLOWED[name])


@pytest.mark.parametrize("name", list(REFUSED))
def test_the_contract_refuses(name: str) -> None:
    """What lies beyond a limit, belongs elsewhere or is read-only."""
    assert not OPERATION.is_valid(REFUSED[name])


@pytest.mark.parametrize(("length", "valid"), [(0, True), (1000, True), (1001, False)])
def test_a_document_holds_up_to_a_thousand_operations(length: int, valid: bool) -> None:
    document = [{"op": "test", "path": "/IsActive", "value": True}] * length
    assert validator("JsonPatchDocument").is_valid(document) is valid


TOLERATED = {row["id"]: row for row in DOCUMENT["x-tolerated"]}


@pytest.mark.parametrize("name", list(TOLERATED))
def test_a_tolerance_is_one_because_the_contract_does_not_allow_it(name: str) -> None:
    row = TOLERATED[name]
    assert row.keys() in ({"id", "accepts", "status", "operations"}, {"id", "accepts", "status", "body"})
    assert row["status"] == 200
    assert [operation for operation in row.get("operations", []) if OPERATION.is_valid(operation)] == []


@pytest.mark.parametrize("name", [name for name, row in TOLERATED.items() if "body" in row])
def test_a_tolerated_body_is_not_strict_json(name: str) -> None:
    def refuse_doubles(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name occurs twice")

    with pytest.raises(ValueError, match=r"."):
        json.loads(TOLERATED[name]["body"], object_pairs_hook=refuse_doubles)


def test_tolerances_have_different_ids() -> None:
    assert len(TOLERATED) == len(DOCUMENT["x-tolerated"])
