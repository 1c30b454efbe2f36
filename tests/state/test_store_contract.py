"""What a store promises, tested over each: in memory, on a Redis in this process, and on a real one if installed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from fakeredis import FakeServer

from mockserver.errors import BadRequest, NotFound
from mockserver.faults.rules import Effect, Facts, Fault, Match, Schedule, Uniform
from mockserver.journal.log import Budget, Exchange, Journal
from mockserver.profile.keys import Key, alternate_ids
from mockserver.state.memory import MemoryWorld, MemoryWorlds
from mockserver.state.profiles import Changed
from mockserver.state.redis.connection import Redis
from mockserver.state.redis.view import Bounds
from mockserver.state.redis.worlds import RedisWorlds
from mockserver.state.world import Worlds, decide_fault
from mockserver.story.story import Story
from tests.state.linearizability import Call, linearizable
from tests.state.redis_servers import RealServer, fake_connector

A, B = ("acme", "crm", "a"), ("acme", "crm", "b")
ANYTHING = Facts("acme", None, "crm", "a")


@dataclass
class Fixtures:
    bodies: Sequence[bytes]
    index: Mapping[Key, int]


def profile(number: int, *ids: str) -> bytes:
    return orjson.dumps(
        {"N": number, "AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": identifier} for identifier in ids]}
    )


BASE = Fixtures([profile(0, "a"), profile(0, "b")], {A: 0, B: 1})
Connect = Callable[..., Worlds]


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = RealServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


def on_memory() -> Connect:
    made: list[Worlds] = []

    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: object) -> Worlds:
        if not made:
            limit, strict = options.pop("limit", 1000), options.pop("strict", False)
            shared = Budget(budget)

            def make(name: str) -> MemoryWorld:
                return MemoryWorld(name, BASE, Journal(entries, size, shared), **{"seed": 0, **options})  # type: ignore[arg-type]

            made.append(MemoryWorlds(make, limit=limit, strict=strict))  # type: ignore[arg-type]
        return made[0]

    return connect


def on_redis(connection: Callable[[], object]) -> Connect:
    def connect(entries: int = 100, size: int = 1 << 20, budget: int = 1 << 20, **options: object) -> Worlds:
        redis = Redis(connection, "redis://test", jitter=lambda: 0.5)  # type: ignore[arg-type]
        worlds = RedisWorlds(redis, BASE, Bounds(entries, size, budget), **options)  # type: ignore[arg-type]
        worlds.start()
        return worlds

    return connect


@pytest.fixture(params=["memory", "fake redis", "real redis"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Return what gives each process its worlds; in memory there is only one process."""
    if request.param == "memory":
        return on_memory()
    if request.param == "fake redis":
        return on_redis(fake_connector(FakeServer()))
    server: RealServer = request.getfixturevalue("real_server")
    server.flush()
    return on_redis(server.connector())


def rename(*ids: str) -> Changed:
    body = profile(0, *ids)
    return Changed(body, alternate_ids(orjson.loads(body)))


def count_up(before: bytes) -> Changed:
    return Changed(profile(orjson.loads(before)["N"] + 1, "a"))


def exchange(number: int, world: str = "default", body: bytes = b"[]", **fields: object) -> Exchange:
    refusal = BadRequest("No.", rule="test-failed", why="Because.", hint="Do.", operation=0, path="/N")
    values = {
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
        **fields,
    }
    return Exchange(**values)  # type: ignore[arg-type]


# -- profiles --------------------------------------------------------------------------------------------------------


def test_another_process_sees_a_change_at_once(connect: Connect) -> None:
    """What one was told is stored, every other reads."""
    one, two = connect(), connect()
    one.get("w").profiles.update(A, count_up)
    assert two.get("w").profiles.read(A) == profile(1, "a")


def test_two_worlds_never_see_each_other(connect: Connect) -> None:
    """A change in one leaves the others alone."""
    worlds = connect()
    worlds.get("one").profiles.update(A, count_up)
    assert worlds.get("two").profiles.read(A) == worlds.get(None).profiles.read(A) == BASE.bodies[0]


