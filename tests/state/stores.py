"""Stores, in memory and on Redis, with profiles and exchanges to put into them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from mockserver.errors import BadRequest
from mockserver.faults.rules import Facts
from mockserver.journal.log import Budget, Exchange, Journal
from mockserver.profile.keys import Key, alternate_ids
from mockserver.state.memory import MemoryWorld, MemoryWorlds
from mockserver.state.overlay import Base
from mockserver.state.profiles import Changed
from mockserver.state.redis.connection import Redis, Wire
from mockserver.state.redis.view import Bounds
from mockserver.state.redis.worlds import RedisWorlds
from mockserver.state.world import Worlds
from mockserver.story.story import Story

A, B = ("acme", "crm", "a"), ("acme", "crm", "b")
URL = "redis://operator:s3cret@cache.example:6380/2"
ANYTHING = Facts("acme", None, "crm", "a")


@dataclass
class Fixtures:
    bodies: Sequence[bytes]
    index: Mapping[Key, int]
    owners: Sequence[str] = ("ACME", "ACME")


def profile(number: int, *ids: str) -> bytes:
    return orjson.dumps(
        {"N": number, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": identifier} for identifier in ids]}
    )


BASE = Fixtures([profile(0, "a"), profile(0, "b")], {A: 0, B: 1})
Connect = Callable[..., Worlds]


def memory_connect() -> Connect:
    made: list[Worlds] = []

    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: Any) -> Worlds:
        if not made:
            limit, strict = options.pop("limit", 1000), options.pop("strict", False)
            shared = Budget(budget)

            def make(name: str, base: Base) -> MemoryWorld:
                return MemoryWorld(name, base, Journal(entries, size, shared), **{"seed": 0, **options})

            made.append(MemoryWorlds(make, BASE, limit=limit, strict=strict))
        return made[0]

    return connect


def redis_connect(connection: Callable[[], Wire]) -> Connect:
    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: Any) -> Worlds:
        redis = Redis(connection, "redis://test", jitter=lambda: 0.5)
        worlds = RedisWorlds(redis, BASE, Bounds(entries, size, budget), **options)
        worlds.start()
        return worlds

    return connect


def worlds_on(redis: Redis) -> RedisWorlds:
    worlds = RedisWorlds(redis, BASE, Bounds(10, 1 << 20, 1 << 20))
    worlds.start()
    return worlds


def rename(*ids: str) -> Changed:
    body = profile(0, *ids)
    return Changed(body, alternate_ids(orjson.loads(body)))


def count_up(before: bytes) -> Changed:
    return Changed(profile(orjson.loads(before)["N"] + 1, "a"))


def exchange(number: int, world: str = "default", body: bytes = b"[]", **fields: Any) -> Exchange:
    refusal = BadRequest("No.", rule="test-failed", why="Because.", hint="Do.", operation=0, path="/N")
    values: dict[str, Any] = {
        "id": f"{number:08x}",
        "world": world,
        "at": datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        "duration_s": 0.25,
        "method": "PATCH",
        "target": "/ACME/…",
        "headers": (("accept", "*/*"),),
        "body": body,
        "status": 400,
        "answer_headers": (("Content-Type", "application/json"),),
        "answer_body": b"{}",
        "story": Story("test-failed", refusal, [{"op": "test", "path": "/N", "value": 10**30}], ("body-null",)),
        "user": "editor",
        "fault": None,
        "before": None,
        "after": None,
        "key": ("ACME", "CRM", "a"),
        "operation": "readProfile",
        **fields,
    }
    return Exchange(**values)


def in_threads(number: int, work: Callable[[int], None]) -> None:
    start = threading.Barrier(number)

    def run(index: int) -> None:
        start.wait()
        work(index)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(run, range(number)))
