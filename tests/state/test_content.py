"""What worlds hold beyond the fixtures is counted to the byte, and bounded."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.errors import ApiError, BoundReached
from mockserver.faults.rules import Effect, Fault, Match
from mockserver.journal.log import Journal
from mockserver.state.content import Content, fault_size
from mockserver.state.memory import MemoryWorld, MemoryWorlds
from mockserver.state.overlay import ENTRY, Base, Overlay, key_size
from mockserver.state.profiles import Changed
from mockserver.state.world import World
from tests.examples import many
from tests.state.stores import BASE, A, B, Connect, profile, rename

STRIKE = Effect(status=500)


def worlds_of(content: Content, **options: Any) -> MemoryWorlds:
    def make(name: str, base: Base) -> MemoryWorld:
        return MemoryWorld(name, base, Journal(10, 1 << 20), seed=0, content=content)

    return MemoryWorlds(make, BASE, content=content, **options)


def change_to(size: int) -> Callable[[bytes], Changed]:
    return lambda before: Changed(b"x" * size)


def test_a_snapshot_beyond_the_bound_is_refused(connect: Connect) -> None:
    """The last one that may be is kept, and replacing one is no new one."""
    world = connect(content=Content(max_snapshots=2)).default
    for name in ("one", "two", "two"):
        world.snapshots[name] = world.profiles.snapshot()
    with pytest.raises(BoundReached, match="no more snapshots than 2") as caught:
        world.snapshots["three"] = world.profiles.snapshot()
    assert caught.value.bound == "max_snapshots"
    assert "--max-snapshots" in caught.value.hint
    del world.snapshots["one"]
    world.snapshots["three"] = world.profiles.snapshot()
    assert sorted(world.snapshots) == ["three", "two"]


def test_a_fault_beyond_the_bound_is_refused(connect: Connect) -> None:
    """Unless it replaces one, or another has ended by the world's clock."""
    worlds = connect(content=Content(max_faults=2))
    worlds.default.add_fault(Fault("a", effect=STRIKE))
    worlds.default.add_fault(Fault("b", expires_in_s=10, effect=STRIKE))
    worlds.default.add_fault(Fault("a", Match(client="x"), effect=STRIKE))
    with pytest.raises(BoundReached, match="no more faults than 2"):
        worlds.default.add_fault(Fault("c", effect=STRIKE))
    worlds.default.clock.advance(11)
    worlds.default.add_fault(Fault("c", effect=STRIKE))
    assert [fault.id for fault, _ in worlds.default.faults] == ["a", "c"]


def test_a_world_holds_so_much_and_no_more() -> None:
    """A change up to the bound is taken; beyond it nothing changes, and what makes it smaller is always taken."""
    content = Content(world_bytes=2000)
    world = worlds_of(content).default
    world.profiles.update(A, change_to(2000 - 150))
    with pytest.raises(BoundReached) as caught:
        world.profiles.update(A, change_to(2000 - 149))
    assert caught.value.bound == "max_world_content"
    assert content.used == 2000
    assert world.profiles.read(A) == b"x" * 1850
    world.profiles.update(A, change_to(1))
    assert content.used == 151


@pytest.mark.parametrize(
    "grow",
    [
        pytest.param(lambda world: world.profiles.put("acme", b"x" * 1000, [("crm", "new")]), id="put"),
        pytest.param(lambda world: world.profiles.update(B, lambda _: rename("b" * 700)), id="renamed"),
        pytest.param(lambda world: world.snapshots.update(kept=world.profiles.snapshot()), id="snapshot"),
        pytest.param(lambda world: world.add_fault(Fault("f", Match(client="x" * 300))), id="fault"),
    ],
)
def test_whatever_grows_a_full_world_is_refused(grow: Callable[[MemoryWorld], None]) -> None:
    """Nothing of it is done."""
    content = Content(world_bytes=2000)
    world = worlds_of(content).default
    world.profiles.update(A, change_to(1000))
    with pytest.raises(BoundReached):
        grow(world)
    assert (content.used, len(world.snapshots), world.faults) == (1150, 0, ())
    assert world.profiles.read(("acme", "crm", "new")) is None
    assert world.profiles.read(A) == b"x" * 1000


def test_the_least_recently_used_worlds_make_room(caplog: pytest.LogCaptureFixture) -> None:
    """Those that hold nothing may stay, and so does the one that is in use."""
    content = Content(max_bytes=2500)
    worlds = worlds_of(content)
    worlds.get("empty")
    for name in ("first", "second"):
        worlds.get(name).profiles.update(A, change_to(1000))
    worlds.get("first")
    worlds.get("third").profiles.update(A, change_to(1000))
    with caplog.at_level(logging.WARNING):
        worlds.get("third")
    assert worlds.names() == ["default", "empty", "first", "third"]
    assert (worlds.evictions, content.used) == (1, 2300)
    assert "world second was evicted: worlds held more than 2500 bytes (--max-content)" in caplog.text