def test_a_change_that_changes_nothing_is_not_stored(connect: Connect) -> None:
    """The profile before is the profile after, and the very object."""
    world = connect().get("w")
    update = world.profiles.update(A, Changed)
    assert update.before is update.after
    assert world.profiles.changed_count == 0


def test_what_a_change_raises_leaves_everything_as_it_was(connect: Connect) -> None:
    """All or nothing."""
    world = connect().get("w")

    def change(before: bytes) -> Changed:
        raise BadRequest("no", rule="test-failed")

    with pytest.raises(BadRequest):
        world.profiles.update(A, change)
    assert (world.profiles.read(A), world.profiles.changed_count) == (BASE.bodies[0], 0)


def test_a_new_alternate_id_leads_to_the_profile_at_once_and_in_every_process(connect: Connect) -> None:
    """Reachable by the new id, not by the old."""
    connect().get("w").profiles.update(A, lambda before: rename("new", "other"))
    profiles = connect().get("w").profiles
    assert profiles.read(A) is None
    for identifier in ("new", "other"):
        assert profiles.read(("acme", "crm", identifier)) == profile(0, "new", "other")


@pytest.mark.parametrize("identifier", ["é", "a b/c", 'q"uote', "\x00\n", "\ud800", "a" * 1000], ids=ascii)
def test_any_text_can_be_an_alternate_id(connect: Connect, identifier: str) -> None:
    """Also what JSON, Redis or a URL has a special meaning for."""
    profiles = connect().get("w").profiles
    profiles.update(A, lambda before: Changed(b"{}", [("crm", identifier)]))
    assert profiles.read(("acme", "crm", identifier)) == b"{}"
    assert profiles.read(("acme", "crm", identifier + "x")) is None


def test_an_id_of_another_profile_is_refused_and_nothing_changes(connect: Connect) -> None:
    """An id is unique within its type; neither the profile nor any id is changed by the refusal."""
    profiles = connect().get("w").profiles
    with pytest.raises(BadRequest) as caught:
        profiles.update(A, lambda before: rename("free", "B"))
    assert (caught.value.rule, caught.value.why) == (
        "alternate-id-taken",
        "crm/b belongs to another profile of this client.",
    )
    assert profiles.read(A) == BASE.bodies[0]
    assert profiles.read(B) == BASE.bodies[1]
    assert profiles.read(("acme", "crm", "free")) is None


def test_a_freed_id_can_be_taken(connect: Connect) -> None:
    """Ids move between profiles in two steps, also back."""
    profiles = connect().get("w").profiles
    profiles.update(B, lambda before: rename("c"))
    profiles.update(A, lambda before: rename("b"))
    assert (profiles.read(B), profiles.read(A)) == (profile(0, "b"), None)
    profiles.update(B, lambda before: rename("a"))
    assert (profiles.read(A), profiles.read(B)) == (profile(0, "a"), None)


def test_an_unknown_profile_is_not_found(connect: Connect) -> None:
    """Neither by a key that never was nor by one that was given up."""
    profiles = connect().get("w").profiles
    profiles.delete(B)
    for key in (("acme", "crm", "x"), B):
        with pytest.raises(NotFound):
            profiles.update(key, count_up)


def test_put_and_delete(connect: Connect) -> None:
    """State can be prepared: made, replaced, removed and made again."""
    profiles = connect().get("w").profiles
    assert profiles.put("acme", profile(9, "z"), [("crm", "z")]) is True
    assert profiles.put("acme", profile(8, "z", "y"), [("crm", "z"), ("crm", "y")]) is False
    assert profiles.put("acme", profile(7, "q"), [("crm", "q")]) is True
    assert (profiles.delete(A), profiles.delete(A)) == (True, False)
    assert profiles.read(("acme", "crm", "y")) == profile(8, "z", "y")
    assert profiles.read(("acme", "crm", "q")) == profile(7, "q")
    assert profiles.put("acme", profile(5, "a"), [("crm", "a")]) is True
    assert [body for _, body in profiles.items()] == [
        profile(5, "a"),
        profile(0, "b"),
        profile(8, "z", "y"),
        profile(7, "q"),
    ]
    with pytest.raises(BadRequest):
        profiles.put("acme", profile(1, "a", "b"), [("crm", "a"), ("crm", "b")])
    assert (profiles.read(A), profiles.read(B)) == (profile(5, "a"), profile(0, "b"))


