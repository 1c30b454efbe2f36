"""Stores, in memory and on Redis, with profiles and exchanges to put into them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from mockserver.errors import BadRequest
from mockserver.faults.rules import Facts
from mockserver.fixtures.fixture_set import FixtureSet
from mockserver.fixtures.loading import Source, load_fixtures
from mockserver.fixtures.packing import pack
from mockserver.journal.log import Budget, Exchange, Journal
from mockserver.profile.keys import Key, alternate_ids
from mockserver.profile.members import MemberTree, compile_members
from mockserver.service.assembly import load_contract
from mockserver.settings import Settings
from mockserver.state.memory import MemoryWorld, MemoryWorlds
from mockserver.state.overlay import Base
from mockserver.state.profiles import Changed
from mockserver.state.redis.connection import Redis, Wire
from mockserver.state.redis.view import Bounds
from mockserver.state.redis.worlds import RedisWorlds
from mockserver.state.world import Worlds
from mockserver.story.story import Story
from tests.fixtures.directories import write

A, B = ("acme", "crm", "a"), ("acme", "crm", "b")
URL = "redis://operator:s3cret@cache.example:6380/2"
ANYTHING = Facts("acme", None, "crm", "a")


@dataclass
class Fixtures:
    bodies: Sequence[bytes]
    index: Mapping[Key, int]
    owners: Sequence[str] = ("ACME", "ACME")


def profile(number: int, *ids: str) -> bytes:
    entries = [{"AlternateIdType": "CRM", "AlternateId": identifier} for identifier in ids]
    return orjson.dumps({"N": number, "AlternateIds": entries, "ProfileId": crc32(ids[0].encode())})


BASE = Fixtures([profile(0, "a"), profile(0, "b")], {A: 0, B: 1})
Connect = Callable[..., Worlds]


def tree_of_few_members() -> MemberTree:
    """Return a contract's tree by which the small profiles of these tests are complete."""
    schemas = deepcopy(load_contract(Settings().contract)["components"]["schemas"])
    known = schemas["UserProfile"]["properties"]
    unseen = {name: {**known[name], "x-not-returned": True} for name in ("CustomerType", "DefaultLocale")}
    names = {"N": {"type": "integer"}, **{name: known[name] for name in ("AlternateIds", "ProfileId")}, **unseen}
    schemas["UserProfile"] = {"type": "object", "xml": schemas["UserProfile"]["xml"], "properties": names}
    return compile_members({"components": {"schemas": schemas}})


def base_in_folder(folder: Path) -> FixtureSet:
    """Return the same fixtures as BASE, loaded from a folder."""
    write(folder, {"clients.toml": "[clients.ACME]", "profiles/ACME.ndjson": b"\n".join(BASE.bodies)})
    return load_fixtures(folder, tree_of_few_members())


def base_in_file(folder: Path) -> FixtureSet:
    """Return the same fixtures as BASE, from a packed file."""
    base_in_folder(folder)
    pack(Source(folder), folder / "packed", tree_of_few_members())
    return load_fixtures(folder / "packed", tree_of_few_members())


def memory_connect(over: Base = BASE) -> Connect:
    made: list[Worlds] = []

    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: Any) -> Worlds:
        if not made:
            limit, strict = options.pop("limit", 1000), options.pop("strict", False)
            shared = Budget(budget)

            def make(name: str, base: Base) -> MemoryWorld:
                return MemoryWorld(name, base, Journal(entries, size, shared), **{"seed": 0, **options})

            made.append(MemoryWorlds(make, over, limit=limit, strict=strict))
        return made[0]

    return connect


def redis_connect(connection: Callable[[], Wire], over: Base = BASE) -> Connect:
    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: Any) -> Worlds:
        redis = Redis(connection, "redis://test", jitter=lambda: 0.5)
        worlds = RedisWorlds(redis, over, Bounds(entries, size, budget), **options)
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
