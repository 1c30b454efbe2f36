"""Profiles found, compared with their fixtures, brought back, and shown in other forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.service.assembly import Mock
from mockserver.web.app import create_app

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
VIEW = "profiles/ACME01/CRM/C-000417"


@pytest.fixture
def http(make_mock: Callable[..., Mock]) -> FlaskClient:
    return create_app(make_mock(auth="off")).test_client()


def read(http: FlaskClient, path: str, status: int = 200) -> Any:
    answer = http.get(f"/__admin/{path}")
    assert answer.status_code == status, answer.data
    return orjson.loads(answer.data)


def patch(http: FlaskClient, *operations: dict[str, Any], target: str = PROFILE) -> None:
    assert http.patch(target, json=operations).status_code == 200


RENAME = {"op": "replace", "path": "/AlternateIds", "value": [{"AlternateIdType": "CRM", "AlternateId": "N-1"}]}


def test_profiles_are_found_by_text_and_paged(http: FlaskClient) -> None:
    """By any id or value, whatever its letter case; rows say what differs from the fixtures."""
    patch(http, {"op": "replace", "path": "/CustomerType", "value": "Zanzibar"})
    every = read(http, "profiles")
    found = read(http, "profiles?q=zanzi")
    assert [row["id"] for row in found["profiles"]] == ["C-000417"]
    assert found["meta"] == {"total": every["meta"]["total"], "matched": 1}
    assert found["profiles"][0]["changed"]
    assert [row["id"] for row in read(http, "profiles?changed=true")["profiles"]] == ["C-000417"]
    assert read(http, "profiles?limit=1&offset=1")["profiles"] == every["profiles"][1:2]
    read(http, "profiles?limit=-1", 422)


def test_a_profile_is_compared_with_its_fixture_and_brought_back(http: FlaskClient) -> None:
    """Also under another id, and after it was deleted."""
    assert read(http, f"{VIEW}/difference") == {"difference": [], "fixture": True}
    patch(http, {"op": "replace", "path": "/CustomerType", "value": "Zanzibar"})
    rows = read(http, f"{VIEW}/difference")["difference"]
    assert "Zanzibar" in [row["after"] for row in rows]
    assert http.post(f"/__admin/{VIEW}/reset").status_code == 200
    assert read(http, f"{VIEW}/difference") == {"difference": [], "fixture": True}
    http.delete(f"/__admin/{VIEW}")
    http.post(f"/__admin/{VIEW}/reset")
    assert read(http, f"{VIEW}/difference") == {"difference": [], "fixture": True}
    patch(http, RENAME)
    read(http, f"{VIEW}/difference", 404)
    assert http.post(f"/__admin/{VIEW}/reset").status_code == 200
    assert read(http, f"{VIEW}/difference") == {"difference": [], "fixture": True}


@pytest.mark.parametrize("change", ["none", "patched", "renamed", "deleted"])
def test_a_profile_that_was_brought_back_has_all_its_names(http: FlaskClient, change: str) -> None:
    """Its ProfileId and its alternate ids lead to it, and what it was called meanwhile does not."""
    if change == "deleted":
        http.delete(f"/__admin/{VIEW}")
    elif change != "none":
        patch(http, RENAME if change == "renamed" else {"op": "replace", "path": "/CustomerType", "value": "Zanzibar"})
    asked = "profiles/ACME01/CRM/N-1" if change == "renamed" else VIEW
    assert http.post(f"/__admin/{asked}/reset").status_code == 200
    assert http.get("/ACME01/Profile/70012345").get_json()["ProfileId"] == 70012345
    assert read(http, VIEW)["CustomerType"] == "Customer"
    read(http, "profiles/ACME01/CRM/N-1", 404)


def test_a_profile_is_not_brought_back_over_another(http: FlaskClient) -> None:
    """One that took its alternate id stays."""
    patch(http, RENAME)
    entry = {"AlternateIdType": "CRM", "AlternateId": "C-000417"}
    assert http.put(f"/__admin/{VIEW}", json={"ProfileId": 4711, "AlternateIds": [entry]}).status_code == 201
    assert http.post("/__admin/profiles/ACME01/CRM/N-1/reset").status_code == 400
    assert read(http, VIEW)["ProfileId"] == 4711


def test_a_profile_without_a_fixture(http: FlaskClient) -> None:
    """It has nothing to be compared with."""
    profile = {"ProfileId": 4711, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "NEW"}]}
    assert http.put("/__admin/profiles/ACME01/CRM/NEW", json=profile).status_code == 201
    assert read(http, "profiles/ACME01/CRM/NEW/difference") == {"difference": [], "fixture": False}
    assert http.post("/__admin/profiles/ACME01/CRM/NEW/reset").status_code == 404


def test_history_follows_a_profile_through_its_ids(http: FlaskClient) -> None:
    """The oldest first; those of other profiles are left out."""
    patch(http, {"op": "replace", "path": "/CustomerType", "value": "A"})
    patch(http, target=PROFILE.replace("C-000417", "C-2"))
    patch(http, RENAME)
    patch(http, target=PROFILE.replace("C-000417", "N-1"))
    rows = read(http, "profiles/ACME01/CRM/N-1/history")["rows"]
    assert [row["alternateId"] for row in rows] == ["C-000417", "C-000417", "N-1"]


def test_other_forms(http: FlaskClient) -> None:
    """XML as the API writes it, and a file that can be put back."""
    answer = http.get(f"/__admin/{VIEW}/xml")
    assert answer.mimetype == "application/xml"
    assert b"<UserProfile" in answer.data
    answer = http.get(f"/__admin/{VIEW}/fixture")
    assert answer.headers["Content-Disposition"] == "attachment; filename=C-000417.json"
    assert http.put(f"/__admin/{VIEW}", data=answer.data, content_type="application/json").status_code == 200
    assert read(http, f"{VIEW}/difference")["difference"] == []


def test_members_come_from_the_contract(http: FlaskClient) -> None:
    """With what a patch builder needs to know."""
    members = {row["path"]: row for row in read(http, "members")}
    assert members["/CustomerType"]["maxLength"] == 100
    assert members["/ProfileId"]["readOnly"]
    assert (members["/Emails"]["type"], members["/Emails/*"]["type"]) == ("array", "object")
    assert members["/Emails/*/EmailAddress"]["type"] == "string"
