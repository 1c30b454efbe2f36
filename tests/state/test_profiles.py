"""One world's profiles: copy-on-write, re-indexing, and writers that take turns."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from mockserver.errors import BadRequest, NotFound, StoreUnavailable
from mockserver.state.profiles import Changed, Profiles
from tests.state.stores import BASE, A, B, Fixtures, profile, rename


@pytest.fixture
def base() -> Fixtures:
    return BASE


def test_two_worlds_never_see_each_other(base: Fixtures) -> None:
    """A change in one leaves the other and the fixtures alone."""
    one, two = Profiles(base), Profiles(base)
    one.update(A, lambda before: Changed(b"changed"))
    assert (one.read(A), two.read(A), base.bodies[0]) == (b"changed", profile(0, "a"), profile(0, "a"))


def test_a_new_alternate_id_leads_to_the_profile_at_once(base: Fixtures) -> None:
    """Reachable by the new id, not by the old."""
    profiles = Profiles(base)
    profiles.update(A, lambda before: rename("new", "other"))
    assert profiles.read(A) is None
    assert (
        profiles.read(("acme", "crm", "new")) == profiles.read(("acme", "crm", "other")) == profile(0, "new", "other")
    )


def test_an_id_of_another_profile_is_refused_and_nothing_changes(base: Fixtures) -> None:
    """An id is unique within its type."""
    profiles = Profiles(base)
    with pytest.raises(BadRequest) as caught:
        profiles.update(A, lambda before: rename("a", "B"))
    assert caught.value.rule == "alternate-id-taken"
    assert profiles.read(A) == profile(0, "a")


def test_a_freed_id_can_be_taken(base: Fixtures) -> None:
    """Ids move between profiles in two steps."""
    profiles = Profiles(base)
    profiles.update(B, lambda before: rename("c"))
    profiles.update(A, lambda before: rename("b"))
    assert profiles.read(B) == profile(0, "b")
    assert profiles.read(A) is None


def test_an_unknown_profile_is_not_found(base: Fixtures) -> None:
    """No profile has the key."""
    with pytest.raises(NotFound):
        Profiles(base).update(("acme", "crm", "x"), Changed)


def test_what_a_change_raises_leaves_everything_as_it_was(base: Fixtures) -> None:
    """All or nothing."""
    profiles = Profiles(base)

    def change(before: bytes) -> Changed:
        raise BadRequest("no", rule="test-failed")

    with pytest.raises(BadRequest):
        profiles.update(A, change)
    assert profiles.changed_count == 0


def test_put_delete_reset_and_restore(base: Fixtures) -> None:
    """State can be prepared, kept and brought back."""
    profiles = Profiles(base)
    assert profiles.put("acme", profile(9, "z"), [("crm", "z")]) is True
    assert profiles.put("acme", profile(8, "z", "y"), [("crm", "z"), ("crm", "y")]) is False
    kept = profiles.snapshot()
    assert profiles.delete(A) == profile(0, "a")
    assert profiles.delete(A) is None
    assert profiles.read(("acme", "crm", "y")) == profile(8, "z", "y")
    assert [body for _, body in profiles.items()] == [profile(0, "b"), profile(8, "z", "y")]
    profiles.restore(kept)
    assert profiles.read(A) == profile(0, "a")
    profiles.restore(kept)
    profiles.reset()
    assert [body for _, body in profiles.items()] == list(base.bodies)


def test_a_deleted_profile_can_be_put_again(base: Fixtures) -> None:
    """Its id is free."""
    profiles = Profiles(base)
    profiles.delete(A)
    assert profiles.put("acme", profile(5, "a"), [("crm", "a")]) is True
    assert profiles.read(A) == profile(5, "a")


def test_concurrent_writers_lose_no_update(base: Fixtures) -> None:
    """64 threads, each counting one profile up 25 times."""
    profiles = Profiles(base)
    start = threading.Barrier(64)

    def count_up(_: int) -> None:
        start.wait()
        for _ in range(25):
            profiles.update(A, lambda before: Changed(profile(orjson.loads(before)["N"] + 1, "a")))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(count_up, range(64)))
    assert orjson.loads(profiles.read(A) or b"")["N"] == 64 * 25


def test_a_reset_between_reading_and_writing_wins(base: Fixtures) -> None:
    """The change is applied to what is there after the reset, not written over it."""
    profiles = Profiles(base)
    profiles.update(A, lambda before: Changed(profile(7, "a")))
    calls: list[int] = []

    def change(before: bytes) -> Changed:
        calls.append(orjson.loads(before)["N"])
        if len(calls) == 1:
            profiles.reset()
        return Changed(profile(calls[-1] + 1, "a"))

    assert profiles.update(A, change).after == profile(1, "a")
    assert calls == [7, 0]


def test_a_change_that_takes_long_stops_nobody(base: Fixtures) -> None:
    """Another change of the same profile goes ahead; the long one is made again, on what is there by then."""
    profiles, entered, go_on = Profiles(base), threading.Event(), threading.Event()
    seen = []

    def take_long(before: bytes) -> Changed:
        seen.append(before)
        entered.set()
        assert go_on.wait(10)
        return Changed(before + b"!")

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(profiles.update, A, take_long)
        assert entered.wait(10)
        profiles.update(A, lambda before: Changed(b"quick"))
        go_on.set()
        assert long.result(10).before == b"quick"
    assert seen == [BASE.bodies[0], b"quick"]
    assert profiles.read(A) == b"quick!"


def test_a_change_that_always_comes_too_late_is_refused(base: Fixtures) -> None:
    """After a bounded number of attempts; the others' changes stay."""
    profiles = Profiles(base)

    def overtaken(before: bytes) -> Changed:
        profiles.put("acme", before + b" ", [("crm", "a")])
        return Changed(b"late")

    with pytest.raises(StoreUnavailable):
        profiles.update(A, overtaken)
    assert profiles.read(A) == BASE.bodies[0] + b" " * 200
