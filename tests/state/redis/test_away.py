"""What happens while Redis is away, and when it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from fakeredis import FakeServer

from mockserver.errors import StoreUnavailable
from mockserver.journal.log import Overtaken
from mockserver.service.assembly import Mock
from mockserver.state.profiles import Changed
from mockserver.state.redis import connection as redis_connection
from mockserver.state.redis import scripts
from mockserver.state.redis import view as redis_view
from mockserver.state.redis.connection import Redis
from mockserver.web.app import create_app
from tests.conftest import Client
from tests.state.redis_servers import fake_connector
from tests.state.stores import BASE, A, count_up, exchange, profile, worlds_on


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


def test_a_lost_connection_is_made_anew_for_what_may_run_twice(
    failing: tuple[Redis, list[Exception | None], list[int]],
) -> None:
    """A server that was restarted between two requests is not noticed."""
    redis_, failures, connects = failing
    worlds = worlds_on(redis_)
    failures.append(redis.ConnectionError("Connection closed by server."))
    assert worlds.get("w").profiles.read(A) == BASE.bodies[0]
    assert len(connects) == 2


def test_a_connection_that_ended_while_it_was_quiet_is_made_anew_for_a_change(
    on_redis: Callable[..., Mock], server: FakeServer, stopwatch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent on it, so nothing can be stored twice."""
    call = Client(on_redis())
    assert call('[{"op": "replace", "path": "/CustomerType", "value": "Kept"}]')[0] == 200
    ended = call.mock.worlds._redis._local.connection  # type: ignore[attr-defined]
    monkeypatch.setattr(ended, "can_read", lambda timeout: True)
    stopwatch.seconds += 60
    assert call()[0] == 200
    assert call.mock.worlds._redis._local.connection is not ended  # type: ignore[attr-defined]


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


def test_whoever_was_overtaken_computes_at_once_from_what_it_was_told(server: FakeServer) -> None:
    """After a pause that would be old: another process, always busy, would be faster each time, and often is."""
    busy = worlds_on(Redis(fake_connector(server), "redis://test"))

    def write_meanwhile() -> float:
        busy.get("w").profiles.update(A, count_up)
        return 0.0

    served = worlds_on(Redis(fake_connector(server), "redis://test", jitter=write_meanwhile)).serve("w", A)
    for _ in range(300):
        served.profiles.update(A, count_up)
        write_meanwhile()
        with pytest.raises(Overtaken):
            served.journal.append(exchange(1, "w"))
    served.profiles.update(A, count_up)
    served.journal.append(exchange(1, "w"))
    assert served.profiles.read(A) == profile(301, "a")


def test_whoever_is_overtaken_for_too_long_is_told(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a store that is away would be; by then a client has gone."""
    watch = Stopwatch()
    monkeypatch.setattr(redis_view, "stopwatch", watch)
    busy = worlds_on(Redis(fake_connector(server), "redis://test"))
    served = worlds_on(Redis(fake_connector(server), "redis://test")).serve("w", A)
    for expected in (Overtaken, Overtaken, StoreUnavailable):
        served.profiles.update(A, count_up)
        busy.get("w").profiles.update(A, count_up)
        with pytest.raises(expected) as caught:
            served.journal.append(exchange(1, "w"))
        watch.seconds += redis_view.PATIENCE_S
    assert "faster each time" in str(getattr(caught.value, "why", ""))


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
