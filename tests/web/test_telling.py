"""A request told in full: its operations, the place and remedy of a refusal, its signature, the fault that struck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.service.assembly import Mock
from mockserver.web.app import create_app

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.fixture
def make_http(make_mock: Callable[..., Mock]) -> Callable[..., FlaskClient]:
    return lambda **settings: create_app(make_mock(**settings)).test_client()


@pytest.fixture
def http(make_http: Callable[..., FlaskClient]) -> FlaskClient:
    return make_http(auth="off")


def told(http: FlaskClient, operations: Any, **headers: str) -> Any:
    """Send a patch; return what is told of it."""
    body = operations if isinstance(operations, bytes) else orjson.dumps(operations)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    http.patch(PROFILE, data=body, headers={"Content-Type": "application/json", **named})
    (entry,) = orjson.loads(http.get("/__admin/requests?limit=1").data)["requests"]
    answer = http.get(f"/__admin/requests/{entry['id']}")
    assert answer.status_code == 200, answer.data
    return orjson.loads(answer.data)["mock"]


def test_each_operation_says_what_it_did(http: FlaskClient) -> None:
    """A test holds, a change is before and after, given the operations before it."""
    mock = told(
        http,
        [
            {"op": "replace", "path": "/CustomerType", "value": "A"},
            {"op": "test", "path": "/CustomerType", "value": "A"},
            {"op": "replace", "path": "/CustomerType", "value": "B"},
        ],
    )
    outcomes = [
        (one["outcome"], [(row["before"], row["after"]) for row in one["changed"]]) for one in mock["operations"]
    ]
    assert [outcome for outcome, _ in outcomes] == ["applied", "held", "applied"]
    assert outcomes[2][1] == [("A", "B")]
    assert outcomes[0][1][0][1] == "A"
    assert {"/CustomerType", "/Edited/ModifiedDate"} <= {row["path"] for row in mock["difference"]}
    assert (mock["dialect"], mock["faultEffect"], mock["signature"]) == ("vendor", None, None)


def test_a_refusal_undoes_what_went_before_and_leaves_the_rest(http: FlaskClient) -> None:
    """Values are told also for what was undone."""
    mock = told(
        http,
        [
            {"op": "replace", "path": "/CustomerType", "value": "A"},
            {"op": "replace", "path": "/CustomerTipe", "value": "B"},
            {"op": "remove", "path": "/Emails/0"},
        ],
    )
    undone, refused, unreached = mock["operations"]
    assert (undone["outcome"], undone["changed"][0]["after"]) == ("undone", "A")
    assert refused["outcome"] == "refused"
    assert refused["reason"] == "path-member-unknown"
    assert refused["at"] == {"member": "path", "segment": "CustomerTipe"}
    assert refused["instead"] == {"op": "replace", "path": "/CustomerType", "value": "B"}
    assert (unreached["outcome"], mock["difference"]) == ("not reached", [])


REMEDIES = {
    "unknown operation": ({"op": "replce", "path": "/CustomerType", "value": 1}, "op", None, {"op": "replace"}),
    "not supported": ({"op": "move", "path": "/CustomerType", "from": "/DefaultLocale"}, "op", None, None),
    "index": ({"op": "add", "path": "/Emails/99", "value": {}}, "path", "99", {"path": "/Emails/-"}),
    "read-only": ({"op": "replace", "path": "/ProfileId", "value": 1}, "path", "ProfileId", None),
    "boolean": ({"op": "replace", "path": "/IsActive", "value": "yes"}, "value", None, {"value": True}),
    "too long": ({"op": "replace", "path": "/DefaultLocale", "value": "x" * 16}, "value", None, {"value": "x" * 15}),
    "test failed": ({"op": "test", "path": "/CustomerType", "value": "?"}, "value", None, None),
}


@pytest.mark.parametrize(("operation", "member", "segment", "change"), REMEDIES.values(), ids=REMEDIES)
def test_place_and_remedy(
    http: FlaskClient, operation: dict[str, Any], member: str, segment: str | None, change: dict[str, Any] | None
) -> None:
    """What decided is named, and what to write instead where we know it."""
    (one,) = told(http, [operation])["operations"]
    assert one["at"] == {"member": member, "segment": segment}
    assert one["instead"] == (None if change is None else {**operation, **change})


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'[{"op":"add","path":"/CustomerType","value":"\\ud800"}]', "applied"),
        (b'[{"op":"add","path":"/ProfileId","value":' + b"9" * 40 + b"}]", "refused"),
        (b'[{"op":"add","path":"/Emails","value":' + b"[" * 300 + b"]" * 300 + b"}]", None),
        (b'[{"op":"\\ud800","path":"\\ud800"}]', "refused"),
        (b"no JSON", None),
    ],
    ids=["half a character", "a long number", "deep", "odd names", "nothing"],
)
def test_whatever_was_sent_can_be_told(http: FlaskClient, body: bytes, outcome: str | None) -> None:
    """Values that JSON text or UTF-8 can't carry are told as near as can be."""
    operations = told(http, body)["operations"]
    assert [one["outcome"] for one in operations] == ([outcome] if outcome else [])


