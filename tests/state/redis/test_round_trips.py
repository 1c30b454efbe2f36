"""How often a request of the API asks a real Redis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver.service.assembly import Mock
from mockserver.state.redis.connection import Redis, connector
from tests.conftest import Client
from tests.state.redis_servers import RealServer

CHANGE = '[{"op": "add", "path": "/ProfileTags/-", "value": {"Name": "Gold"}}]'
REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "a change": (200, {"body": CHANGE}),
    "no change": (200, {"body": "[]"}),
    "a new alternate id": (200, {"body": '[{"op": "add", "path": "/AlternateIds/-", "value": {"AlternateId": "N"}}]'}),
    "a test that fails": (400, {"body": '[{"op": "test", "path": "/CustomerType", "value": "Nobody"}]'}),
    "a member that is unknown": (400, {"body": '[{"op": "add", "path": "/Nothing", "value": 1}]'}),
    "a body that is no JSON": (400, {"body": "{"}),
    "an answer in XML": (200, {"body": CHANGE, "accept": "application/xml"}),
    "an unknown profile": (404, {"target": "/ACME01/Profile/AlternateIdType/CRM/AlternateId/nobody"}),
    "another world": (200, {"body": CHANGE, "x_mock_namespace": "other"}),
    "a fault for one request": (503, {"x_mock_fault": "503"}),
}


OTHER = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-2"


class Calls(Client):
    """A client that counts the scripts that its server lets Redis run."""

    def __init__(self, mock: Mock, redis: Redis) -> None:
        super().__init__(mock)
        self._redis = redis
        self(target=OTHER)  # after which Redis knows the scripts

    def asked(self, **request: Any) -> tuple[int, int]:
        """Return the status, and how many scripts ran."""
        self._redis.read("CONFIG", "RESETSTAT")
        status = self(**request)[0]
        counts = re.findall(rb"cmdstat_eval(?:sha)?:calls=(\d+)", self._redis.read("INFO", "commandstats"))
        return status, sum(map(int, counts))

    def sent(self, **request: Any) -> tuple[bytes, int]:
        """Return the answer, and how many bytes Redis was sent for it."""
        before = self._received()
        return self(**request)[2], self._received() - before

    def _received(self) -> int:
        [count] = re.findall(rb"total_net_input_bytes:(\d+)", self._redis.read("INFO", "stats"))
        return int(count)


@pytest.fixture
def calls(make_mock: Callable[..., Mock], real_server: RealServer) -> Iterator[Callable[..., Calls]]:
    real_server.flush()
    redis = Redis(connector(real_server.url), "redis://test")
    yield lambda **settings: Calls(make_mock(store=real_server.url, **settings), redis)
    redis.disconnect()


@pytest.mark.parametrize(("status", "request_"), REQUESTS.values(), ids=REQUESTS)
def test_a_request_asks_once(calls: Callable[..., Calls], status: int, request_: dict[str, Any]) -> None:
    """Where what it needs was seen before, applied or refused; before that it asks twice."""
    call = calls()
    assert call.asked(**request_) == (status, 2)
    assert call.asked(**{**request_, "body": request_.get("body", "[]").replace('"N"', '"M"')}) == (status, 1)


def test_a_profile_is_sent_as_it_was_and_as_it_is(calls: Callable[..., Calls]) -> None:
    """Once each, for profile and journal together."""
    call = calls()
    call(body=CHANGE)
    answer, sent = call.sent(body=CHANGE)
    assert 2 * len(answer) < sent < 2.5 * len(answer)


def test_whoever_comes_too_late_asks_twice(calls: Callable[..., Calls]) -> None:
    """The answer that it was too late holds what is there."""
    one, two = calls(), calls()
    for call in (one, two, one, two):
        call(body=CHANGE)
    assert [call.asked(body=CHANGE) for call in (one, one, two, two)] == [
        (200, 2), (200, 1), (200, 2), (200, 1),
    ]  # fmt: skip


def test_a_rule_that_counts_is_one_more(calls: Callable[..., Calls]) -> None:
    """It is counted before the answer is known; one that does not match counts nothing."""
    call = calls(fault=("500 every=3", "503 id=other"))
    call()
    assert [call.asked(body="[]") for _ in range(3)] == [(500, 2), (200, 2), (200, 2)]
