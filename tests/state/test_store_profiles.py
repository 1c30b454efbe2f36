"""What a store promises about profiles."""

from __future__ import annotations

import orjson
import pytest

from mockserver.errors import BadRequest, NotFound
from mockserver.state.profiles import Changed
from tests.state.stores import BASE, A, B, Connect, count_up, profile, rename


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
    assert (profiles.delete(A), profiles.delete(A)) == (profile(0, "a"), None)
    assert profiles.read(("acme", "crm", "y")) == profile(8, "z", "y")
    assert profiles.read(("acme", "crm", "q")) == profile(7, "q")
    assert profiles.put("acme", profile(5, "a"), [("crm", "a")]) is True
    assert [body for _, body in profiles.items()] == [
        profile(0, "b"),
        profile(8, "z", "y"),
        profile(7, "q"),
        profile(5, "a"),
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


def test_an_update_tells_the_facts_of_the_change_that_was_kept(connect: Connect) -> None:
    """A change is pure: what it found out is part of its result, whether it changed something or not."""
    one, two = connect(), connect()
    one.get("w").profiles.update(A, count_up)
    tries: list[bytes] = []

    def change(before: bytes) -> Changed:
        tries.append(before)
        if len(tries) == 1:
            two.get("w").profiles.reset()
        return Changed(profile(7, "a") if len(tries) < 3 else before, facts=len(tries))

    assert [one.get("w").profiles.update(A, change).facts for _ in range(2)] == [2, 3]
