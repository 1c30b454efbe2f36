"""Requests of the journal tried, sent again and taken along; the server signs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from flask.testing import FlaskClient

from mockserver.auth.signing import issued_now, sign
from mockserver.service.assembly import Mock
from mockserver.state.clock import system_now
from mockserver.verify.rules.reading import load_rules
from mockserver.web.app import create_app

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
SET_TYPE = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]


@pytest.fixture
def mock(make_mock: Callable[..., Mock]) -> Mock:
    return make_mock(auth="strict")


@pytest.fixture
def http(mock: Mock) -> FlaskClient:
    return create_app(mock).test_client()


def post(http: FlaskClient, path: str, document: Any, status: int = 200) -> Any:
    answer = http.post(f"/__admin/{path}", json=document)
    assert answer.status_code == status, answer.data
    return orjson.loads(answer.data)


def send(mock: Mock, http: FlaskClient, operations: Any, **headers: str) -> str:
    """Send a signed patch; return its id."""
    client = mock.fixtures.clients["acme01"]
    user = next(user for user in client.users.values() if "profile:update" in user.permissions)
    header = sign("ACME01", user.user_id, user.secrets[0], issued_now(system_now()))
    answer = http.patch(PROFILE, json=operations, headers={"Authorization": header, **headers})
    return answer.headers["X-Mock-Request-Id"]


def test_other_dialects_are_tried_in_the_same_zone(make_mock: Callable[..., Mock]) -> None:
    """New York is four hours behind UTC in July."""
    mock = make_mock(auth="strict", server_zone="America/New_York")
    http = create_app(mock).test_client()
    patch = [{"op": "replace", "path": "/CustomerType", "value": "2024-07-05T10:00:00+00:00"}]
    document = {"body": patch, "dialects": ["vendor", "library"]}
    tried = post(http, f"requests/{send(mock, http, [])}/try", document)["dialects"]
    for one in tried.values():
        assert "2024-07-05T06:00:00-04:00" in [change["after"] for change in one["changes"]]


def test_a_request_is_tried_without_effect_and_then_sent(mock: Mock, http: FlaskClient) -> None:
    """Both with another body; the one that is sent is journalled under an id of its own, for the same user."""
    first = send(mock, http, [{"op": "replace", "path": "/CustomerTipe", "value": "Prospect"}])
    tried = post(http, f"requests/{first}/try", {"body": SET_TYPE})
    assert (tried["status"], tried["changes"][-1]["after"]) == (200, "Prospect")
    assert post(http, f"requests/{first}/try", {})["reason"] == "path-member-unknown"
    sent = post(http, f"requests/{first}/resend", {"body": orjson.dumps(SET_TYPE).decode()}, 201)
    assert (sent["status"], sent["reason"]) == (200, "patch-applied")
    entry = orjson.loads(http.get(f"/__admin/requests/{sent['id']}").data)
    assert entry["mock"]["user"] == orjson.loads(http.get(f"/__admin/requests/{first}").data)["mock"]["user"]
    assert "Signature=[redacted]" in entry["request"]["headers"]["authorization"]


def test_a_request_is_sent_again_in_its_own_world(mock: Mock, http: FlaskClient) -> None:
    """And nowhere else."""
    first = send(mock, http, SET_TYPE, **{"X-Mock-Namespace": "blue"})
    post(http, f"requests/{first}/resend?all=true", {}, 201)
    assert len(mock.worlds.get("blue").journal) == 2
    assert len(mock.worlds.default.journal) == 0


def test_a_first_request_is_sent_from_nothing(mock: Mock, http: FlaskClient) -> None:
    """Signed by the server where that is asked for, in the world that is asked, and journalled as any other."""
    asked = {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417", "body": SET_TYPE}
    sent = post(http, "send?namespace=blue", {**asked, "sign": True}, 201)
    assert (sent["status"], sent["reason"]) == (200, "patch-applied")
    (exchange,) = mock.worlds.get("blue").journal
    assert (exchange.id, exchange.changed, len(mock.worlds.default.journal)) == (sent["id"], True, 0)
    assert post(http, "send", asked, 201)["reason"] == "auth-header-missing"
    example = orjson.loads(http.get("/__admin/example").data)["request"]
    assert post(http, "send", example, 201)["status"] == 200


def test_a_request_is_sent_where_nothing_is_kept_of_it(make_mock: Callable[..., Mock]) -> None:
    """A pure mock tells no id in its answer."""
    http = create_app(make_mock(auth="strict", pure=True, journal_entries=0)).test_client()
    assert post(http, "send", {"url": PROFILE, "body": SET_TYPE, "sign": True}, 201)["id"] is None


@pytest.mark.parametrize("part", [{"method": []}, {"method": {}}, {"dialects": [[]]}], ids=str)
def test_what_is_no_text_names_nothing(http: FlaskClient, part: dict[str, Any]) -> None:
    """It is refused like a wrong name."""
    assert post(http, "try", {"url": PROFILE, "body": SET_TYPE, **part}, 422)["reason"] == "admin-request-invalid"


def test_a_dry_run_is_signed_and_speaks_each_dialect(http: FlaskClient) -> None:
    """What is a leniency of one is refused by another."""
    asked = {"url": PROFILE, "body": [{"op": "REPLACE", "path": "CustomerType", "value": "A"}], "sign": True}
    answers = post(http, "try", {**asked, "dialects": ["vendor", "library", "rfc6902"]})["dialects"]
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "vendor": 200,
        "library": 200,
        "rfc6902": 400,
    }
    assert post(http, "try", asked)["status"] == 200
    assert post(http, "try", {**asked, "sign": False})["status"] == 401
    assert post(http, "try", {**asked, "user": "nobody"}, 422)["hint"].startswith("the users are")
    assert post(http, "try", {**asked, "dialects": ["klingon"]}, 422)["hint"]


def test_a_request_is_taken_along_as_a_test_and_as_an_archive(mock: Mock, http: FlaskClient) -> None:
    """The test is Python, names the user, and expects what was answered."""
    first = send(mock, http, SET_TYPE)
    text = http.get(f"/__admin/requests/{first}/pytest").text
    compile(text, "test_copy.py", "exec")
    assert "def test_patch_applied(mypreferences):" in text
    assert "assert answer.status == 200" in text
    archive = orjson.loads(http.get(f"/__admin/requests/{first}/har").data)
    assert len(archive["log"]["entries"]) == 1


@pytest.mark.parametrize("operations", [SET_TYPE, [], [{"op": "add", "path": "/ProfileId", "value": 1}]])
def test_a_request_is_taken_along_as_a_rule(mock: Mock, http: FlaskClient, tmp_path: Path, operations: Any) -> None:
    """Which the verifying side reads."""
    first = send(mock, http, operations)
    text = http.get(f"/__admin/requests/{first}/rule").text
    (tmp_path / "copied.yaml").write_text(text)
    (rule,) = load_rules(tmp_path)
    assert yaml.safe_load(text)["rules"][0]["patch"] == operations
    assert rule.id.startswith(f"request-{first}")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Mock-Fault": "500"}, id="a fault"),
        pytest.param({"X-Mock-Fault": "reset"}, id="a broken connection"),
        pytest.param({"Authorization": "Basic abc"}, id="credentials that were refused"),
    ],
)
def test_what_makes_no_rule_is_refused(mock: Mock, http: FlaskClient, headers: dict[str, str]) -> None:
    """A rule could never hold, for what decided the answer can't stand in it."""
    answer = http.patch(PROFILE, json=SET_TYPE, headers=headers)
    refused = http.get(f"/__admin/requests/{answer.headers['X-Mock-Request-Id']}/rule")
    assert refused.status_code == 422
    assert orjson.loads(refused.data)["error"].startswith("the request makes no rule: ")


def test_another_operation_makes_no_rule(http: FlaskClient) -> None:
    """What is copied is a PATCH by alternate id."""
    answer = http.get(PROFILE)
    assert "no PATCH" in http.get(f"/__admin/requests/{answer.headers['X-Mock-Request-Id']}/rule").text


def test_an_unsigned_request_makes_an_unsigned_rule(http: FlaskClient) -> None:
    """So that it is refused again."""
    answer = http.patch(PROFILE, json=SET_TYPE)
    assert "\n    signed: false\n" in http.get(f"/__admin/requests/{answer.headers['X-Mock-Request-Id']}/rule").text


def test_a_document_of_very_many_parts_is_not_read(http: FlaskClient) -> None:
    """Reading one is a single step of the interpreter, in which nobody else is answered."""
    sent = {"client": "ACME01", "alternateIdType": "CRM", "alternateId": "C-000417", "body": [{}] * 200_000}
    assert "200000 objects and lists" in str(post(http, "try", sent, 413))
