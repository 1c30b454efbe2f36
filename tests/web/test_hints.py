"""The control surface can be found without a manual, and whoever errs is told what to write instead."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mockserver.auth.signing import issued_now, sign
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.state.clock import system_now
from mockserver.web.app import create_app

APPLICATION = {
    "grant_type": "client_credentials",
    "client_id": "fake-demo-oauth-client-of-acme-00000000000000001",
    "client_secret": "fake-demo-oauth-secret-of-acme-that-protects-nothing-at-all-0001",
}
PHRASES = http.client.responses


@pytest.fixture
def http_client(make_mock: Callable[..., Mock]) -> FlaskClient:
    """A client of a mock on the test fixtures: ACME01 has CRM/C-000417, and CRM/C-2 with the ProfileId 2."""
    return create_app(make_mock()).test_client()


@pytest.fixture
def demo() -> FlaskClient:
    """A client of a mock on the demo's fixtures."""
    return create_app(assemble(Settings(log="off"))).test_client()


def refusal_of(answer: TestResponse, status: int) -> tuple[str, str]:
    """Return what a refusal says is wrong, and its hint."""
    assert answer.status_code == status, answer.data
    return answer.json["error"], answer.json["hint"]


# -- finding one's way -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/__admin", "/__admin/"])
def test_the_index_lists_every_endpoint(http_client: FlaskClient, path: str) -> None:
    """With method, path and one sentence; the OpenAPI outline says the same."""
    answer = http_client.get(path)
    rows = answer.json["endpoints"]
    paths = http_client.get("/__admin/openapi.json").json["paths"]
    assert {(row["method"], row["path"]): row["summary"] for row in rows} == {
        (method.upper(), path): operation["summary"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert {"/__admin/reset/{part}", "/__admin/profiles/{client}/{type}/{id}", "/metrics"} <= set(paths)
    for row in rows:
        assert row["summary"].endswith("."), row
        assert ". " not in row["summary"], row
    assert len(answer.text.splitlines()) > len(rows)


def test_the_values_of_reset_are_listed_and_work(http_client: FlaskClient) -> None:
    """In the index and in the outline, the same ones."""
    (row,) = [row for row in http_client.get("/__admin").json["endpoints"] if "values" in row]
    parameters = http_client.get("/__admin/openapi.json").json["paths"][row["path"]]["post"]["parameters"]
    assert row["values"]["part"] == parameters[0]["schema"]["enum"] == ["profiles", "faults", "journal"]
    for part in row["values"]["part"]:
        assert http_client.post(f"/__admin/reset/{part}").json == {"status": "reset"}


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/__admin/journal", "/__admin/requests (DELETE, GET)"),
        ("/__admin/jurnal", "/__admin/requests (DELETE, GET)"),
        ("/__admin/journal/0000002a/explain", "/__admin/requests/{id}/explain (GET)"),
        ("/__admin/worlds", "/__admin/namespaces (GET, POST)"),
        ("/__admin/worlds/one", "/__admin/namespaces/{name} (DELETE)"),
        ("/__admin/reqests", "/__admin/requests (DELETE, GET)"),
        ("/__admin/requests/0000002a/explian", "/__admin/requests/{id}/explain (GET)"),
        ("/__admin/Health", "/__admin/health (GET)"),
        ("/__admin/profile/ACME01/CRM/C-2", "/__admin/profiles/{client}/{type}/{id} (DELETE, GET, PUT)"),
        ("/__admin/metrics", "/metrics (GET)"),
        ("/__admin/status", "/__admin/health (GET)"),
        ("/__admin/snapshot", "/__admin/snapshots (GET)"),
    ],
)
def test_a_wrong_path_gets_the_nearest(http_client: FlaskClient, path: str, meant: str) -> None:
    """Also by the names that others give the same thing."""
    _, hint = refusal_of(http_client.get(path), 404)
    assert hint == f"did you mean {meant}? GET /__admin lists every endpoint"