def test_snapshots(connect: Connect) -> None:
    """Named states of the profiles, to be brought back in any process as often as wanted."""
    world = connect().get("w")
    world.profiles.update(A, lambda before: rename("new"))
    world.profiles.put("acme", profile(9, "z"), [("crm", "z")])
    world.profiles.delete(B)
    kept = [*world.profiles.items()]
    world.snapshots["kept"] = world.profiles.snapshot()
    for _ in range(2):
        other = connect().get("w")
        other.profiles.reset()
        assert [body for _, body in other.profiles.items()] == list(BASE.bodies)
        other.profiles.restore(other.snapshots["kept"])
        assert [*connect().get("w").profiles.items()] == kept
        other.profiles.put("acme", profile(1, "later"), [("crm", "later")])
    again = connect().get("w").snapshots
    assert (sorted(again), "kept" in again, "x" in again, len(again["kept"].bodies)) == (["kept"], True, False, 3)
    del again["kept"]
    assert list(connect().get("w").snapshots) == []
    with pytest.raises(KeyError):
        del connect().get("w").snapshots["kept"]


def test_a_reset_between_reading_and_writing_wins(connect: Connect) -> None:
    """The change is applied to what is there after the reset, not written over it."""
    one, two = connect(), connect()
    one.get("w").profiles.update(A, lambda before: Changed(profile(7, "a")))
    calls: list[int] = []

    def change(before: bytes) -> Changed:
        calls.append(orjson.loads(before)["N"])
        if len(calls) == 1:
            two.get("w").profiles.reset()
        return Changed(profile(calls[-1] + 1, "a"))

    assert one.get("w").profiles.update(A, change).after == profile(1, "a")
    assert calls == [7, 0]


def test_a_profile_that_was_read_along_is_not_older_than_what_is_stored(connect: Connect) -> None:
    """A change that came between is seen by the change that is made, and by the second reading."""
    reader, writer, late = (connect().get("w", A) for _ in range(3))
    assert reader.profiles.read(A) == BASE.bodies[0]
    writer.profiles.update(A, count_up)
    assert reader.profiles.read(A) == profile(1, "a")
    assert late.profiles.update(A, count_up).before == profile(1, "a")
    late = connect().get("w", A)
    writer.profiles.update(A, lambda before: rename("new"))
    with pytest.raises(NotFound):
        late.profiles.update(A, count_up)


def test_only_the_profile_that_was_read_along_is_taken_for_it(connect: Connect) -> None:
    """Others are read when they are asked for; an unknown one is not found."""
    assert connect().get("w", A).profiles.update(B, count_up).before == BASE.bodies[1]
    with pytest.raises(NotFound):
        connect().get("w", ("acme", "crm", "x")).profiles.update(("acme", "crm", "x"), count_up)


# -- concurrency -----------------------------------------------------------------------------------------------------


def in_threads(number: int, work: Callable[[int], None]) -> None:
    start = threading.Barrier(number)

    def run(index: int) -> None:
        start.wait()
        work(index)

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(run, range(number)))


def test_concurrent_writers_lose_no_update(connect: Connect) -> None:
    """64 clients of four processes count one profile up by test and replace: each success is one step."""
    processes, succeeded = [connect() for _ in range(4)], [0] * 64

    def client(index: int) -> None:
        profiles = processes[index % 4].get("w").profiles
        for _ in range(5):
            seen = orjson.loads(profiles.read(A) or b"")["N"]

            def test_and_replace(before: bytes, seen: int = seen) -> Changed:
                if orjson.loads(before)["N"] != seen:
                    raise BadRequest("no", rule="test-failed")
                return Changed(profile(seen + 1, "a"))

            try:
                profiles.update(A, test_and_replace)
                succeeded[index] += 1
            except BadRequest:
                profiles.update(A, count_up)
                succeeded[index] += 1

    in_threads(64, client)
    assert orjson.loads(connect().get("w").profiles.read(A) or b"")["N"] == sum(succeeded) == 64 * 5


