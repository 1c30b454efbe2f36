"""Numbers of the last minutes, reports that were handed over, and what is told of worlds and reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.commands.report_files import hand_over
from mockserver.commands.running import make_server
from mockserver.service.assembly import Mock
from mockserver.service.metrics import BUCKETS_S, Metrics
from mockserver.story.provenance import RULES
from mockserver.web.app import create_app
from mockserver.web.numbers import percentile
from mockserver.web.reports import MOST_BYTES

PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
REPORT = {"target": "sandbox", "cases": [], "verdicts": {"held": 3, "not verifiable": 1}}


@pytest.fixture
def mock(make_mock: Callable[..., Mock]) -> Mock:
    return make_mock(auth="off", port=0)


@pytest.fixture
def http(mock: Mock) -> FlaskClient:
    return create_app(mock).test_client()


def read(http: FlaskClient, path: str, status: int = 200) -> Any:
    answer = http.get(f"/__admin/{path}")
    assert answer.status_code == status, answer.data
    return orjson.loads(answer.data)


def test_answers_are_counted_by_ten_seconds(http: FlaskClient) -> None:
    """Sixty steps, the last of which has what came now."""
    http.patch(PROFILE, json=[])
    http.patch(PROFILE, json=[{"op": "remove", "path": "/ProfileId"}])
    numbers = read(http, "numbers")
    steps = numbers["seconds"]
    assert len(steps) == 60
    assert sum(step["count"] for step in steps[-2:]) == 2
    assert (sum(step["2xx"] for step in steps), sum(step["4xx"] for step in steps)) == (1, 1)
    assert steps[1]["t"] - steps[0]["t"] == 10
    assert numbers["totals"]["byStatus"] == {"200": 1, "400": 1}
    assert {row["name"] for row in numbers["bounds"]} >= {"worlds", "journal bytes"}


def test_a_broken_connection_is_no_200(http: FlaskClient) -> None:
    """No client saw the answer; small pieces are one all the same."""
    for fault in ("reset", "truncate", "drip"):
        http.patch(PROFILE, json=[], headers={"X-Mock-Fault": fault})
    numbers = read(http, "numbers")
    assert numbers["totals"]["byStatus"] == {"broken": 2, "200": 1}
    assert [sum(step[name] for step in numbers["seconds"]) for name in ("2xx", "broken")] == [1, 2]
    assert 'status="broken"' in http.get("/metrics").text


def test_old_answers_leave_the_numbers() -> None:
    """After ten minutes; a pause is a row of zeros."""
    metrics = Metrics()
    metrics.observe(200, "patch-applied", 0.001, None, 5.0)
    metrics.observe(200, "patch-applied", 0.001, None, 25.0)
    assert [sum(part.buckets) for part in metrics.lately(25.0)[-3:]] == [1, 0, 1]
    assert sum(sum(part.buckets) for part in metrics.lately(700.0)) == 0


def test_percentiles_come_from_buckets() -> None:
    """Between the bounds of the bucket; None where nothing came."""
    assert percentile([0] * (len(BUCKETS_S) + 1), 0.5) is None
    buckets = [4] + [0] * len(BUCKETS_S)
    assert percentile(buckets, 0.5) == 0.025
    assert percentile([0] * len(BUCKETS_S) + [1], 0.99) == 1000.0


def test_the_newest_reports_stay(http: FlaskClient) -> None:
    """With what can be said of them in a line."""
    for _ in range(11):
        http.post("/__admin/reports", json=REPORT)
    rows = read(http, "reports")
    assert [row["id"] for row in rows] == [str(number) for number in range(11, 1, -1)]
    assert (rows[0]["kind"], rows[0]["target"], rows[0]["verdict"]) == ("verify", "sandbox", "held")
    assert read(http, "reports/11") == REPORT
    assert read(http, "reports/1", 404)["hint"]
    drift = {"left": "mock", "right": "sandbox", "exit": 1, "counts": {"drift": 2}, "findings": []}
    http.post("/__admin/reports", json=drift)
    assert read(http, "reports")[0]["verdict"] == "drift"


@pytest.mark.parametrize(
    ("document", "status"), [({}, 422), ({"cases": ["x" * MOST_BYTES]}, 413)], ids=["other", "big"]
)
def test_what_is_no_report_is_refused(http: FlaskClient, document: Any, status: int) -> None:
    """By its shape or its size."""
    assert http.post("/__admin/reports", json=document).status_code == status


def test_a_report_is_handed_over(mock: Mock, capsys: pytest.CaptureFixture[str]) -> None:
    """A large one without its exchanges; a server that is away is a warning."""
    with make_server(mock) as server:
        url = server.url
        hand_over(url, REPORT)
        hand_over(url, {**REPORT, "cases": [{"id": "a", "exchanges": ["x" * MOST_BYTES]}]})
        assert capsys.readouterr().err == ""
    hand_over(url, REPORT)
    assert "warning: the report could not be handed" in capsys.readouterr().err


def test_reasons_are_told(http: FlaskClient) -> None:
    """All of them, and of one what to do and where it was met last."""
    assert [row["reason"] for row in read(http, "fidelity")] == list(RULES)
    http.patch(PROFILE, json=[{"op": "remove", "path": "/ProfileId"}])
    told = read(http, "reasons/member-read-only")
    assert told["remedy"] == "Take this operation out; a test on the member is allowed."
    assert told["newest"]["id"] == "00000001"
    assert "member-read-only" in read(http, "reasons/member-readonly", 404)["hint"]


def test_worlds_tell_their_clock_and_size(http: FlaskClient) -> None:
    """And when they were used last."""
    http.put("/__admin/clock", json={"freeze": "2026-01-31T12:00:00Z"}, headers={"X-Mock-Namespace": "blue"})
    http.patch(PROFILE, json=[], headers={"X-Mock-Namespace": "blue"})
    default, blue = read(http, "namespaces")["namespaces"]
    assert (default["lastUsed"], default["journalBytes"]) == (None, 0)
    assert blue["clock"]["frozen"]
    assert blue["lastUsed"] > "2026-02"
    assert blue["journalBytes"] > 0
    assert read(http, "clock")["machineNow"] > "2026-02"


def test_a_first_request(http: FlaskClient) -> None:
    """Signed now, with the time until which it is valid."""
    example = read(http, "example")
    assert example["curl"].startswith("curl -i -X PATCH http://localhost/ACME01/")
    assert example["validUntil"].endswith("Z")