def test_after_a_commit_the_operations_were_applied(http: FlaskClient) -> None:
    """The fault struck later; one before anything lets none be reached."""
    patch = [{"op": "replace", "path": "/CustomerType", "value": "A"}]
    mock = told(http, patch, X_Mock_Fault="500 after-commit")
    assert (mock["applied"], mock["operations"][0]["outcome"]) == (True, "applied")
    assert mock["faultEffect"] == {
        "status": 500, "message": mock["faultEffect"]["message"], "connection": None, "when": "after", "delay_ms": 0.0,
    }  # fmt: skip
    for fault in ("500", "reset"):
        mock = told(http, patch, X_Mock_Fault=fault)
        assert (mock["applied"], mock["operations"][0]["outcome"]) == (False, "not reached")
        assert mock["operations"][0]["changed"] == []


def test_a_signature_is_told_check_by_check(make_http: Callable[..., FlaskClient]) -> None:
    """Up to the one that failed; a clock that stands still is named with the call that lets it run."""
    http = make_http(auth="strict")
    http.put("/__admin/clock", json={"freeze": "2026-01-31T12:00:00Z"})
    header = "PNAUTHINFO3-HMAC-SHA256 Credential=editor@acme.example/2026-01-31T13:00:00Z Signature=AAAA"
    signature = told(http, [], Authorization=header)["signature"]
    assert (signature["user"], signature["timestamp"]) == ("editor@acme.example", "2026-01-31T13:00:00Z")
    assert (signature["scheme"], signature["ageSeconds"]) == ("PNAUTHINFO3-HMAC-SHA256", -3600.0)
    assert [check["ok"] for check in signature["checks"]] == [True, True, True, True, False, None, None, None]
    assert '{"reset": true}' in signature["hint"]
    missing = told(http, [])["signature"]
    assert (missing["cause"], missing["checks"][0]["ok"]) == ("header-missing", False)


@pytest.mark.parametrize(("scheme", "settings"), [("http", {}), ("https", {"tls": True})], ids=["http", "https"])
def test_urls_have_the_scheme_by_which_the_server_is_called(
    make_http: Callable[..., FlaskClient], scheme: str, settings: dict[str, bool]
) -> None:
    """In lists, told in full, among near misses and in an archive, by whatever scheme one asks for them."""
    http = make_http(**settings)
    identity = http.patch(PROFILE, json=[]).headers["X-Mock-Request-Id"]
    listed = http.get("/__admin/requests").get_json()["requests"][0]
    missed = http.post("/__admin/verify", json={"count": {"request": {"status": 500}}}).get_json()["nearMisses"][0]
    told = http.get(f"/__admin/requests/{identity}").get_json()
    urls = [one["request"]["absoluteUrl"] for one in (listed, missed, told)]
    urls.append(http.get("/__admin/requests.har").get_json()["log"]["entries"][0]["request"]["url"])
    assert urls == [f"{scheme}://localhost{PROFILE}"] * 4
