"""State in Redis as the service, the control surface and an operator meet it, and what happens while Redis is away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
import redis
from fakeredis import FakeServer

from mockserver.errors import BadRequest, StoreUnavailable, UsageError
from mockserver.service.assembly import Mock
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route
from mockserver.service.trial import dry_run
from mockserver.state.profiles import Changed
from mockserver.state.redis import connection as redis_connection
from mockserver.state.redis import scripts
from mockserver.state.redis.connection import Redis, connector
from mockserver.state.redis.view import Bounds
from mockserver.state.redis.worlds import RedisWorlds
from mockserver.story.story import Story
from mockserver.web.app import create_app
from tests.conftest import Client
from tests.state.redis_servers import fake_connector
from tests.state.test_store_contract import BASE, A, count_up

URL = "redis://operator:s3cret@cache.example:6380/2"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def on_redis(
    make_mock: Callable[..., Mock], server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Mock]:
    """Return what assembles a server on the database of this test; settings as keywords."""
    monkeypatch.setattr("mockserver.state.redis.worlds.connector", lambda url: fake_connector(server))
    return lambda **settings: make_mock(store=URL, **settings)


class Stopwatch:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    watch = Stopwatch()
    monkeypatch.setattr(redis_connection, "stopwatch", watch)
    return watch


# -- the same answers ------------------------------------------------------------------------------------------------

REQUESTS: dict[str, dict[str, Any]] = {
    "change": {"body": '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'},
    "new alternate id": {"body": '[{"op": "replace", "path": "/AlternateIds/0/AlternateId", "value": "N-1"}]'},
    "taken alternate id": {"body": '[{"op": "replace", "path": "/AlternateIds/0/AlternateId", "value": "C-2"}]'},
    "test failed": {"body": '[{"op": "test", "path": "/CustomerType", "value": "Nobody"}]'},
    "not json": {"body": "{"},
    "as xml": {"accept": "application/xml"},
    "magic id": {"target": "/ACME01/Profile/AlternateIdType/CRM/AlternateId/fault-503"},
    "unknown profile": {"target": "/ACME01/Profile/AlternateIdType/CRM/AlternateId/nobody"},
    "unknown route": {"target": "/nowhere"},
    "invalid world": {"x_mock_namespace": "-"},
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_the_answer_is_the_same_as_in_memory(
    make_mock: Callable[..., Mock], on_redis: Callable[..., Mock], request_: dict[str, Any]
) -> None:
    """Status, headers and bytes, whatever the store."""
    answers = []
    for mock in (make_mock(), on_redis()):
        mock.worlds.get(None).clock.freeze(mock.started_at.replace(year=2026, month=1, day=31, hour=1, minute=2))
        mock.worlds.get(None).clock.freeze(mock.worlds.get(None).clock.now().replace(second=0, microsecond=0))
        status, headers, body = Client(mock)(**request_)
        answers.append((status, {**headers, "X-Mock-Request-Id": ""}, body))
    assert answers[0] == answers[1]


def test_two_servers_share_profiles_faults_and_journal(on_redis: Callable[..., Mock]) -> None:
    """What one is told, the other knows; their requests are numbered in one order."""
    one, two = Client(on_redis()), Client(on_redis())
    one('[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]')
    assert two.profile()["CustomerType"] == "Prospect"
    control = create_app(one.mock).test_client()
    control.post("/__admin/faults", json={"effect": {"status": 429}, "schedule": {"first": 1}})
    assert [call()[0] for call in (two, one, two)] == [429, 200, 200]
    requests = control.get("/__admin/requests").get_json()["requests"]
    assert len(requests) == 5
    assert [row["id"] for row in requests] == sorted((row["id"] for row in requests), reverse=True)
    assert len({row["id"] for row in requests}) == 5


def test_a_dry_run_changes_nothing(on_redis: Callable[..., Mock]) -> None:
    """It runs on a copy in memory of what the database holds, and counts for no fault."""
    mock = on_redis()
    call = Client(mock)
    call('[{"op": "replace", "path": "/CustomerType", "value": "Before"}]')
    create_app(mock).test_client().post("/__admin/faults", json={"effect": {"delay_ms": 1}})
    headers = {"content-type": "application/json"}
    body = b'[{"op": "replace", "path": "/CustomerType", "value": "After"}]'
    head = Head("PATCH", call.PROFILE, headers, match_route(call.PROFILE, slashes_in_ids=True))
    result = dry_run(mock, mock.worlds.get(None), Request(head, body))
    changed = {row["path"]: (row["before"], row["after"]) for row in result["changes"]}
    assert (result["status"], changed["/CustomerType"]) == (200, ("Before", "After"))
    world = mock.worlds.get(None)
    assert (dict(world.counters), len(world.journal)) == ({}, 1)
    assert call.profile()["CustomerType"] == "Before"


def test_every_fact_of_a_story_is_written() -> None:
    """A fact that is new in memory must be written to Redis too."""
    assert [field.name for field in fields(Story)] == ["reason", "refusal", "operations", "rests_on"]
    assert {*vars(BadRequest("No.", rule="test-failed"))} == {
        "message", "rule", "why", "hint", "operation", "path", "model_state", "headers",
    }  # fmt: skip


# -- Redis goes away -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_while_redis_is_away_the_vendor_is_unavailable(
    on_redis: Callable[..., Mock], server: FakeServer, stopwatch: Stopwatch, accept: str
) -> None:
    """Every request is answered 503 in the vendor's shape; it works again by itself when Redis is back."""
    call = Client(on_redis())
    call('[{"op": "replace", "path": "/CustomerType", "value": "Kept"}]')
    server.connected = False
    for world in (None, "other"):
        status, headers, body = call(accept=accept, **({"x_mock_namespace": world} if world else {}))
        assert (status, headers["X-Mock-Explain"]) == (503, "store-unavailable")
        assert b"The service is unavailable." in body
        assert headers["Content-Type"].startswith(accept)
        stopwatch.seconds += 5
    server.connected = True
    assert call.profile()["CustomerType"] == "Kept"


