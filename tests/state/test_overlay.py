"""What a world changed stays its own when its fixtures are read again; all else follows them."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from mockserver.profile.keys import Key, names, profile_id_key
from mockserver.state.profiles import Changed, Profiles
from tests.state.stores import Fixtures


def body(number: int, *ids: str, note: str = "") -> bytes:
    rows = [{"AlternateIdType": "CRM", "AlternateId": identifier} for identifier in ids]
    return orjson.dumps({"ProfileId": number, "Note": note, "AlternateIds": rows})


def base(*profiles: bytes) -> Fixtures:
    index = {("acme", *pair): slot for slot, profile in enumerate(profiles) for pair in names(orjson.loads(profile))}
    return Fixtures(profiles, index, ["ACME"] * len(profiles))


def key(identifier: str) -> Key:
    return "acme", "crm", identifier


def touch(identifier: str, after: bytes) -> Callable[[Profiles], object]:
    change = Changed(after, names(orjson.loads(after)))
    return lambda world: world.update(key(identifier), lambda before: change)


def put(after: bytes) -> Callable[[Profiles], object]:
    return lambda world: world.put("acme", after, names(orjson.loads(after)))


def delete(identifier: str) -> Callable[[Profiles], object]:
    return lambda world: world.delete(key(identifier))


OLD = base(body(1, "a"), body(2, "b"))
MINE = body(1, "a", note="mine")
NEW, OWN = body(1, "a", note="new"), body(9, "q")
MOVED = body(1, "x", note="mine")
ROWS = {
    "an untouched profile follows": ([], base(body(1, "a", note="new")), {"a": body(1, "a", note="new"), "b": None}),
    "a changed one stays": (
        [touch("a", MINE)],
        base(body(2, "b"), body(1, "a", note="new")),
        {"a": MINE, "b": body(2, "b")},
    ),
    "a changed one stays although its fixture is gone": ([touch("a", MINE)], base(body(2, "b")), {"a": MINE}),
    "a removed one stays away": (
        [delete("a")],
        base(body(1, "a", note="new"), body(2, "b")),
        {"a": None, "b": body(2, "b")},
    ),
    "a removed one stays away under a new id": ([delete("a")], base(body(1, "z")), {"a": None, "z": None}),
    "one that was brought back to its fixture follows": (
        [touch("a", MINE), put(body(1, "a"))],
        base(NEW),
        {"a": NEW},
    ),
    "a removed one that was brought back follows": ([delete("a"), put(body(1, "a"))], base(NEW), {"a": NEW}),
    "a moved id stays moved": ([touch("a", MOVED)], base(body(1, "a", "c")), {"a": None, "c": None, "x": MOVED}),
    "a profile of its own stays": (
        [put(OWN)],
        base(body(3, "c")),
        {"q": body(9, "q"), "c": body(3, "c"), "a": None},
    ),
    "its own, saved as a fixture, is that fixture": ([put(OWN)], base(body(9, "q")), {"q": body(9, "q")}),
    "a freed id that another has taken": (
        [touch("a", MOVED), put(body(9, "a"))],
        base(body(2, "b"), body(1, "a")),
        {"a": body(9, "a"), "x": MOVED},
    ),
    "a removed profile's ProfileId given to another": (
        [delete("a"), put(body(1, "q"))],
        base(body(1, "a", note="new")),
        {"a": None, "q": body(1, "q")},
    ),
    "what came and went leaves nothing": (
        [put(OWN), delete("q")],
        base(body(9, "q")),
        {"q": body(9, "q")},
    ),
}


@pytest.mark.parametrize(("changes", "new", "seen"), ROWS.values(), ids=ROWS)
def test_what_a_world_sees_of_new_fixtures(
    changes: list[Callable[[Profiles], object]], new: Fixtures, seen: dict[str, bytes | None]
) -> None:
    world = Profiles(OLD)
    for change in changes:
        change(world)
    assert world.rebase(new) == []
    assert {identifier: world.read(key(identifier)) for identifier in seen} == seen


def test_an_id_of_both_is_the_worlds_and_both_are_named() -> None:
    """The fixture stays in reach by its other id, and removing it takes nothing from the world's own."""
    world, new = Profiles(OLD), base(body(1, "a"), body(5, "q", "r"))
    put(OWN)(world)
    assert [tuple(row) for row in world.rebase(new)] == [("alternate id acme/crm/q", 9, 5)]
    assert (world.read(key("q")), world.read(key("r"))) == (body(9, "q"), body(5, "q", "r"))
    world.delete(key("r"))
    assert (world.read(key("q")), world.read(key("r"))) == (body(9, "q"), None)


def test_a_clash_that_an_edit_mends_is_gone() -> None:
    """After the next reading the fixture is seen as it is written."""
    world, new = Profiles(OLD), base(body(5, "q"))
    put(OWN)(world)
    world.rebase(new)
    mended = base(body(5, "s"))
    assert world.rebase(mended) == []
    assert (world.read(key("q")), world.read(key("s"))) == (body(9, "q"), body(5, "s"))


def test_a_profile_id_of_both_is_the_worlds_and_named() -> None:
    world, new = Profiles(OLD), base(body(9, "z"))
    put(OWN)(world)
    assert [tuple(row) for row in world.rebase(new)] == [("ProfileId 9 of acme", 9, 9)]
    assert (world.read(key("q")), world.read(key("z"))) == (body(9, "q"), None)


def test_back_to_the_fixtures_means_the_new_ones_and_a_snapshot_keeps_its_own() -> None:
    world, new = Profiles(OLD), base(body(1, "a", note="new"))
    snapshot = world.snapshot()
    world.update(key("a"), lambda before: Changed(MINE))
    world.rebase(new)
    world.reset()
    assert (world.read(key("a")), world.read(key("b"))) == (body(1, "a", note="new"), None)
    world.restore(snapshot)
    assert (world.read(key("a")), world.read(key("b"))) == (body(1, "a"), body(2, "b"))


def test_a_number_is_not_used_twice_over_new_fixtures() -> None:
    """Of a profile that was made and removed too."""
    world, numbers = Profiles(OLD), list[int]()

    def make(number: int) -> Changed:
        numbers.append(number)
        made = body(100 + number, f"made-{number}")
        return Changed(made, names(orjson.loads(made)))

    world.create("acme", make)
    world.create("acme", make)
    world.delete(key("made-1"))
    world.rebase(base(body(1, "a"), body(2, "b"), body(3, "c")))
    world.create("acme", make)
    assert numbers == [0, 1, 2]
    assert world.read(key("made-0")) == world.read(profile_id_key("acme", 100)) == body(100, "made-0")
