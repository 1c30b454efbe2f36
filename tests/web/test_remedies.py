"""What costs people time in the first hour is said where they look, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from mockserver.auth.signing import sign
from mockserver.service.assembly import Mock
from mockserver.state.clock import system_now
from mockserver.web.app import create_app
from tests.web.refusals import refusal_of

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.fixture
def client(make_mock: Callable[..., Mock]) -> Callable[..., FlaskClient]:
    return lambda **settings: create_app(make_mock(**settings)).test_client()


def told(client: FlaskClient) -> Any:
    """Return what the journal tells of the newest request."""
    return client.get("/__admin/requests?limit=1").get_json()["requests"][0]["mock"]


def test_a_frozen_clock_is_named_with_the_call_that_thaws_it(client: Callable[..., FlaskClient]) -> None:
    http = client(auth="strict")
    http.put("/__admin/clock", json={"freeze": "2020-01-31T12:00:00Z"})
    header = sign("ACME01", "editor@acme.example", "editor-test-key", f"{system_now():%Y-%m-%dT%H:%M:%SZ}")
    send = {"json": [], "headers": {"Authorization": header}}
    assert http.patch(PROFILE, **send).status_code == 401
    assert "This world's clock is frozen at 2020-01-31T12:00:00Z." in told(http)["explanation"]
    assert 'PUT /__admin/clock {"reset": true}' in told(http)["hint"]
    http.put("/__admin/clock", json={"reset": True})
    assert http.patch(PROFILE, **send).status_code == 200


@pytest.mark.parametrize(
    ("fault", "words"), [("500 after-commit", "Applied, then 500: the planned"), ("500", "The planned")]
)
def test_a_fault_after_the_change_says_so(client: Callable[..., FlaskClient], fault: str, words: str) -> None:
    http = client()
    operation = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}
    assert http.patch(PROFILE, json=[operation], headers={"X-Mock-Fault": fault}).status_code == 500
    assert told(http)["explanation"].startswith(words)
    assert bool(told(http)["changes"]) == (fault != "500")


def test_a_schedule_in_the_header_of_one_request_is_refused_in_words(client: Callable[..., FlaskClient]) -> None:
    http = client()
    assert http.patch(PROFILE, json=[], headers={"X-Mock-Fault": "500 first=2"}).status_code == 400
    assert "one request" in told(http)["explanation"]
    assert "effect alone" in told(http)["hint"]


FORM = "application/x-www-form-urlencoded"
UNTYPED: dict[str, tuple[dict[str, str], str, int]] = {
    "as curl -d sends it": ({}, '{"name": "w"}', 201),
    "a form": ({}, "name=w", 415),
    "from a page of this server": ({"Origin": "http://localhost"}, '{"name": "w"}', 415),
    "from a browser": ({"Sec-Fetch-Site": "same-origin"}, '{"name": "w"}', 415),
    "from a browser's form": ({"Sec-Fetch-Mode": "navigate"}, '{"name": "w"}', 415),
}


@pytest.mark.parametrize(("headers", "body", "status"), UNTYPED.values(), ids=UNTYPED)
@pytest.mark.parametrize("kind", [FORM, "text/plain", None])
def test_json_without_its_type_is_read_from_no_browser(
    client: Callable[..., FlaskClient], kind: str | None, headers: dict[str, str], body: str, status: int
) -> None:
    answer = client().post("/__admin/namespaces", data=body, content_type=kind, headers=headers)
    assert answer.status_code == status, answer.data


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("limt=5", "did you mean limit?"),
        ("namespcae=w", "did you mean namespace?"),
        ("xyzzy=1", "the parameters are all, changed, dry, limit, n, namespace, offset, q, since, view, wait"),
    ],
)
def test_an_unknown_query_parameter_gets_the_nearest(client: Callable[..., FlaskClient], query: str, hint: str) -> None:
    http = client()
    assert refusal_of(http.get(f"/__admin/requests?{query}"), 422)[1] == hint
    assert http.get(f"/metrics?{query}").status_code == 200


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "path", [PROFILE, "/nowhere", "/__admin/health", "/__admin/nowhere", "/oauth/token", "/metrics"]
)
def test_a_wrong_host_is_told_on_every_route(
    make_mock: Callable[..., Mock], caplog: pytest.LogCaptureFixture, path: str, fast: bool
) -> None:
    """In a line of the log with what to do, and in a header."""
    caplog.set_level("INFO")
    http = create_app(make_mock(log="refusals"), fast=fast).test_client()
    method = http.get if "__admin" in path or path == "/metrics" else http.patch if path == PROFILE else http.post
    answer = method(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["X-Mock-Explain"]) == (421, "host-not-allowed")
    assert "Host 'evil.example' is not allowed." in caplog.text
    assert "--allowed-hosts NAME" in caplog.text


def signed_by(http: FlaskClient) -> str:
    """Return the command with which the journal's curl for a request signs."""
    http.patch(PROFILE, json=[], headers={"Authorization": "PNAUTHINFO3-HMAC-SHA256 Credential=a/b Signature=c"})
    newest = http.get("/__admin/requests?limit=1").get_json()["requests"][0]["id"]
    return http.get(f"/__admin/requests/{newest}/curl").text.partition("$(")[2]


def test_the_journals_curl_signs_with_the_fixtures_of_the_server(
    client: Callable[..., FlaskClient], demo: FlaskClient, fixture_dir: Path
) -> None:
    """But for the demo's, with which the command signs anyway."""
    assert signed_by(client()).startswith(f"mockserver sign --fixtures {fixture_dir} --client ACME01 ")
    assert signed_by(demo).startswith("mockserver sign --client ACME01 ")
    told = [http.get("/__admin/version").get_json()["sign"] for http in (client(), demo)]
    assert told == [f"mockserver sign --fixtures {fixture_dir}", "mockserver sign"]


@pytest.mark.parametrize("status", [404, 400])
def test_an_unknown_alternate_id_gets_the_nearest(client: Callable[..., FlaskClient], status: int) -> None:
    """As it is written in its fixture; one like no other gets the list."""
    http = client(unknown_profile=status)
    assert http.patch(PROFILE.replace("C-000417", "c-00417"), json=[]).status_code == status
    assert told(http)["hint"] == "Did you mean CRM/C-000417? GET /__admin/profiles lists what there is."
    http.patch(PROFILE.replace("C-000417", "xyzzy"), json=[])
    assert "Did you mean" not in told(http)["hint"]