def test_a_pure_server_is_unavailable_too(
    on_redis: Callable[..., Mock], server: FakeServer, stopwatch: Stopwatch
) -> None:
    """It has no world to choose, and finds the store away all the same."""
    call = Client(on_redis(pure=True))
    server.connected = False
    assert call()[0] == 503
    server.connected = True
    stopwatch.seconds += 5
    assert call()[0] == 200


def test_a_request_that_found_redis_away_does_not_go_on_with_half_of_its_world(
    on_redis: Callable[..., Mock], server: FakeServer, stopwatch: Stopwatch
) -> None:
    """If Redis comes back meanwhile, the next request finds it; this one has taken the system's time already."""
    worlds = on_redis().worlds
    worlds.get(None).clock.advance(3600)
    server.connected = False
    world = worlds.default
    world.clock.now()
    server.connected = True
    stopwatch.seconds += 5
    with pytest.raises(StoreUnavailable):
        _ = world.faults
    assert worlds.default.clock.offset_s == 3600


def test_while_redis_is_away_the_server_is_healthy_but_not_ready(
    on_redis: Callable[..., Mock], server: FakeServer, stopwatch: Stopwatch
) -> None:
    """The control surface says what is wrong and what to do, and never the password."""
    control = create_app(on_redis()).test_client()
    server.connected = False
    for path in ("/ready", "/__admin/ready"):
        answer = control.get(path)
        assert (answer.status_code, answer.get_json()["ready"]) == (503, False)
    for path in ("/__admin/faults", "/__admin/profiles", "/__admin/requests", "/__admin/namespaces", "/__admin/clock"):
        answer = control.get(path)
        assert (answer.status_code, answer.get_json()["reason"]) == (503, "store-unavailable")
        assert "reconnects by itself" in answer.get_json()["hint"]
        assert "s3cret" not in answer.text
    assert control.get("/__admin/health").status_code == 200
    server.connected = True
    stopwatch.seconds += 5
    assert control.get("/ready").get_json() == {"ready": True}


