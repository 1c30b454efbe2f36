"""Requests of one event loop that wait for a real Redis at the same time."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
import pytest
import redis

from mockserver.commands.running import make_server
from mockserver.errors import ApiError, BadRequest, StoreUnavailable
from mockserver.journal.log import Overtaken
from mockserver.service.assembly import Mock
from mockserver.state.redis import overlap as overlap_module
from mockserver.state.redis.connection import Redis, connector
from mockserver.state.redis.overlap import Overlap
from mockserver.state.redis.worlds import RedisWorlds
from tests.state.redis_servers import RealServer
from tests.state.stores import A, B, count_up, exchange, rename, worlds_on
from tests.waiting import wait_until

ADD_A_TAG = {"op": "add", "path": "/ProfileTags/-"}
Work = Callable[[], Any]


@pytest.fixture
def one(real_server: RealServer) -> RedisWorlds:
    real_server.flush()
    return worlds_on(Redis(connector(real_server.url), "redis://test"))


@pytest.fixture
def two(one: RedisWorlds, real_server: RealServer) -> RedisWorlds:
    """What another process has."""
    return worlds_on(Redis(connector(real_server.url), "redis://test"))


def count(worlds: RedisWorlds, key: tuple[str, str, str] = A) -> int:
    """Count a profile up as the service does; return how often that was computed."""
    served = worlds.serve("w", key)
    for attempt in range(1, 100):
        served.profiles.update(key, count_up)
        try:
            served.journal.append(exchange(attempt, "w"))
        except Overtaken:
            continue
        return attempt
    raise AssertionError("no progress")


def outcome(work: Work) -> Any:
    try:
        return work()
    except ApiError as problem:
        return type(problem)


class Requests:
    """Requests that one event loop handles."""

    def __init__(self, worlds: RedisWorlds) -> None:
        beside: Any = worlds.beside(asyncio.get_running_loop())
        self.overlap: Overlap = beside.__self__
        self._ended = asyncio.Queue[Any]()

    def begin(self, work: Work) -> None:
        assert self.overlap.run(partial(outcome, work), self._ended.put_nowait) is None, "it waits"

    async def ended(self, count: int = 1) -> list[Any]:
        """Return what became of so many, as they ended."""
        async with asyncio.timeout(20):
            return [await self._ended.get() for _ in range(count)]


def together(worlds: RedisWorlds, *works: Work) -> list[Any]:
    """Handle requests at the same time, half of them while Redis works; return what became of each, as they ended."""

    async def run() -> list[Any]:
        requests = Requests(worlds)
        for number_, work in enumerate(works):
            if number_ == len(works) // 2:
                await asyncio.sleep(0)
            requests.begin(work)
        return await requests.ended(len(works))

    return asyncio.run(run())


def number(worlds: RedisWorlds) -> int:
    return int(orjson.loads(worlds.get("w").profiles.read(A) or b"")["N"])


def scripts_run(worlds: RedisWorlds) -> int:
    redis_ = worlds._redis
    counts = re.findall(rb"cmdstat_eval(?:sha)?:calls=(\d+)", redis_.read("INFO", "commandstats"))
    redis_.read("CONFIG", "RESETSTAT")
    return sum(map(int, counts))


def test_requests_on_one_profile_build_on_each_other(one: RedisWorlds) -> None:
    """None waits for another's answer, and each takes one script."""
    count(one)
    scripts_run(one)
    assert together(one, *[partial(count, one)] * 10) == [1] * 10
    assert scripts_run(one) == 10
    assert number(one) == one.get("w").journal.total == 11


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        pytest.param(count, 12, id="the profile"),
        pytest.param(lambda worlds: worlds.get("w").clock.advance(60), 11, id="the clock"),
    ],
)
def test_whoever_comes_too_late_is_computed_anew_once(
    one: RedisWorlds, two: RedisWorlds, change: Callable[[RedisWorlds], None], counted: int
) -> None:
    """All that were computed from what another process has changed build on each other again."""
    count(one)
    change(two)
    scripts_run(one)
    assert together(one, *[partial(count, one)] * 10) == [2] * 10
    assert scripts_run(one) == 20
    assert number(one) == number(two) == counted


def test_a_request_that_is_refused_takes_none_along(one: RedisWorlds) -> None:
    """Those that were computed from its change are computed anew."""

    def take_an_id() -> None:
        served = one.serve("w", A)
        served.profiles.update(A, lambda before: rename("a", "b"))
        served.journal.append(exchange(1, "w"))

    count(one)
    count(one, B)
    assert together(one, take_an_id, partial(count, one), partial(count, one, B)) == [BadRequest, 1, 2]
    assert number(one) == 2


