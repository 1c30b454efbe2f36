"""`mockserver try`: what a patch would change, or why it is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.profile.difference_lines import difference
from tests.commands.calling import PATCH, Done


def test_what_changed_is_shown_by_element(run: Callable[..., Done], tmp_path: Path) -> None:
    """As JSON, each element that came, went or is another."""
    patch = [
        {"op": "add", "path": "/Emails/-", "value": {"EmailAddress": "a@b.example"}},
        {"op": "remove", "path": "/ProfileTags/0"},
        *json.loads(PATCH),
    ]
    (tmp_path / "p.json").write_text(json.dumps(patch), encoding="utf-8")
    done = run("try", "p.json", "--profile", "ACME01/CRM/C-000417")
    assert done.code == 0
    shown = done.out.partition("would change:\n")[2]
    assert '  ~ /CustomerType "Customer" -> "Prospect"\n' in shown
    assert '  + /Emails/3 {"EmailAddressType": null, "EmailAddress": "a@b.example"' in shown
    assert '  - /ProfileTags/0 {"Name": "Rewards"}\n' in shown


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [1], ["+ /x/0 1"]),
        ([1, 2, 3], [2, 3], ["- /x/0 1"]),
        ([1, 2, 3], [1, 9, 2, 3], ["+ /x/1 9"]),
        ([{"a": 1}, {"b": 1}], [{"a": 2}], ["~ /x/0/a 1 -> 2", '- /x/1 {"b": 1}']),
        ([1, 1, 1], [1, 1], ["- /x/2 1"]),
        (None, [1], ["~ /x null -> [1]"]),
        (True, 1, ["~ /x true -> 1"]),
        ({"a": 1, "c": 3}, {"b": 2, "c": 3}, ["- /x/a 1", "+ /x/b 2"]),
        ("é\n", "è", ['~ /x "é\\n" -> "è"']),
        ([1], [1], []),
        ({"a": [1]}, {"a": [1]}, []),
        ("", "a" * 500, [f'~ /x "" -> "{"a" * 158}…']),
    ],
)
def test_a_difference(before: Any, after: Any, expected: list[str]) -> None:
    """What went has its old index, what came its new one."""
    assert list(difference(before, after, "/x")) == expected


def test_outcomes_of_a_refused_patch(run: Callable[..., Done], tmp_path: Path) -> None:
    """All or nothing: what came before is undone, what comes after was not reached."""
    patch = [*json.loads(PATCH), {"op": "remove", "path": "/ProfileId"}, *json.loads(PATCH)]
    (tmp_path / "p.json").write_text(json.dumps(patch), encoding="utf-8")
    done = run("try", "p.json")
    assert done.code == 1
    outcomes = [line.split(": ")[2] for line in done.out.splitlines() if re.match(r"  \d: ", line)]
    assert outcomes == ["undone", "refused", "not reached"]
    assert "changes nothing" not in done.out


@pytest.mark.parametrize(("operation", "status"), [("createProfile", "201"), ("readTags", "200")])
def test_a_call_to_the_account_needs_no_profile(
    operation: str, status: str, run: Callable[..., Done], tmp_path: Path
) -> None:
    """The first client of the fixtures is asked."""
    (tmp_path / "new.json").write_text("{}", encoding="utf-8")
    done = run("try", *(["new.json"] if operation == "createProfile" else []), "--operation", operation)
    assert (done.code, done.out[:3]) == (0, status)


@pytest.mark.parametrize(
    ("profile", "nearest"),
    [
        ("ACME01/CRM/C-000471", "ACME01/CRM/C-000417"),
        ("acme01/Salesforse/0035e00000frca1aaf", "ACME01/Salesforce/0035e00000FrCa1AAF"),
        ("GLOBX/CRM/C-000417", "GLOBEX/CRM/C-000417"),
        ("GLOBEX~world/CRM/C-000471", "GLOBEX/CRM/C-000417"),
    ],
)
def test_an_unknown_profile_names_the_nearest(
    profile: str, nearest: str, run: Callable[..., Done], patch_file: Path
) -> None:
    """As they are written in the fixtures, ready for --profile."""
    done = run("try", patch_file, "--profile", profile)
    assert done.code == 1
    assert nearest in done.out
    assert "GET /__admin" not in done.out
    assert "undone" not in done.out
    assert nearest in json.loads(run("try", patch_file, "--profile", profile, "--json").out)["nearest"]
