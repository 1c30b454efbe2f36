"""What a store promises about worlds: reset, eviction, deletion and names."""

from __future__ import annotations

import orjson
import pytest

from mockserver.errors import BadRequest, NotFound
from mockserver.faults.rules import Effect, Fault
from mockserver.state.profiles import Changed
from tests.state.stores import BASE, A, Connect, count_up, exchange, profile, rename


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
