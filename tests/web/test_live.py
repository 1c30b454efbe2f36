"""Live reading of the journal: rows, and readers that wait on every kind of server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from hashlib import sha256
from http.client import HTTPConnection
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import Mock
from mockserver.web.app import create_app
from mockserver.web.requests import live
from mockserver.web.requests.live import Reader
from tests.state.stores import exchange
from tests.waiting import wait_until

PATIENCE_S = 20
PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
SET_TYPE = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]


@pytest.fixture
def mock(make_mock: Callable[..., Mock]) -> Mock:
    return make_mock(auth="off", port=0)


@pytest.fixture
def http(mock: Mock) -> FlaskClient:
    return create_app(mock).test_client()


@pytest.fixture
def server(mock: Mock) -> Iterator[Server]:
    with make_server(mock) as server:
        yield server


def ask(server: Server, path: str, method: str = "GET", document: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} if document is not None else {}
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as http:
        http.request(method, path, orjson.dumps(document) if document is not None else None, headers)
        return orjson.loads(http.getresponse().read())


def somebody_waits(server: Server, since: str = "") -> bool:
    """Tell whether the one place for a reader is taken: another one that finds nothing new may not wait."""
    return not ask(server, f"/__admin/requests?view=rows&wait=0.01{since}")["waiting"]


def rows(http: FlaskClient, query: str = "", **headers: str) -> Any:
    return read(http, f"requests?view=rows{query}", **headers)


def read(http: FlaskClient, path: str, **headers: str) -> Any:
    return orjson.loads(http.get(f"/__admin/{path}", headers=headers).data)


def count(http: FlaskClient, pattern: dict[str, Any]) -> Any:
    return orjson.loads(http.post("/__admin/requests/count", json=pattern).data)["count"]


def test_a_row_says_what_a_line_needs(http: FlaskClient) -> None:
    """Every agreed member, and no body."""
    http.patch(PROFILE, json=SET_TYPE)
    answer = rows(http)
    (row,) = answer["rows"]
    told = {name: value for name, value in row.items() if name not in ("id", "receivedAt", "at", "ms")}
    assert told == {
        "world": "default", "frozen": False, "method": "PATCH", "url": PROFILE,
        "operation": "patchProfileByAlternateId", "client": "ACME01", "alternateIdType": "CRM",
        "alternateId": "C-000417", "profileId": None, "user": None, "status": 200, "connection": None,
        "reason": "patch-applied", "provenance": "documented", "delayMs": 0,
        "ops": [{"op": "replace", "path": "/CustomerType"}], "opsTotal": 1, "refused": None, "changed": True,
        "fault": None, "applied": None, "tolerated": False, "surprising": False,
    }  # fmt: skip
    assert (answer["last"], answer["dropped"], answer["meta"], answer["waiting"]) == (row["id"], 0, {"total": 1}, False)


def test_a_row_shows_no_name_that_looks_like_a_credential(http: FlaskClient) -> None:
    """Whoever calls may name a world, and a method, as they like."""
    random = sha256(b"x").hexdigest()
    http.open(PROFILE, method="X" + random.upper(), headers={"X-Mock-Namespace": random})
    for path in ("requests?view=rows&all=true", "requests?all=true", "namespaces"):
        text = http.get(f"/__admin/{path}").text
        assert "[redacted]" in text
        assert random[:8] not in text.lower()


def test_rows_follow_an_id_and_come_oldest_first(http: FlaskClient) -> None:
    """Nothing twice, nothing left out, also with every world and after an id that is gone."""
    for world in ("default", "blue", "default", "blue"):
        http.patch(PROFILE, json=[], headers={"X-Mock-Namespace": world})
    every = [row["id"] for row in rows(http, "&all=true")["rows"]]
    assert every == sorted(every)
    assert len(every) == 4
    assert [row["id"] for row in rows(http, f"&all=true&since={every[1]}")["rows"]] == every[2:]
    assert [row["id"] for row in rows(http, f"&since={every[0]}")["rows"]] == [every[2]]
    http.delete(f"/__admin/requests/{every[0]}")
    assert [row["id"] for row in rows(http, f"&since={every[0]}")["rows"]] == [every[2]]
    assert rows(http, f"&all=true&since={every[3]}")["last"] == every[3]
    assert [row["id"] for row in rows(http, "&all=true&limit=2")["rows"]] == every[2:]
    assert [row["id"] for row in rows(http, f"&all=true&limit=1&since={every[1]}")["rows"]] == [every[2]]


@pytest.mark.parametrize("query", ["&wait=-1", "&wait=nan", "&wait=soon", "&since=2026-01-31T12:00:00Z"])
def test_what_rows_cannot_be_asked(http: FlaskClient, query: str) -> None:
    """Refused with a hint."""
    answer = http.get(f"/__admin/requests?view=rows{query}")
    assert (answer.status_code, b'"hint":"write' in answer.data or b'"hint":"rows' in answer.data) == (422, True)


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
@pytest.mark.parametrize("view", ["view=rows", "view=entries"])
def test_a_waiting_reader_is_told_at_once(
    server: Server, view: str, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader waits while patches go through, and gets the first of them."""
    ask(server, PROFILE, "PATCH", [])
    (first,) = ask(server, "/__admin/requests?view=rows")["rows"]
    monkeypatch.setattr(live, "MOST_READERS", 1)
    monkeypatch.setattr("mockserver.server.connection.WAIT_STEP_S", 0.02)
    asked, over = list[Reader](), Reader.over

    def counted(reader: Reader) -> bool:
        asked.append(reader)
        return over(reader)

    monkeypatch.setattr(Reader, "over", counted)
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as reader:
        since = f"&since={first['id']}"
        reader.request("GET", f"/__admin/requests?{view}{since}&wait=25", headers={"Connection": connection})
        wait_until(lambda: somebody_waits(server, since))
        asked.clear()
        wait_until(lambda: len(asked) > 2)  # whether the wait is over
        ask(server, PROFILE, "PATCH", SET_TYPE)
        answer = orjson.loads(reader.getresponse().read())
    assert answer["waiting"]
    assert len(answer.get("rows", answer.get("requests"))) == 1


