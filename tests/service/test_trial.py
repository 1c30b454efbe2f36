"""The dry run: what each operation would change, at the cost of what it touches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from mockserver.patch.apply import apply_patch
from mockserver.patch.dialect import DIALECTS
from mockserver.profile.changed_paths import changed_paths
from mockserver.service.assembly import Mock
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route
from mockserver.service.trial import dry_run
from tests.conftest import Client

OPERATIONS: list[dict[str, Any]] = [
    {"op": "add", "path": "/ProfileTags/-", "value": {"Name": "x"}},
    {"op": "replace", "path": "/CustomerName/FirstName", "value": "y"},
    {"op": "remove", "path": "/CustomerType"},
    {"op": "remove", "path": "/Emails/0/IsDefault"},
    {"op": "remove", "path": "/Emails/1/IsDefault"},
    {"op": "test", "path": "/ProfileId", "value": 70012345},
    {"op": "add", "path": "/CustomerType", "value": "z"},
    {"op": "replace", "path": "/Emails/0", "value": {"EmailAddress": "a@b.example"}},
    {"op": "remove", "path": "/IsActive"},
    {"op": "remove", "path": "/ProfileTags/0"},
]


def tried(mock: Mock, body: str) -> dict[str, Any]:
    route = match_route(Client.PROFILE, slashes_in_ids=True)
    head = Head("PATCH", Client.PROFILE, {"content-type": "application/json"}, route)
    result: dict[str, Any] = orjson.loads(
        orjson.dumps(dry_run(mock, mock.worlds.default, Request(head, body.encode())))
    )
    return result


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_operations_changes(make_mock: Callable[..., Mock], base_profile: bytes, dialect: str) -> None:
    """The same as the differences between the patches of one operation more."""
    mock = make_mock(dialect=dialect)
    states = [
        apply_patch(OPERATIONS[:number], orjson.loads(base_profile), mock.tree, DIALECTS[dialect])
        for number in range(len(OPERATIONS) + 1)
    ]
    wanted = [[path for path, _, _ in changed_paths(*pair)] for pair in itertools.pairwise(states)]
    rows = tried(mock, json.dumps(OPERATIONS))["operations"]
    assert [row["changed"] for row in rows] == [[path for path in paths if path != "/ReasonCode"] for paths in wanted]


def test_what_is_no_json_can_be_shown(make_mock: Callable[..., Mock]) -> None:
    """Holes and constructors have no place in the control surface's own JSON."""
    rows = tried(make_mock(), '[{"path":"/CustomerName","value":{"x":[,new Foo(1)],"FirstName":"a"}}]')["operations"]
    assert rows[0]["outcome"] == "applied"
    assert rows[0]["operation"]["value"] == {"x": [None, [1]], "FirstName": "a"}