class Wire:
    """A connection that fails as it is told: each failure takes the place of one answer, the command being done."""

    def __init__(self, wire: Any, failures: list[Exception | None], connects: list[int]) -> None:
        self._wire, self._failures, self._connects = wire, failures, connects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def connect(self) -> None:
        self._connects.append(1)
        self._wire.connect()

    def read_response(self) -> Any:
        answer = self._wire.read_response()
        if self._failures and (failure := self._failures.pop(0)) is not None:
            raise failure
        return answer


@pytest.fixture
def failing(server: FakeServer) -> tuple[Redis, list[Exception | None], list[int]]:
    """Return Redis, the list of failures to come, and a list with an item for each connection made."""
    failures, connects, make = list[Exception | None](), list[int](), fake_connector(server)
    return Redis(lambda: Wire(make(), failures, connects), "redis://test"), failures, connects


def worlds_on(redis_: Redis) -> RedisWorlds:
    worlds = RedisWorlds(redis_, BASE, Bounds(10, 1 << 20, 1 << 20))
    worlds.start()
    return worlds


def test_a_lost_connection_is_made_anew_for_what_may_run_twice(
    failing: tuple[Redis, list[Exception | None], list[int]],
) -> None:
    """A server that was restarted between two requests is not noticed."""
    redis_, failures, connects = failing
    worlds = worlds_on(redis_)
    failures.append(redis.ConnectionError("Connection closed by server."))
    assert worlds.get("w").profiles.read(A) == BASE.bodies[0]
    assert len(connects) == 2


def test_a_change_whose_answer_is_lost_is_not_made_twice(
    failing: tuple[Redis, list[Exception | None], list[int]], stopwatch: Stopwatch
) -> None:
    """It is refused as unavailable, and the story says that it may have been stored."""
    redis_, failures, _ = failing
    world = worlds_on(redis_).get("w")
    world.profiles.update(A, count_up)
    failures += [None, redis.ConnectionError("Connection closed by server.")]
    with pytest.raises(StoreUnavailable) as caught:
        world.profiles.update(A, count_up)
    assert caught.value.why.endswith("It is not known whether this request was stored before that.")
    stopwatch.seconds += 5
    assert (world.profiles.read(A) or b"").startswith(b'{"N":2')