def test_a_path_like_no_other_gets_the_list(http_client: FlaskClient) -> None:
    """A guess that is not like it would lead astray."""
    assert refusal_of(http_client.get("/__admin/xyzzy"), 404)[1] == "GET /__admin lists every endpoint"
    assert http_client.get("/xyzzy").json["Message"].startswith("No HTTP resource was found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/__admin/clock", "GET, PUT"),
        ("GET", "/__admin/verify", "POST"),
        ("PATCH", "/__admin/faults/mine", "DELETE, GET, PUT"),
        ("OPTIONS", "/__admin/profiles/ACME01/CRM/a/b", "DELETE, GET, PUT"),
        ("POST", "/metrics", "GET"),
        ("BREW", "/__admin", "GET"),
    ],
)
def test_a_wrong_method_gets_the_allowed_ones(http_client: FlaskClient, method: str, path: str, allowed: str) -> None:
    """In the hint, and in the header that HTTP has for it."""
    answer = http_client.open(path, method=method)
    assert refusal_of(answer, 405)[1] == f"it takes {allowed}"
    assert answer.headers["Allow"] == allowed


def test_a_method_that_the_vendor_lacks_stays_the_vendors(http_client: FlaskClient) -> None:
    """Nothing of ours on that side."""
    answer = http_client.get("/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-2")
    assert (answer.status, list(answer.json)) == ("405 Method Not Allowed", ["Message"])


def test_status_lines_are_in_proper_case(demo: FlaskClient) -> None:
    """As every other server writes them, and as the vendor's side of this one does."""
    answers = [
        demo.get("/__admin/health"),
        demo.get("/__admin/nonsense"),
        demo.post("/__admin/clock"),
        demo.post("/__admin/faults", json={"text": "nonsense"}),
        demo.post("/__admin/reset", data="x", content_type="text/plain"),
        demo.post("/__admin/verify", json={"op": "add"}),
        demo.get("/__admin/health", headers={"Host": "evil.example"}),
        demo.get("/oauth/token"),
        demo.post("/oauth/token", data={}),
        demo.post("/oauth/token", data={"grant_type": "client_credentials"}),
        demo.get("/nonsense"),
        demo.patch("/nonsense"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 422, 415, 406, 421, 405, 400, 401, 404, 404]
    for answer in answers:
        assert answer.status == f"{answer.status_code} {PHRASES[answer.status_code]}"


# -- profiles ----------------------------------------------------------------------------------------------------------

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
    assert http_client.get("/__admin/profiles").json["meta"]["total"] == 2


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
    two = {"ProfileId": 2, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-2"}], "IsActive": True}
    new = {"ProfileId": 9, "AlternateIds": [ID_X]}
    put = lambda name, document: http_client.put(f"/__admin/profiles/ACME01/CRM/{name}", json=document).status_code  # noqa: E731
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
    (entry,) = demo.get("/__admin/requests").json["requests"]
    assert entry["mock"]["hint"] == "Did you mean 'ACME01'?"


# -- faults, verification, the journal ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        ({"spec": "500 p=0.5"}, 'for a fault as text send {"text": "500 p=0.5"}'),
        ({"fault": "50 p=2"}, 'for a fault as text send {"text": "50 p=2"}'),
        ({"txt": "reset every=5"}, 'for a fault as text send {"text": "reset every=5"}'),
        ({"text": "500", "match": {}}, "write all of it as text, or all of it as match, effect and schedule"),
        ({"usr": "nobody"}, 'did you mean "user" in "match"?'),
    ],
)
def test_a_fault_under_a_wrong_name(http_client: FlaskClient, document: dict[str, Any], hint: str) -> None:
    """The hint shows how text is sent, and shows it only to those who sent text."""
    assert refusal_of(http_client.post("/__admin/faults", json=document), 422)[1] == hint


def test_a_fault_may_be_a_json_string(http_client: FlaskClient) -> None:
    """The same as under "text", also below an id of one's own."""
    added = http_client.post("/__admin/faults", json="500 first=1")
    assert (added.status_code, added.json["effect"]["status"], added.json["schedule"]) == (201, 500, {"first": 1})
    for document in ("503", {"text": "503"}):
        put = http_client.put("/__admin/faults/mine", json=document)
        assert (put.status_code, put.json["id"], put.json["effect"]["status"]) == (200, "mine", 503)
    assert {row["id"] for row in http_client.get("/__admin/faults").json["faults"]} == {added.json["id"], "mine"}
    assert "did you mean" in refusal_of(http_client.post("/__admin/faults", json="rset"), 422)[1]
    assert refusal_of(http_client.post("/__admin/verify", json="500"), 400)[1] == "send object { }"


