"""The control surface can be found without a manual, and whoever errs is told what to write instead."""

from __future__ import annotations

import http.client
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from tests.web.refusals import refusal_of

APPLICATION = {
    "grant_type": "client_credentials",
    "client_id": "fake-demo-oauth-client-of-acme-00000000000000001",
    "client_secret": "fake-demo-oauth-secret-of-acme-that-protects-nothing-at-all-0001",
}
PHRASES = http.client.responses


# -- finding one's way -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/__admin", "/__admin/"])
def test_the_index_lists_every_endpoint(http_client: FlaskClient, path: str) -> None:
    """With method, path and one sentence; the OpenAPI outline says the same."""
    answer = http_client.get(path)
    rows = answer.get_json()["endpoints"]
    paths = http_client.get("/__admin/openapi.json").get_json()["paths"]
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
    (row,) = [row for row in http_client.get("/__admin").get_json()["endpoints"] if "values" in row]
    parameters = http_client.get("/__admin/openapi.json").get_json()["paths"][row["path"]]["post"]["parameters"]
    assert row["values"]["part"] == parameters[0]["schema"]["enum"] == ["profiles", "faults", "journal"]
    for part in row["values"]["part"]:
        assert http_client.post(f"/__admin/reset/{part}").get_json() == {"status": "reset"}


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
    assert http_client.get("/xyzzy").get_json()["Message"].startswith("No HTTP resource was found")


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
    answer = http_client.put("/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-2")
    assert (answer.status, list(answer.get_json())) == ("405 Method Not Allowed", ["Message"])


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
    assert (added.status_code, added.get_json()["effect"]["status"], added.get_json()["schedule"]) == (
        201,
        500,
        {"first": 1},
    )
    for document in ("503", {"text": "503"}):
        put = http_client.put("/__admin/faults/mine", json=document)
        assert (put.status_code, put.get_json()["id"], put.get_json()["effect"]["status"]) == (200, "mine", 503)
    assert {row["id"] for row in http_client.get("/__admin/faults").get_json()["faults"]} == {
        added.get_json()["id"],
        "mine",
    }
    assert "did you mean" in refusal_of(http_client.post("/__admin/faults", json="rset"), 422)[1]
    assert refusal_of(http_client.post("/__admin/verify", json="500"), 400)[1] == "send object { }"


def test_an_id_beside_a_text_is_kept_and_checked(http_client: FlaskClient) -> None:
    """As one in the text would be."""
    assert http_client.post("/__admin/faults", json={"text": "500", "id": "mine"}).get_json()["id"] == "mine"
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
    assert http_client.post("/__admin/verify", json=shown).get_json()["expected"] == "exactly 1 matching request"


@pytest.mark.parametrize("since", ["zzz", "", "yesterday", "12:00", "2a", "0000002A", "00000001x", "1e999"])
def test_since_something_that_is_no_moment(http_client: FlaskClient, since: str) -> None:
    """What can be neither a time nor an id would leave out nothing, as if all were new."""
    says, hint = refusal_of(http_client.get("/__admin/requests", query_string={"since": since}), 422)
    assert (says, "2026-01-31T12:00:00Z" in hint) == (f"since is {since!r}", True)


@pytest.mark.parametrize("since", ["ffffffff", "2000-01-31", "2000-01-31T12:00:00Z", "2000-01-31T12:00:00.5+01:00"])
def test_since_a_time_or_an_id_that_is_gone(http_client: FlaskClient, since: str) -> None:
    """Stays fine."""
    http_client.patch("/nonsense")
    assert len(http_client.get("/__admin/requests", query_string={"since": since}).get_json()["requests"]) == 1


def test_since_a_request(http_client: FlaskClient) -> None:
    """Gives what came after it."""
    for _ in range(3):
        http_client.patch("/nonsense")
    ids = [row["id"] for row in http_client.get("/__admin/requests").get_json()["requests"]]
    later = http_client.get(f"/__admin/requests?since={ids[1]}").get_json()["requests"]
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
    assert (answer.status, answer.get_json()["error_description"]) == ("400 Bad Request", says)
    assert answer.get_json()["error"] == "invalid_request"


def test_a_missing_scope_is_told_one_that_works(demo: FlaskClient) -> None:
    """From the fixtures that are loaded, and only to an application that said its secret."""
    says = demo.post("/oauth/token", data=APPLICATION).get_json()["error_description"]
    assert says == "Send the scope as ClientId/UserId, as in scope=ACME01/editor@acme.example."
    scope = says.partition("scope=")[2].removesuffix(".")
    assert demo.post("/oauth/token", data={**APPLICATION, "scope": scope}).status_code == 200
    stranger = demo.post("/oauth/token", data={**APPLICATION, "client_secret": "x"})
    assert "editor" not in stranger.get_json()["error_description"]
