"""What a store promises for a request that it serves: whatever it was computed from holds when it ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count as count_from

import orjson
import pytest

from mockserver.errors import BadRequest, NotFound
from mockserver.faults.rules import Effect, Fault, Schedule
from mockserver.journal.log import Overtaken
from mockserver.profile.keys import Key
from mockserver.state.profiles import Changed
from mockserver.state.world import World, Worlds
from tests.state.linearizability import Call, linearizable
from tests.state.stores import ANYTHING, A, B, Connect, count_up, exchange, in_threads, profile, rename


def count(worlds: Worlds, key: Key = A, world: str = "w") -> int:
    """Count a profile up as the service does; return how often it was computed."""
    served = worlds.serve(world, key)
    for attempt in range(1, 100):
        served.profiles.update(key, count_up)
        try:
            served.journal.append(exchange(attempt, world))
        except Overtaken:
            continue
        return attempt
    raise AssertionError("no progress")


def _become(wanted: int, before: bytes) -> Changed:
    return Changed(profile(wanted, "a"))


def number(worlds: Worlds, key: Key = A) -> int:
    return int(orjson.loads(worlds.get("w").profiles.read(key) or b"")["N"])


def test_a_change_is_there_once_the_request_has_ended(connect: Connect) -> None:
    """For each process, and for the same process again."""
    one, two = connect(), connect()
    assert [count(worlds) for worlds in (one, one, one)] == [1, 1, 1]
    assert (number(one), number(two)) == (3, 3)
    assert [count(worlds) for worlds in (two, two)] == [1, 1]
    assert (number(one), len(two.get("w").journal)) == (5, 5)


def test_the_profiles_of_a_request_are_in_its_exchange(connect: Connect) -> None:
    """As it met the profile, and as it left it behind, which its answer repeats; they go with it."""
    served, journal = connect().serve("w", A), connect().get("w").journal
    for _ in range(2):
        update = served.profiles.update(A, count_up)
        served.journal.append(exchange(1, "w", before=update.before, after=update.after, answer_body=update.after))
        served = connect().serve("w", A)
    exchanges = [*journal]
    assert [(found.before, found.after) for found in exchanges] == [
        (profile(0, "a"), profile(1, "a")),
        (profile(1, "a"), profile(2, "a")),
    ]
    assert [found.answer_body for found in exchanges] == [found.after for found in exchanges]
    assert journal.bytes_used > 0
    journal.remove(exchanges[0].id)
    journal.remove(exchanges[1].id)
    assert (len(journal), journal.bytes_used) == (0, 0)


def by_update(world: World) -> None:
    world.profiles.update(A, count_up)


def by_put(world: World) -> None:
    world.profiles.put("acme", profile(7, "a"), [("crm", "a")])


def by_delete_and_put(world: World) -> None:
    world.profiles.delete(A)
    by_put(world)


def by_reset(world: World) -> None:
    world.profiles.update(A, count_up)
    world.profiles.reset()
    world.profiles.update(A, count_up)


CHANGES: dict[str, Callable[[World], None]] = {
    "an update": by_update,
    "a put": by_put,
    "a delete and a put": by_delete_and_put,
    "a reset and an update": by_reset,
    "the clock": lambda world: world.clock.advance(60),
    "a rule": lambda world: world.add_fault(Fault(id="f", effect=Effect(status=500), schedule=Schedule())),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_another_process_changes_meanwhile_is_seen(shared: Connect, change: Callable[[World], None]) -> None:
    """The request is computed anew, and nothing is lost."""
    one, two = shared(), shared()
    count(one)
    served = one.serve("w", A)
    served.profiles.update(A, count_up)
    change(two.get("w"))
    before = number(two)
    with pytest.raises(Overtaken):
        served.journal.append(exchange(1, "w"))
    assert number(two) == before
    served.profiles.update(A, count_up)
    served.journal.append(exchange(1, "w"))
    assert number(two) == before + 1
    assert len(two.get("w").journal) == 2


def test_what_was_only_read_is_checked_too(shared: Connect) -> None:
    """A read answers with what is there when it ends."""
    one, two = shared(), shared()
    count(one)
    count(two)
    served = one.serve("w", A)
    assert served.profiles.read(A) == profile(1, "a")
    with pytest.raises(Overtaken):
        served.journal.append(exchange(1, "w"))
    assert served.profiles.read(A) == profile(2, "a")
    served.journal.append(exchange(1, "w"))


def test_an_unknown_key_is_looked_up_until_the_request_ends(connect: Connect) -> None:
    """Another process may have made it."""
    one, two, new = connect(), connect(), ("acme", "crm", "new")
    for served in (one.serve("w", new), one.serve("w", new)):
        with pytest.raises(NotFound):
            served.profiles.update(new, count_up)
        served.journal.append(exchange(1, "w"))
    two.get("w").profiles.update(A, lambda before: rename("a", "new"))
    served = one.serve("w", new)
    for _ in range(2):
        try:
            update = served.profiles.update(new, lambda before: Changed(profile(9, "a", "new")))
            served.journal.append(exchange(1, "w"))
        except (NotFound, Overtaken) as problem:
            if isinstance(problem, NotFound):
                with pytest.raises(Overtaken):
                    served.journal.append(exchange(1, "w"))
    assert update.after == profile(9, "a", "new")
    assert number(two, new) == 9


def test_a_key_that_moved_leads_to_its_new_profile(connect: Connect) -> None:
    """What was seen of the old one does not count."""
    one, two = connect(), connect()
    count(one)
    two.get("w").profiles.update(A, lambda before: rename("other"))
    two.get("w").profiles.update(B, lambda before: rename("b", "a"))
    count(one)
    assert number(two, B) == 1


def test_a_taken_id_is_refused_and_changes_nothing(connect: Connect) -> None:
    """The change itself is refused, or the end of the request; the request can be journaled after that."""
    worlds = connect()
    served = worlds.serve("w", A)

    def take_it() -> None:
        served.profiles.update(A, lambda before: rename("a", "b"))
        served.journal.append(exchange(1, "w"))

    with pytest.raises(BadRequest) as caught:
        take_it()
    assert caught.value.rule == "alternate-id-taken"
    served.journal.append(exchange(1, "w"))
    assert (number(worlds), number(worlds, B), len(worlds.get("w").journal)) == (0, 0, 1)


def test_a_fault_counts_a_request_once_however_often_it_is_computed(connect: Connect) -> None:
    """What was due stays due."""
    one, two = connect(), connect()
    one.get("w").add_fault(Fault(id="f", effect=Effect(status=500), schedule=Schedule(first=1)))
    served = one.serve("w", A)
    hit = served.decide_fault(ANYTHING).hit
    count(two)
    served.profiles.update(A, count_up)
    try:
        served.journal.append(exchange(1, "w"))
    except Overtaken:
        assert served.decide_fault(ANYTHING).hit == hit
        served.profiles.update(A, count_up)
        served.journal.append(exchange(1, "w"))
    assert one.get("w").counters["f"].n == 1
    assert number(two) == 2


def test_a_world_that_went_is_made_anew(shared: Connect) -> None:
    """Nothing is written into the one that was there."""
    one, two = shared(), shared()
    count(one)
    two.delete("w")
    assert count(one) == 2
    assert (number(two), len(two.get("w").journal)) == (1, 1)


def test_under_strict_worlds_one_that_went_is_unknown(shared: Connect) -> None:
    """As it is for the next request."""
    one, two = shared(strict=True), shared(strict=True)
    one.create("w")
    count(one)
    two.delete("w")
    served = one.serve("w", A)
    served.profiles.update(A, count_up)
    with pytest.raises(NotFound) as caught:
        served.journal.append(exchange(1, "w"))
    assert caught.value.rule == "namespace-unknown"
    served.journal.append(exchange(1, "w"))
    assert "w" not in two.names()


def test_requests_of_many_processes_lose_nothing(connect: Connect) -> None:
    """Each change is one step, and each request is in the journal once."""
    processes = [connect() for _ in range(3)]

    def client(index: int) -> None:
        for _ in range(8):
            count(processes[index % 3])

    in_threads(12, client)
    assert number(processes[0]) == len(processes[0].get("w").journal) == 96
    assert len({entry.id for entry in processes[0].get("w").journal}) in (1, 96)  # in memory the caller numbers


@pytest.mark.parametrize("seed", range(3))
def test_reads_and_changes_are_linearizable(connect: Connect, seed: int) -> None:
    """There is one order of all requests that fits what each client was answered and when."""
    processes, history, ticks = [connect() for _ in range(3)], list[Call](), count_from(0)

    def client(index: int) -> None:
        draws = iter(orjson.dumps([seed, index]) * 10)
        for step in range(6):
            called, reads, wanted = next(ticks), next(draws) % 3 == 0, 100 * index + step + 1
            served = processes[index % 3].serve("w", A)
            while True:
                # What a change met: read before it, another's could come between.
                change = None if reads else served.profiles.update(A, partial(_become, wanted))
                body = served.profiles.read(A) if change is None else change.before
                seen = orjson.loads(body or b"")["N"]
                with suppress(Overtaken):
                    served.journal.append(exchange(1, "w"))
                    break
            calls = Call(called, next(ticks), "read" if reads else "swap", seen, wanted, seen if reads else 1)
            history.append(calls)

    in_threads(5, client)
    assert linearizable(history, initial=0)
