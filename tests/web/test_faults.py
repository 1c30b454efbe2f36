"""Faults on the control surface: what they say of themselves, a dry run, and a switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.faults.rules import MAGIC_IDS
from mockserver.service.assembly import Mock
from mockserver.web.app import create_app
from tests.fixtures.directories import DEMO

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.fixture
def http(make_mock: Callable[..., Mock]) -> FlaskClient:
    return create_app(make_mock(auth="off", fault=("503 times=1",))).test_client()


def ask(http: FlaskClient, method: str, path: str, document: Any = None, status: int = 200) -> Any:
    answer = http.open(f"/__admin/{path}", method=method, json=document)
    assert answer.status_code == status, answer.data
    return orjson.loads(answer.data)


def test_a_rule_tells_its_text_its_sentence_and_where_it_comes_from(http: FlaskClient) -> None:
    """So that it can be read, kept and written again."""
    ask(http, "POST", "faults", {"text": "500 first=2"}, 201)
    started, added = ask(http, "GET", "faults")["faults"]
    assert (started["text"], started["from"], started["enabled"]) == ("503 times=1", "--fault", True)
    assert (added["text"], added["from"]) == ("500 first=2", "control surface")
    assert added["sentence"] == "Answers 500, and nothing is applied: the first 2 of the requests."


def test_a_dry_run_adds_nothing(http: FlaskClient) -> None:
    """It tells the sentence and the plan, or what is wrong."""
    told = ask(http, "POST", "faults?dry=true", {"text": "500 first=2"})
    assert [cell and cell["n"] for cell in told["plan"]] == [1, 2, *[None] * 48]
    assert told["rule"]["text"] == "500 first=2"
    assert ask(http, "POST", "faults?dry=true", {"text": "500 frist=2"})["hint"] == 'did you mean "first=2"?'
    assert ask(http, "GET", "faults")["meta"]["total"] == 1


def test_a_rule_is_switched_off_and_on_with_its_counts(http: FlaskClient) -> None:
    """While it is off it matches nothing."""
    rule = ask(http, "POST", "faults", {"text": "500 every=2"}, 201)["id"]
    ask(http, "DELETE", f"faults/{ask(http, 'GET', 'faults')['faults'][0]['id']}")
    assert [http.patch(PROFILE, json=[]).status_code for _ in range(2)] == [200, 500]
    off = ask(http, "PUT", f"faults/{rule}", {"enabled": False})
    assert (off["enabled"], off["matched"], off["hits"]) == (False, 2, 1)
    assert ask(http, "GET", "faults/plan?n=2")["plan"][rule] == [None, None]
    assert [http.patch(PROFILE, json=[]).status_code for _ in range(2)] == [200, 200]
    on = ask(http, "PUT", f"faults/{rule}", {"enabled": True})
    assert (on["enabled"], on["matched"], on["hits"]) == (True, 2, 1)
    assert [http.patch(PROFILE, json=[]).status_code for _ in range(2)] == [200, 500]
    ask(http, "PUT", "faults/unknown", {"enabled": True}, 404)
    ask(http, "PUT", f"faults/{rule}", {"enabled": 1}, 422)


@pytest.mark.parametrize(
    ("rule", "asked", "status", "struck"),
    [
        pytest.param("delay=1", {"X-Mock-Fault": "502"}, 502, "502-", id="a delay and a header"),
        pytest.param("delay=1", {"Prefer": "code=403"}, 403, "prefer#1", id="a delay and a preference"),
        pytest.param("500", {"X-Mock-Fault": "502"}, 500, "planned#1", id="a failure and a header"),
        pytest.param("500 at=2", {"X-Mock-Fault": "502"}, 502, "502-", id="a rule whose turn has not come"),
        pytest.param("delay=1", {"X-Mock-Fault": "delay=1"}, 200, "planned#1", id="two delays"),
        pytest.param("delay=1", {}, 200, "planned#1", id="a delay alone"),
    ],
)
def test_a_requests_own_fault_comes_after_the_planned(
    http: FlaskClient, rule: str, asked: dict[str, str], status: int, struck: str
) -> None:
    """The first that does more than delay decides."""
    ask(http, "DELETE", "faults")
    ask(http, "PUT", "faults/planned", {"text": rule})
    answer = http.patch(PROFILE, json=[], headers=asked)
    assert (answer.status_code, answer.headers["X-Mock-Fault"].startswith(struck)) == (status, True)


def test_a_rule_that_no_request_can_meet_is_refused(http: FlaskClient) -> None:
    """By the table of operations: what their URLs name, and whether they carry a patch."""
    ask(http, "POST", "faults", {"text": "500 operation=patchProfile path=/Emails"}, 201)
    refused = ask(http, "POST", "faults", {"text": "500 operation=deactivateProfile type=CRM"}, 422)
    assert "is in no request of deactivateProfile" in refused["error"]


def test_no_magic_id_is_taken_for_a_secret(make_mock: Callable[..., Mock]) -> None:
    """A key of the demo has eight letters in common with one of them."""
    http = create_app(make_mock(fixtures=DEMO)).test_client()
    answered = [http.patch(PROFILE.replace("C-000417", magic), json=[]) for magic in MAGIC_IDS]
    assert [answer.headers["X-Mock-Fault"] for answer in answered] == [f"{magic}#1" for magic in MAGIC_IDS]
    newest = ask(http, "GET", "requests")["requests"][0]["request"]
    assert newest["url"].endswith("fault-after-reset")


@pytest.mark.parametrize(
    ("rule", "status", "connection", "least_ms"),
    [
        ("reset", 0, "reset", 0),
        ("truncate delay=5", 0, "truncate", 5),
        ("503", 503, None, 0),
        ("delay=7", 200, None, 7),
    ],
)
def test_the_archive_has_what_the_client_saw(
    http: FlaskClient, rule: str, status: int, connection: str | None, least_ms: int
) -> None:
    """No status where its connection was broken, and how long it waited."""
    ask(http, "DELETE", "faults")
    http.patch(PROFILE, json=[], headers={"X-Mock-Fault": rule})
    entry = ask(http, "GET", "requests.har")["log"]["entries"][-1]
    assert (entry["response"]["status"], entry["_mock"]["connection"]) == (status, connection)
    assert entry["time"] >= least_ms