def test_a_reader_of_a_world_that_was_deleted_is_not_left_waiting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its name may be there already; the reader asks anew."""
    monkeypatch.setattr(live, "MOST_READERS", 1)
    ask(server, "/__admin/requests?view=rows&namespace=w")
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as reader:
        reader.request("GET", "/__admin/requests?view=rows&wait=25&namespace=w")
        wait_until(lambda: somebody_waits(server))
        ask(server, "/__admin/namespaces/w", "DELETE")
        assert orjson.loads(reader.getresponse().read())["rows"] == []


def test_nothing_new_is_an_empty_answer(server: Server) -> None:
    """After the time that was asked for."""
    ask(server, PROFILE, "PATCH", [])
    (first,) = ask(server, "/__admin/requests?view=rows")["rows"]
    answer = ask(server, f"/__admin/requests?view=rows&since={first['id']}&wait=0.3&all=true")
    assert (answer["rows"], answer["waiting"], answer["last"]) == ([], True, first["id"])


def test_too_many_readers_are_answered_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who wait keep their turn; one that goes away makes room."""
    monkeypatch.setattr(live, "MOST_READERS", 1)
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)) as waiting:
        waiting.request("GET", "/__admin/requests?view=rows&wait=25")
        wait_until(lambda: somebody_waits(server))
    wait_until(lambda: not somebody_waits(server))


def test_other_gateways_wait_a_moment(http: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request has a thread of its own there, which must not be kept for long."""
    monkeypatch.setattr(live, "_LONGEST_BLOCK_S", 0.05)
    assert rows(http, "&wait=25") | {"now": ""} == {
        "rows": [], "last": None, "dropped": 0, "meta": {"total": 0}, "waiting": True, "now": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "status", "connection", "applied"),
    [
        ("reset", None, "reset", False),
        ("truncate", None, "truncate", False),
        ("reset after-commit", None, "reset", True),
        ("drip", 200, None, True),
        ("500 after-commit", 500, None, True),
        ("503", 503, None, False),
        ("delay=20", 200, None, True),
    ],
)
def test_the_journal_tells_what_the_client_saw(
    http: FlaskClient, fault: str, status: int | None, connection: str | None, applied: bool
) -> None:
    """A broken connection has no status, for counts too; and whether the patch took effect is said."""
    http.patch(PROFILE, json=SET_TYPE, headers={"X-Mock-Fault": fault})
    (row,) = rows(http)["rows"]
    assert (row["status"], row["connection"], row["applied"], row["surprising"]) == (status, connection, applied, True)
    entry = read(http, f"requests/{row['id']}")
    assert entry["response"]["status"] == status
    assert entry["timing"]["addedDelay"] == row["delayMs"] == (20 if fault == "delay=20" else 0)
    seen = {"connection": connection} if connection else {"status": status}
    assert count(http, {**seen, "surprising": True}) == 1
    assert count(http, {"status": 200}) == (status == 200)


def test_a_row_has_two_times(http: FlaskClient) -> None:
    """The world's, and the machine's where the world's stands still."""
    http.put("/__admin/clock", json={"freeze": "2026-01-31T12:00:00Z"})
    http.patch(PROFILE, json=[])
    (row,) = rows(http)["rows"]
    assert (row["at"], row["frozen"]) == ("2026-01-31T12:00:00.000Z", True)
    assert row["receivedAt"] > "2026-02"
    http.put("/__admin/clock", json={"reset": True})
    http.patch(PROFILE, json=[])
    row = rows(http)["rows"][-1]
    assert (row["at"], row["frozen"]) == (row["receivedAt"], False)


def test_an_id_that_is_given_again_has_a_row_of_its_own(mock: Mock) -> None:
    """A shared store that was emptied counts from the start, while the server has rows of before."""
    first, later = (exchange(1, status=status, at=datetime(2026, 1, status % 30, tzinfo=UTC)) for status in (400, 404))
    shown = [orjson.loads(orjson.dumps(row)) for row in live.rows_of(mock, [first, later, first])]
    assert [row["status"] for row in shown] == [400, 404, 400]