def test_an_id_beside_a_text_is_kept_and_checked(http_client: FlaskClient) -> None:
    """As one in the text would be."""
    assert http_client.post("/__admin/faults", json={"text": "500", "id": "mine"}).json["id"] == "mine"
    assert "rule=m-e" in refusal_of(http_client.put("/__admin/faults/m%20e", json="500"), 422)[1]
    assert "keep one" in refusal_of(http_client.put("/__admin/faults/a", json="500 rule=b"), 422)[1]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"pattern": {"op": "add"}, "count": 1}, id="pattern-and-number"),
        pytest.param({"count": 1}, id="number-alone"),
        pytest.param({"op": "add", "count": 1}, id="bare-pattern-and-number"),
        pytest.param({"pattern": {"op": "add"}}, id="pattern"),
        pytest.param({"request": {"op": "add"}, "exactly": 1}, id="request"),
        pytest.param({"op": "add", "times": 1}, id="times"),
        pytest.param({"count": {"request": {"op": "add"}}, "exactly": 1}, id="number-beside-count"),
    ],
)
def test_a_wrong_verification_is_shown_a_right_one(http_client: FlaskClient, spec: dict[str, Any]) -> None:
    """One that can be sent as it stands."""
    _, hint = refusal_of(http_client.post("/__admin/verify", json=spec), 422)
    shown = orjson.loads(hint.removeprefix("write e.g. "))
    assert http_client.post("/__admin/verify", json=shown).json["expected"] == "exactly 1 matching request"


@pytest.mark.parametrize("since", ["zzz", "", "yesterday", "12:00", "2a", "0000002A", "00000001x", "1e999"])
def test_since_something_that_is_no_moment(http_client: FlaskClient, since: str) -> None:
    """What can be neither a time nor an id would leave out nothing, as if all were new."""
    says, hint = refusal_of(http_client.get("/__admin/requests", query_string={"since": since}), 422)
    assert (says, "2026-01-31T12:00:00Z" in hint) == (f"since is {since!r}", True)


@pytest.mark.parametrize("since", ["ffffffff", "2000-01-31", "2000-01-31T12:00:00Z", "2000-01-31T12:00:00.5+01:00"])
def test_since_a_time_or_an_id_that_is_gone(http_client: FlaskClient, since: str) -> None:
    """Stays fine."""
    http_client.patch("/nonsense")
    assert len(http_client.get("/__admin/requests", query_string={"since": since}).json["requests"]) == 1


def test_since_a_request(http_client: FlaskClient) -> None:
    """What came after it."""
    for _ in range(3):
        http_client.patch("/nonsense")
    ids = [row["id"] for row in http_client.get("/__admin/requests").json["requests"]]
    later = http_client.get(f"/__admin/requests?since={ids[1]}").json["requests"]
    assert [row["id"] for row in later] == ids[:1]


# -- tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        pytest.param(
            {"json": APPLICATION}, "Send a form (application/x-www-form-urlencoded), not application/json.", id="json"
        ),
        pytest.param(
            {"data": "grant_type=client_credentials", "content_type": ""},
            "Send a form (application/x-www-form-urlencoded), not a body without Content-Type.",
            id="no-type",
        ),
        pytest.param(
            {},
            "The parameter grant_type is missing; "
            "send a form (application/x-www-form-urlencoded) with grant_type=client_credentials.",
            id="nothing",
        ),
    ],
)
def test_a_token_request_that_is_no_form(demo: FlaskClient, sent: dict[str, Any], says: str) -> None:
    """Is told to be one."""
    answer = demo.post("/oauth/token", **sent)
    assert (answer.status, answer.json["error_description"]) == ("400 Bad Request", says)
    assert answer.json["error"] == "invalid_request"


def test_a_missing_scope_is_told_one_that_works(demo: FlaskClient) -> None:
    """From the fixtures that are loaded, and only to an application that said its secret."""
    says = demo.post("/oauth/token", data=APPLICATION).json["error_description"]
    assert says == "Send the scope as ClientId/UserId, as in scope=ACME01/editor@acme.example."
    scope = says.partition("scope=")[2].removesuffix(".")
    assert demo.post("/oauth/token", data={**APPLICATION, "scope": scope}).status_code == 200
    stranger = demo.post("/oauth/token", data={**APPLICATION, "client_secret": "x"})
    assert "editor" not in stranger.json["error_description"]