def test_an_id_that_many_want_goes_to_one(connect: Connect) -> None:
    """Two profiles race for the same free id; whoever gets it, the other is refused."""
    processes = [connect() for _ in range(2)]
    for round_ in range(10):
        outcomes: list[str] = []

        def take(index: int, wanted: str = f"wanted-{round_}", outcomes: list[str] = outcomes) -> None:
            own = "ab"[index]
            try:
                processes[index].get("w").profiles.update((*A[:2], own), lambda before: rename(own, wanted))
                outcomes.append(own)
            except BadRequest:
                outcomes.append("refused")

        in_threads(2, take)
        assert outcomes.count("refused") == 1
        owner = next(outcome for outcome in outcomes if outcome != "refused")
        assert processes[0].get("w").profiles.read((*A[:2], f"wanted-{round_}")) == profile(
            0, owner, f"wanted-{round_}"
        )


@pytest.mark.parametrize("seed", range(3))
def test_reads_and_writes_are_linearizable(connect: Connect, seed: int) -> None:
    """There is one order of all reads and compare-and-sets that fits what each client saw and when."""
    processes, history, clock = [connect() for _ in range(3)], list[Call](), threading.Lock()
    ticks = iter(range(10_000))

    def tick() -> int:
        with clock:
            return next(ticks)

    def client(index: int) -> None:
        draws = iter(orjson.dumps([seed, index]) * 10)
        profiles = processes[index % 3].get("w").profiles
        for step in range(6):
            called = tick()
            if next(draws) % 3 == 0:
                seen = orjson.loads(profiles.read(A) or b"")["N"]
                history.append(Call(called, tick(), "read", 0, 0, seen))
                continue
            expected, wanted = orjson.loads(profiles.read(A) or b"")["N"], 100 * index + step + 1
            called = tick()

            def compare_and_set(before: bytes, expected: int = expected, wanted: int = wanted) -> Changed:
                if orjson.loads(before)["N"] != expected:
                    raise BadRequest("no", rule="test-failed")
                return Changed(profile(wanted, "a"))

            try:
                profiles.update(A, compare_and_set)
                history.append(Call(called, tick(), "swap", expected, wanted, 1))
            except BadRequest:
                history.append(Call(called, tick(), "swap", expected, wanted, 0))

    in_threads(5, client)
    assert linearizable(history, initial=0)


# -- faults ----------------------------------------------------------------------------------------------------------