def test_nobody_waits_twice_for_a_server_that_does_not_answer(
    failing: tuple[Redis, list[Exception | None], list[int]], stopwatch: Stopwatch
) -> None:
    """After a timeout the others are refused at once for a while; then one tries again."""
    redis_, failures, connects = failing
    worlds = worlds_on(redis_)
    failures.append(redis.TimeoutError("Timeout reading from socket"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match=r"The service is unavailable\."):
            worlds.get("w")
    assert (len(connects), failures) == (1, [])
    stopwatch.seconds += 1.1
    assert worlds.get("w").name == "w"
    assert len(connects) == 2


UNABLE = [
    redis.exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    redis.exceptions.OutOfMemoryError("OOM command not allowed when used memory > 'maxmemory'."),
    redis.exceptions.ReadOnlyError("READONLY You can't write against a read only replica."),
    redis.exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it can't."),
    redis.exceptions.AuthenticationError("NOAUTH Authentication required."),
]


@pytest.mark.parametrize("problem", UNABLE, ids=lambda problem: type(problem).__name__)
def test_a_server_that_can_not_serve_now_is_away(
    failing: tuple[Redis, list[Exception | None], list[int]], problem: Exception
) -> None:
    """It may be able to later."""
    redis_, failures, _ = failing
    worlds = worlds_on(redis_)
    failures += [problem, problem]
    with pytest.raises(StoreUnavailable) as caught:
        worlds.get("w")
    assert str(problem) in caught.value.why


def test_a_wrong_command_is_a_bug(failing: tuple[Redis, list[Exception | None], list[int]]) -> None:
    """It is not hidden behind a 503."""
    worlds_on(failing[0]).get("w").profiles.update(A, count_up)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        failing[0].read("GET", f"{scripts.PREFIX}profiles:w")


def test_a_server_that_forgot_the_scripts_is_told_them_again(server: FakeServer) -> None:
    """As after a restart."""
    redis_ = Redis(fake_connector(server), "redis://test")
    worlds = worlds_on(redis_)
    worlds.get("w").profiles.update(A, count_up)
    redis_.read("SCRIPT", "FLUSH")
    worlds.get("w").profiles.update(A, count_up)
    assert (worlds.get("w").profiles.read(A) or b"").startswith(b'{"N":2')


def test_a_database_that_was_emptied_starts_from_the_fixtures(server: FakeServer) -> None:
    """Also under a running server."""
    redis_ = Redis(fake_connector(server), "redis://test")
    world = worlds_on(redis_).get("w")
    world.profiles.update(A, count_up)
    redis_.read("FLUSHALL")
    world.profiles.update(A, lambda before: Changed(before + b" "))
    assert world.profiles.read(A) == BASE.bodies[0] + b" "


# -- starting --------------------------------------------------------------------------------------------------------


def test_servers_with_other_fixtures_are_refused(server: FakeServer) -> None:
    """Numbers of profiles mean nothing over other profiles."""
    worlds_on(Redis(fake_connector(server), "redis://test"))
    other = replace(BASE, bodies=[BASE.bodies[0], b"{}"])
    with pytest.raises(UsageError) as caught:
        RedisWorlds(Redis(fake_connector(server), "redis://test"), other, Bounds(10, 1000, 1000)).start()
    assert "other fixtures" in caught.value.problem
    assert "FLUSHDB" in caught.value.hint


@pytest.mark.parametrize("name", ["default", "known", "new"])
def test_a_database_that_becomes_another_servers_is_refused_while_running(server: FakeServer, name: str) -> None:
    """Loudly, and not by mixing the two."""
    redis_ = Redis(fake_connector(server), "redis://test")
    worlds = worlds_on(redis_)
    redis_.read("FLUSHALL")
    other = replace(BASE, bodies=[BASE.bodies[0], b"{}"])
    RedisWorlds(Redis(fake_connector(server), "redis://test"), other, Bounds(10, 1000, 1000)).get("known")
    with pytest.raises(StoreUnavailable) as caught:
        worlds.get(name)
    assert "other fixtures" in caught.value.why


def test_a_redis_that_can_not_be_reached_ends_the_start(make_mock: Callable[..., Mock]) -> None:
    """With its URL, but without the password."""
    with pytest.raises(UsageError) as caught:
        make_mock(store="redis://operator:s3cret@127.0.0.1:1/0?password=s3cret")
    assert "redis://operator@127.0.0.1:1/0 can't be used" in caught.value.problem
    assert "s3cret" not in f"{caught.value}"
    assert "memory" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["redis://x:s3cret@h/first", "redis://x:s3cret@h:port/0", "redis://x:s3cret@h/0?socket_timeout=soon"]
)
def test_a_url_that_can_not_be_used_is_refused_without_its_password(url: str) -> None:
    """It says what to write instead."""
    with pytest.raises(UsageError) as caught:
        connector(url)
    assert "s3cret" not in f"{caught.value}"
    assert "redis://127.0.0.1:6379/0" in caught.value.hint


def test_the_settings_show_the_store_without_its_password(on_redis: Callable[..., Mock]) -> None:
    """They are for everybody who may use the control surface."""
    shown = create_app(on_redis()).test_client().get("/__admin/settings").get_json()
    assert shown["store"] == "redis://operator@cache.example:6380/2"


@pytest.mark.parametrize("module", ["mockserver.commands.serve", "mockserver.web.app", "mockserver.service.assembly"])
def test_the_redis_package_is_imported_only_when_it_is_used(module: str) -> None:
    """Whoever keeps state in memory needs none."""
    program = f"import {module}, sys; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_the_redis_package_it_says_what_to_install(
    make_mock: Callable[..., Mock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is an extra."""
    ours: Sequence[str] = [name for name in sys.modules if name.startswith(("redis", "mockserver.state.redis."))]
    for name in ours:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError) as caught:
        make_mock(store=URL)
    assert "pip install 'redis" in caught.value.hint
