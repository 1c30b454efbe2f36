"""Whoever prepares a profile that can't be is told why, and what to write instead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from mockserver.auth.signing import issued_now, sign
from mockserver.state.clock import system_now
from tests.web.refusals import refusal_of

ID_X = {"AlternateIdType": "CRM", "AlternateId": "X"}
ID_2 = {"AlternateIdType": "crm", "AlternateId": "c-2"}


@pytest.mark.parametrize(
    ("document", "says", "hint"),
    [
        pytest.param(
            {"AlternateIds": [ID_X]},
            "/ProfileId: missing",
            "write a whole number that no other profile of the client has",
            id="no-profile-id",
        ),
        pytest.param(
            {"ProfileId": 2, "AlternateIds": [ID_X]},
            "/ProfileId: the ProfileId 2 is also that of ACME01/CRM/C-2",
            "give each profile of a client its own",
            id="taken-profile-id",
        ),
        pytest.param(
            {"ProfileId": 3, "AlternateIds": [ID_X, ID_X]},
            "/AlternateIds: crm/x is there twice (letter case doesn't count)",
            "delete one",
            id="repeated-alternate-id",
        ),
        pytest.param(
            {"ProfileId": 3, "AlternateIds": []},
            "/AlternateIds: no alternate id, so no request can reach the profile",
            'write at least one {"AlternateIdType": "…", "AlternateId": "…"}, neither of them empty',
            id="no-alternate-id",
        ),
        pytest.param(
            {"ProfileId": 3, "AlternateIds": [ID_2]},
            "the profile does not hold the alternate id of the URL",
            'put {"AlternateIdType": "CRM", "AlternateId": "X"} into AlternateIds',
            id="other-alternate-id",
        ),
        pytest.param(
            {"Emial": None, "IsActive": "yes", "AlternateIds": [ID_X]},
            '/ProfileId: missing; /Emial: UserProfile has no such member; /IsActive: "yes" is not true or false',
            "write a whole number that no other profile of the client has; did you mean Emails?; write true or false",
            id="all-at-once",
        ),
    ],
)
def test_a_profile_is_refused_as_a_fixture_is(
    http_client: FlaskClient, document: dict[str, Any], says: str, hint: str
) -> None:
    """In the fixtures' words, ids as they are written; and nothing is stored."""
    assert refusal_of(http_client.put("/__admin/profiles/ACME01/CRM/X", json=document), 422) == (says, hint)
    assert http_client.get("/__admin/profiles").get_json()["meta"]["total"] == 2


def test_a_member_that_is_there_twice_is_refused(http_client: FlaskClient) -> None:
    """Which of the two is meant, nobody knows."""
    text = b'{"ProfileId": 3, "ProfileId": 4, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "X"}]}'
    answer = http_client.put("/__admin/profiles/ACME01/CRM/X", data=text, content_type="application/json")
    assert refusal_of(answer, 422) == ("/ProfileId: ProfileId is there twice", "delete one of the two")


def test_an_alternate_id_of_another_profile_is_refused(http_client: FlaskClient) -> None:
    """Told as the fixtures write both."""
    first = {"ProfileId": 9, "AlternateIds": [ID_X]}
    assert http_client.put("/__admin/profiles/ACME01/CRM/X", json=first).status_code == 201
    answer = http_client.put("/__admin/profiles/ACME01/CRM/X", json={"ProfileId": 9, "AlternateIds": [ID_X, ID_2]})
    says = "/AlternateIds: the alternate id crm/c-2 is also that of ACME01/CRM/C-2"
    assert refusal_of(answer, 422) == (says, "change one of the two; letter case doesn't tell them apart")


def test_a_replaced_profile_may_keep_its_own_profile_id(http_client: FlaskClient) -> None:
    """A fixture's or one that was put; and one that nobody has any more may be given to another."""

    def put(name: str, document: dict[str, Any]) -> int:
        return http_client.put(f"/__admin/profiles/ACME01/CRM/{name}", json=document).status_code

    two = {"ProfileId": 2, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-2"}], "IsActive": True}
    new = {"ProfileId": 9, "AlternateIds": [ID_X]}
    assert [put("c-2", two), put("C-2", two), put("X", new), put("X", new)] == [200, 200, 201, 200]
    assert put("X", {**new, "ProfileId": 2}) == 422
    assert put("C-2", {**two, "ProfileId": 12}) == 200
    assert put("X", {**new, "ProfileId": 2}) == 200
    assert put("C-2", two) == 422
    http_client.delete("/__admin/profiles/ACME01/CRM/X")
    assert put("C-2", two) == 200


def test_of_puts_at_the_same_time_one_gets_the_profile_id(http_client: FlaskClient) -> None:
    """The others are refused, whoever comes first."""

    def put(number: int) -> int:
        document = {"ProfileId": 9, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": f"T-{number}"}]}
        app = http_client.application.test_client()
        return app.put(f"/__admin/profiles/ACME01/CRM/T-{number}", json=document).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(put, range(8))) == [201, *[422] * 7]


def test_a_profile_id_is_free_in_another_world_and_for_another_client(demo: FlaskClient) -> None:
    """Numbers are compared within one client in one world."""
    document = {"ProfileId": 70012345, "AlternateIds": [ID_X]}
    assert demo.put("/__admin/profiles/ACME01/CRM/X", json=document).status_code == 422
    assert demo.put("/__admin/profiles/GLOBEX/CRM/X", json=document).status_code == 201
    own = {"X-Mock-Namespace": "own"}
    demo.delete("/__admin/profiles/ACME01/CRM/C-000417", headers=own)
    assert demo.put("/__admin/profiles/ACME01/CRM/X", json=document, headers=own).status_code == 201
    assert demo.put("/__admin/profiles/ACME01/CRM/X", json=document).status_code == 422


def test_an_unknown_client_is_told_the_known_one_as_it_is_written(demo: FlaskClient) -> None:
    """Not in the small letters by which ids are compared."""
    signature = sign("ACM01", "editor@acme.example", "any-key", issued_now(system_now()))
    demo.patch("/ACM01/Profile/AlternateIdType/CRM/AlternateId/X", json=[], headers={"Authorization": signature})
    (entry,) = demo.get("/__admin/requests").get_json()["requests"]
    assert entry["mock"]["hint"] == "Did you mean 'ACME01'?"