def test_what_is_large_waits_alone(one: RedisWorlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound on what is kept to be sent."""
    monkeypatch.setattr(overlap_module, "MOST_BYTES", 0)
    count(one)

    async def run() -> list[Any]:
        requests = Requests(one)
        requests.begin(partial(count, one))
        alone = requests.overlap.run(partial(count, one), lambda result: None)
        return [alone, *await requests.ended()]

    assert asyncio.run(run()) == [2, 2]
    assert number(one) == 3


def test_a_bug_in_one_request_stops_no_other(one: RedisWorlds) -> None:
    """Whether its answer came before theirs or after."""
    count(one)
    bugs: list[Any] = []

    def fail(result: Any) -> None:
        raise ZeroDivisionError

    async def run() -> list[Any]:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: bugs.append(context["exception"]))
        requests = Requests(one)
        for _ in range(2):
            requests.overlap.run(partial(count, one), fail)
            requests.begin(partial(count, one))
            requests.overlap.run(partial(count, one), fail)
        return await requests.ended(2)

    assert asyncio.run(run()) == [1, 1]
    assert {type(bug) for bug in bugs} == {ZeroDivisionError}
    assert number(one) == 7


def test_a_server_that_forgot_the_scripts_is_told_them_again(one: RedisWorlds) -> None:
    """As after a restart; no request is lost, though some may be computed anew."""
    count(one)
    one._redis.read("SCRIPT", "FLUSH")
    together(one, *[partial(count, one)] * 3)
    assert number(one) == one.get("w").journal.total == 4


def test_a_connection_that_ended_while_it_was_quiet_is_made_anew(one: RedisWorlds) -> None:
    """The loop sees its end."""
    count(one)

    async def run() -> list[Any]:
        requests, outcomes = Requests(one), []
        for _ in range(2):
            requests.begin(partial(count, one))
            outcomes += await requests.ended()
            one._redis.read("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            async with asyncio.timeout(20):
                while requests.overlap._wire is not None:
                    await asyncio.sleep(0)
        return outcomes

    assert asyncio.run(run()) == [1, 1]


class LosesAnswers:
    """A connection on which Redis does what it is told, and the answers from some on are lost."""

    def __init__(self, make: Callable[[], Any], answers: int) -> None:
        self._wire, self._answers = make(), answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def read_response(self) -> Any:
        if not self._answers:
            raise redis.ConnectionError("Connection closed by server.")
        self._answers -= 1
        return self._wire.read_response()


def test_what_redis_did_not_answer_is_unavailable_and_not_done_twice(
    one: RedisWorlds, two: RedisWorlds, real_server: RealServer
) -> None:
    """It dies in the middle of several requests: what was answered before stands."""
    count(one)
    make = connector(real_server.url)
    one._redis.connect = lambda: LosesAnswers(make, 2)
    assert together(one, *[partial(count, one)] * 4) == [1, 1, StoreUnavailable, StoreUnavailable]
    assert (number(two), two.get("w").journal.total) == (5, 5)
    one._redis.connect, one._redis._away_until = make, 0.0
    assert together(one, partial(count, one)) == [1]
    assert number(two) == 6


def test_nobody_waits_long_for_a_server_that_does_not_answer(
    one: RedisWorlds, real_server: RealServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are refused, and others at once after them."""
    count(one)

    async def run() -> list[Any]:
        requests = Requests(one)
        requests.begin(partial(count, one))
        outcomes = await requests.ended()
        real_server.pause()
        monkeypatch.setattr(overlap_module, "TIMEOUT_S", 0.01)
        for _ in range(3):
            requests.begin(partial(count, one))
        return outcomes + await requests.ended(3)

    try:
        assert asyncio.run(run()) == [1, *[StoreUnavailable] * 3]
        assert outcome(partial(count, one)) is StoreUnavailable
    finally:
        real_server.resume()


def test_clients_of_one_server_are_served_at_the_same_time(
    real_server: RealServer, make_mock: Callable[..., Mock]
) -> None:
    """Each has its own answer, in which what all before it did is there."""
    real_server.flush()
    path, headers = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417", {"Content-Type": "application/json"}
    with make_server(make_mock(store=real_server.url, port=0)) as server:
        clients = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(8)]
        for client in clients:
            client.connect()
        wait_until(lambda: len(server.connections) == len(clients))
        for number_, client in enumerate(clients):
            client.request("PATCH", path, json.dumps([{**ADD_A_TAG, "value": {"Name": f"T{number_}"}}]), headers)
        answers = [client.getresponse() for client in clients]
        assert [answer.status for answer in answers] == [200] * 8
        tags = [[tag["Name"] for tag in json.load(answer)["ProfileTags"]] for answer in answers]
        for client in clients:
            client.close()
        beside: Any = server.beside
        assert beside.__self__._idle != [], "they overlapped"
    longest = max(tags, key=len)
    assert sorted(map(len, tags)) == [*range(len(longest) - 7, len(longest) + 1)]
    assert all(names == longest[: len(names)] and f"T{number_}" == names[-1] for number_, names in enumerate(tags))