def test_a_world_that_is_gone_counts_no_more() -> None:
    """Not even what a late request still writes to it."""
    content = Content()
    worlds = worlds_of(content)
    world = worlds.get("w")
    world.profiles.update(A, change_to(1000))
    assert worlds.delete("w")
    world.profiles.update(A, change_to(2000))
    assert content.used == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda world: world.add_fault(Fault("f", effect=STRIKE)), id="fault"),
        pytest.param(lambda world: world.profiles.delete(A), id="deleted"),
        pytest.param(lambda world: world.profiles.update(A, lambda _: rename("new")), id="renamed"),
        pytest.param(lambda world: world.profiles.put("acme", profile(1, "c"), [("crm", "c")]), id="put"),
    ],
)
def test_a_world_that_was_reset_holds_nothing(shared: Connect, change: Callable[[World], object]) -> None:
    """A bound that counts what is gone, or less than there is, is none; faults from the start count for no world."""
    worlds = shared(faults=[Fault("start", effect=STRIKE)])
    world = worlds.get("w")
    change(world)
    few = 10  # digits, for the times of faults are not all of a length
    assert worlds.content_bytes > few
    world.reset()
    assert abs(worlds.content_bytes) < few
    world.clear_faults()
    world.reset()
    assert abs(worlds.content_bytes) < few


IDS = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.one_of(
    st.tuples(st.just("put"), IDS, st.integers(0, 9)),
    st.tuples(st.just("rename"), IDS, IDS),
    st.tuples(st.just("delete"), IDS, st.none()),
    st.tuples(st.just("keep"), IDS, st.none()),
    st.tuples(st.just("restore"), IDS, st.none()),
    st.tuples(st.just("forget"), IDS, st.none()),
    st.tuples(st.just("fault"), IDS, st.integers(0, 50)),
    st.tuples(st.just("unfault"), IDS, st.none()),
    st.tuples(st.sampled_from(["reset", "clear"]), IDS, st.none()),
)


def put(world: MemoryWorld, one: str, number: int) -> None:
    ids = [one, *(f"{one}{index}" for index in range(number))]
    world.profiles.put("acme", profile(0, *ids), [("crm", identifier) for identifier in ids])


DONE: dict[str, Callable[[MemoryWorld, str, Any], object]] = {
    "put": put,
    "rename": lambda world, one, other: world.profiles.update(("acme", "crm", one), lambda _: rename(other)),
    "delete": lambda world, one, _: world.profiles.delete(("acme", "crm", one)),
    "keep": lambda world, one, _: world.snapshots.update({one: world.profiles.snapshot()}),
    "restore": lambda world, one, _: world.profiles.restore(world.snapshots[one]),
    "forget": lambda world, one, _: world.snapshots.pop(one),
    "fault": lambda world, one, number: world.add_fault(Fault(one, Match(client="x" * (number + 1)))),
    "unfault": lambda world, one, _: world.remove_fault(one),
    "reset": lambda world, one, _: world.reset(),
    "clear": lambda world, one, _: world.clear_faults(),
}


def measured(overlay: Overlay) -> int:
    return sum(ENTRY + len(body or b"") for body in overlay.bodies.values()) + sum(map(key_size, overlay.index))


@settings(max_examples=many(60))
@given(st.lists(STEPS, max_size=40), st.sampled_from([3000, 6000, 1 << 20]))
def test_counters_never_drift(steps: list[Any], limit: int) -> None:
    """Whatever is done or refused: what is counted is what is there, and no more than may be."""
    content = Content(world_bytes=limit, max_snapshots=3, max_faults=3)
    worlds = worlds_of(content)
    world = worlds.get("w")
    for kind, one, other in steps:
        with contextlib.suppress(ApiError, KeyError):
            DONE[kind](world, one, other)
        overlay = world.profiles.snapshot()
        kept = sum(500 + len(name) + measured(held) for name, held in world.snapshots.items())
        held = measured(overlay) + kept + sum(fault_size(fault) for fault, _ in world.faults)
        assert overlay.size == measured(overlay)
        assert content.used == world.share.used == held <= limit
        assert len(world.snapshots) <= 3 >= len(world.faults)
    worlds.delete("w")
    assert content.used == 0
