"""State in Redis as the service, the control surface and an operator meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakeredis import FakeRedis, FakeServer

from mockserver.errors import BadRequest, BoundReached, StoreUnavailable, UsageError
from mockserver.faults.rules import Fault, Match
from mockserver.service.assembly import Mock
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route
from mockserver.service.trial import dry_run
from mockserver.state.redis.connection import Redis, connector
from mockserver.state.redis.scripts import PREFIX
from mockserver.state.redis.view import Bounds
from mockserver.state.redis.worlds import RedisWorlds
from mockserver.story.story import Story
from mockserver.web.app import create_app
from tests.conftest import Client
from tests.state.redis_servers import fake_connector
from tests.state.stores import BASE, URL, worlds_on

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


def test_what_was_seen_in_an_emptied_database_counts_no_more(on_redis: Callable[..., Mock], server: FakeServer) -> None:
    """One number means a profile before and another after; who saw the first must not take it for the second."""
    one, two, other = Client(on_redis()), Client(on_redis()), "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-2"
    change = '[{"op": "replace", "path": "/CustomerType", "value": "%s"}]'
    database = FakeRedis(server=server, decode_responses=True)
    for _ in range(5):
        two()
    one(change % "Before")
    counted = int(str(database.get(f"{PREFIX}sequence")))
    database.flushall()
    one(target=other)
    while int(str(database.get(f"{PREFIX}sequence"))) < counted - 1:
        two(target=other)
    two(change % "After")
    assert json.loads(one()[2])["CustomerType"] == "After"


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
    assert Story.__struct_fields__ == ("reason", "refusal", "operations", "rests_on")
    assert {*vars(BadRequest("No.", rule="test-failed"))} == {
        "message", "rule", "why", "hint", "operation", "path", "model_state", "headers",
    }  # fmt: skip


# -- what worlds hold ------------------------------------------------------------------------------------------------

TAG = '[{"op": "add", "path": "/ProfileTags/-", "value": {"Name": "%s"}}]'


def test_what_a_world_may_hold_is_bounded(on_redis: Callable[..., Mock]) -> None:
    """In profiles, snapshots and rules together, as in memory; a refusal changes nothing."""
    mock = on_redis(max_world_content=8000)
    call, world = Client(mock), mock.worlds.default
    assert call(TAG % "x")[0] == 200
    held = mock.worlds.content_bytes
    assert held > 1000
    assert call(TAG % ("y" * 7000))[1]["X-Mock-Explain"] == "bound-reached"
    world.snapshots["one"] = world.profiles.snapshot()
    large = world.profiles.snapshot()
    large.bodies = {slot: (body or b"") * 9 for slot, body in large.bodies.items()}
    with pytest.raises(BoundReached, match="more than 8000 bytes"):
        world.snapshots["two"] = large
    with pytest.raises(BoundReached, match="more than 8000 bytes"):
        world.profiles.restore(large)
    with pytest.raises(BoundReached, match="more than 8000 bytes"):
        world.add_fault(Fault("a", Match(client="x" * 8000)))
    assert call("[]")[0] == 200
    for name in list(world.snapshots):
        del world.snapshots[name]
    world.reset()
    assert mock.worlds.content_bytes == 0


def test_snapshots_come_back_as_large_as_they_were(on_redis: Callable[..., Mock]) -> None:
    """The count follows what is there."""
    mock = on_redis()
    call, world = Client(mock), mock.worlds.default
    call('[{"op": "add", "path": "/AlternateIds/-", "value": {"AlternateIdType": "CRM", "AlternateId": "N-1"}}]')
    held, snapshot = mock.worlds.content_bytes, world.profiles.snapshot()
    world.profiles.reset()
    assert mock.worlds.content_bytes == 0
    world.profiles.restore(snapshot)
    assert abs(mock.worlds.content_bytes - held) < 50


def test_the_least_recently_used_world_goes_when_all_hold_too_much(
    on_redis: Callable[..., Mock], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever made it so keeps its own; it is counted, and told in the log."""
    mock = on_redis(max_content=14_000)
    call = Client(mock)
    for world in ("one", "two", "one", "two"):
        assert call(TAG % "x", x_mock_namespace=world)[0] == 200
    assert call(TAG % ("y" * 5000), x_mock_namespace="three")[0] == 200
    assert mock.worlds.names() == ["default", "two", "three"]
    assert mock.worlds.content_bytes <= 14_000
    assert "world one was evicted: worlds held more than 14000 bytes (--max-content)" in caplog.text


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