FAULTS = [
    Fault("plain", effect=Effect(status=500, message="Nö 😀")),
    Fault(
        "matched",
        Match(client="ACME", op="add", path="/Emails/*"),
        Effect(delay_ms=Uniform(1.5, 2.0)),
        expires_in_s=60.5,
    ),
    Fault("moved", Match(op="move"), Effect(status=500, when="after")),
    Fault("scheduled", schedule=Schedule(probability=0.25, sequence=(500, "reset", "ok"), times=2, after=1)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_the_same_in_every_process(connect: Connect, fault: Fault) -> None:
    """Rule, order and time of arrival are kept."""
    one = connect().get("w")
    one.clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    connect().get("w").add_fault(FAULTS[0])
    connect().get("w").add_fault(fault)
    rows = connect().get("w").faults
    assert [row[0] for row in rows] == [*dict.fromkeys([FAULTS[0], fault])]
    assert {row[1] for row in rows} == {datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()}


def test_replacing_and_removing_a_fault_starts_counting_anew(connect: Connect) -> None:
    """A rule keeps its place in the order; the counters of the others go on."""
    for name in ("first", "second", "third"):
        connect().get("w").add_fault(Fault(name, effect=Effect(delay_ms=1)))
    decide_fault(connect().get("w"), ANYTHING)
    connect().get("w").add_fault(Fault("second", effect=Effect(status=500)))
    world = connect().get("w")
    assert [fault.id for fault, _ in world.faults] == ["first", "second", "third"]
    assert {name: counter.n for name, counter in world.counters.items()} == {"first": 1, "third": 1}
    assert (world.remove_fault("first"), world.remove_fault("first")) == (True, False)
    assert {name: counter.n for name, counter in connect().get("w").counters.items()} == {"third": 1}
    world.clear_faults()
    assert (connect().get("w").faults, dict(connect().get("w").counters)) == ((), {})


def test_a_world_starts_with_the_servers_faults_and_goes_back_to_them(connect: Connect) -> None:
    """Also after they were removed."""
    initial = [Fault("initial", effect=Effect(status=500))]
    worlds = connect(faults=initial)
    for world in (worlds.get(None), worlds.get("w")):
        world.add_fault(Fault("mine", effect=Effect(status=400)))
        world.remove_fault("initial")
        assert decide_fault(world, ANYTHING) is not None
        world.reset_faults()
        again = worlds.get(world.name)
        assert ([fault for fault, _ in again.faults], dict(again.counters)) == (initial, {})


def test_a_sequence_serves_each_step_exactly_once_across_processes(connect: Connect) -> None:
    """32 clients of four processes: every status of the sequence goes to one of them."""
    steps = tuple(range(400, 432))
    connect().get("w").add_fault(Fault("each", schedule=Schedule(sequence=steps)))
    processes, served = [connect() for _ in range(4)], list[tuple[int, int | None]]()

    def client(index: int) -> None:
        decision = decide_fault(processes[index % 4].get("w"), ANYTHING)
        assert decision is not None
        assert decision.hit is not None
        served.append((decision.hit.n, decision.hit.status))

    in_threads(32, client)
    assert sorted(served) == list(enumerate(steps, 1))
    assert connect().get("w").counters["each"] == (32, 32)


def test_a_number_of_hits_is_not_exceeded(connect: Connect) -> None:
    """Two processes together strike as often as the rule says."""
    connect().get("w").add_fault(Fault("few", effect=Effect(status=500), schedule=Schedule(probability=0.5, times=3)))
    hits = []
    for turn in range(40):
        decision = decide_fault(connect().get("w"), ANYTHING)
        assert decision is not None
        hits += [turn] * (decision.hit is not None)
    assert len(hits) == 3


def test_faults_end_by_the_worlds_clock(connect: Connect) -> None:
    """A rule expires when the world's time says so."""
    world = connect().get("w")
    world.clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    connect().get("w").add_fault(Fault("short", effect=Effect(status=500), expires_in_s=10))
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is not None
    connect().get("w").clock.advance(10)
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is None


# -- clock -----------------------------------------------------------------------------------------------------------


def test_a_frozen_clock_stands_in_every_process(connect: Connect) -> None:
    """It is moved, and freed again."""
    noon = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    connect().get("w").clock.freeze(noon)
    assert (connect().get("w").clock.now(), connect().get("w").clock.frozen) == (noon, True)
    connect().get("w").clock.advance(-1.5)
    assert connect().get("w").clock.now() == noon - timedelta(seconds=1.5)
    assert connect().get(None).clock.frozen is False
    connect().get("w").clock.reset()
    assert (connect().get("w").clock.frozen, connect().get("w").clock.offset_s) == (False, 0)


def test_a_shifted_clock_is_shifted_in_every_process(connect: Connect) -> None:
    """Steps add up; freezing keeps the shifted time."""
    connect().get("w").clock.advance(3600)
    connect().get("w").clock.advance(0.25)
    clock = connect().get("w").clock
    assert clock.offset_s == 3600.25
    assert timedelta(seconds=3590) < clock.now() - connect().get(None).clock.now() < timedelta(seconds=3610)
    clock.freeze()
    assert connect().get("w").clock.now() - datetime.now(UTC) > timedelta(seconds=3500)


@pytest.mark.parametrize("seconds", [10**12, 3600 * 24 * 366 * 7000, -3600 * 24 * 366 * 1100])
def test_a_clock_stays_within_its_range(connect: Connect, seconds: int) -> None:
    """A step beyond it is refused and moves nothing."""
    connect().get("w").clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    with pytest.raises(OverflowError):
        connect().get("w").clock.advance(seconds)
    assert connect().get("w").clock.now() == datetime(2026, 1, 31, 12, tzinfo=UTC)


# -- journal ---------------------------------------------------------------------------------------------------------


def test_a_story_is_read_in_every_process_as_it_was_written(connect: Connect) -> None:
    """Nothing of an exchange is lost but its secrets."""
    given = exchange(1, before=b'{"N":1}', after=b'{"N":2}', fault="rule#1")
    connect().get("w").journal.append(given._replace(headers=(("authorization", "Basic Zm9vOmJhcg=="),)))
    [found] = connect().get("w").journal
    refusal, expected = found.story.refusal, given.story.refusal
    assert found._replace(story=given.story) == given._replace(headers=(("authorization", "Basic [redacted]"),))
    assert refusal is not None
    assert expected is not None
    names = ("status", "message", "rule", "why", "hint", "operation", "path", "model_state", "headers")
    assert [getattr(refusal, name) for name in names] == [getattr(expected, name) for name in names]
    assert replace(found.story, refusal=None) == replace(given.story, refusal=None)


def test_half_a_character_does_not_keep_an_exchange_out(connect: Connect) -> None:
    """What was sent may be no valid text."""
    connect().get("w").journal.append(exchange(1, user="\ud800", key=("ACME", "CRM", "\udfff")))
    assert [found.id for found in connect().get("w").journal] == ["00000001"]


def test_an_unchanged_profile_is_kept_as_unchanged(connect: Connect) -> None:
    """Before and after are equal, and so is an answer that repeats the profile."""
    body = profile(3, "a")
    connect().get("w").journal.append(exchange(1, before=body, after=body, answer_body=body))
    [found] = connect().get("w").journal
    assert (found.changed, found.before, found.after, found.answer_body) == (False, body, body, body)


def test_the_journal_keeps_the_newest(connect: Connect) -> None:
    """Beyond the number of entries the oldest go, and are counted."""
    journal = connect(entries=3).get("w").journal
    for number in range(5):
        journal.append(exchange(number))
    assert ([found.id[-1] for found in journal], journal.dropped, journal.total) == (["2", "3", "4"], 2, 5)
    assert [found.id[-1] for found in journal.entries(2)] == ["4", "3"]
    assert [found.id[-1] for found in journal.entries(since="00000002")] == ["4", "3"]
    assert journal.get("00000000") is None
    assert (journal.remove("00000003"), journal.remove("00000003"), len(journal)) == (True, False, 2)
    journal.clear()
    assert (len(journal), journal.bytes_used, journal.dropped) == (0, 0, 0)


def test_the_journal_is_bounded_in_bytes(connect: Connect) -> None:
    """Large requests push more of the old ones out."""
    journal = connect(size=10_000).get("w").journal
    for number in range(20):
        journal.append(exchange(number, body=b"x" * 1000, story=Story("patch-applied")))
    assert 0 < journal.bytes_used <= 10_000
    assert 1 < len(journal) < 11
    assert len(journal) + journal.dropped == 20


def test_all_journals_together_are_bounded(connect: Connect) -> None:
    """When the bytes of all worlds run out, the largest gives way, and a quiet world keeps its own."""
    worlds = connect(size=100_000, budget=30_000)
    worlds.get("quiet").journal.append(exchange(0, "quiet"))
    for number in range(100):
        worlds.get("busy").journal.append(exchange(number, "busy", body=b"x" * 1000, story=Story("patch-applied")))
    sizes = {world.name: world.journal.bytes_used for world in worlds.all()}
    assert len(worlds.get("quiet").journal) == 1
    assert 10_000 < sum(sizes.values()) <= 30_000
    assert len(worlds.get("busy").journal) + worlds.get("busy").journal.dropped == 100


def test_a_journal_of_no_entries_is_off(connect: Connect) -> None:
    """Nothing is kept."""
    journal = connect(entries=0).get("w").journal
    journal.append(exchange(1))
    assert len(journal) == 0


# -- worlds ----------------------------------------------------------------------------------------------------------


def test_reset_brings_back_the_fixtures_and_leaves_others_alone(connect: Connect) -> None:
    """Profiles, faults, journal and clock; snapshots stay."""
    for name in ("w", "other"):
        world = connect().get(name)
        world.profiles.update(A, lambda before: rename("new"))
        world.snapshots["kept"] = world.profiles.snapshot()
        connect().get(name).add_fault(Fault("mine", effect=Effect(status=500)))
        connect().get(name).clock.advance(60)
        connect().get(name).journal.append(exchange(1, name))
    connect().get("w").reset()
    seen = [
        (
            w.profiles.changed_count,
            w.profiles.read(A) is None,
            len(w.faults),
            len(w.journal),
            w.clock.offset_s,
            list(w.snapshots),
        )
        for w in (connect().get("w"), connect().get("other"))
    ]
    assert seen == [(0, False, 0, 0, 0.0, ["kept"]), (1, True, 1, 1, 60.0, ["kept"])]


def test_worlds_beyond_the_bound_go_by_last_use(connect: Connect) -> None:
    """An evicted world starts from the fixtures when it is used again."""
    worlds = connect(limit=2)
    worlds.get("one").profiles.update(A, count_up)
    worlds.get("two")
    worlds.get("one")
    worlds.get("three")
    assert (worlds.names(), worlds.evictions) == (["default", "one", "three"], 1)
    worlds.get("four")
    assert worlds.names() == ["default", "three", "four"]
    assert worlds.get("one").profiles.read(A) == BASE.bodies[0]


def test_a_deleted_world_is_gone_with_all_that_it_held(connect: Connect) -> None:
    """The default one is reset instead."""
    for name in ("w", "default"):
        world = connect().get(name)
        world.profiles.update(A, count_up)
        world.journal.append(exchange(1, name))
        assert connect().delete(name) is True
        assert connect().get(name).profiles.read(A) == BASE.bodies[0]
        assert len(connect().get(name).journal) == 0
    assert connect().delete("never-made") is False


def test_a_world_deleted_between_reading_and_writing_is_not_written_to(connect: Connect) -> None:
    """The change is made in the world that there is now, or nowhere; nothing is left behind."""
    one, two = connect(), connect()
    one.get("w").profiles.update(A, lambda before: Changed(profile(7, "a")))
    calls: list[int] = []

    def change(before: bytes) -> Changed:
        calls.append(orjson.loads(before)["N"])
        if len(calls) == 1:
            two.delete("w")
        return Changed(profile(calls[-1] + 1, "a"))

    one.get("w").profiles.update(A, change)
    assert orjson.loads(connect().get("w").profiles.read(A) or b"")["N"] in (0, 1)


def test_strict_worlds_must_be_made_first(connect: Connect) -> None:
    """An unknown name is refused, with what to do."""
    worlds = connect(strict=True)
    with pytest.raises(NotFound) as caught:
        worlds.get("w")
    assert caught.value.rule == "namespace-unknown"
    assert worlds.create("w").name == worlds.get("w").name == "w"
    assert worlds.get(None).name == "default"


@pytest.mark.parametrize("name", ["", " ", "-x", "a/b", "é", "x" * 129, "{x}"])
def test_a_worlds_name_is_short_and_plain(connect: Connect, name: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BadRequest) as caught:
        connect().create(name)
    assert caught.value.rule == "namespace-invalid"


def test_a_world_has_the_servers_seed(connect: Connect) -> None:
    """Draws depend on it."""
    assert connect(seed=7).get("w").seed == 7
    connect().check()
