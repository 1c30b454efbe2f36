"""The journal: its ring, its memory, and the budget that the journals of all worlds share."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import ApiError, BadRequest, UsageError
from mockserver.journal.log import Budget, Journal, stored_bytes
from mockserver.story.story import Story
from tests.journal.exchanges import NOW, exchange, journal_of, patch, refusal

# -- the ring --------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 400), max_size=40), st.integers(1, 12), st.integers(0, 16_000))
def test_the_ring_holds_the_longest_run_of_newest_exchanges_that_fits(
    sizes: list[int], max_entries: int, max_bytes: int
) -> None:
    """After any appends, what is kept is the longest tail within both bounds, and the counters say so."""
    sent = [exchange(body=b"x" * size, answer_body=b"", before=None, after=None) for size in sizes]
    journal = Journal(max_entries, max_bytes)
    for one in sent:
        journal.append(one)
    tails = [sent[start:] for start in range(len(sent) + 1)]
    fits = next(t for t in tails if len(t) <= max_entries and sum(map(stored_bytes, t)) <= max_bytes)
    assert [one.id for one in journal] == [one.id for one in fits]
    assert journal.bytes_used == sum(map(stored_bytes, fits))
    assert (journal.total, journal.dropped, len(journal)) == (len(sent), len(sent) - len(fits), len(fits))


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        pytest.param({"answer_body": b"a" * 50, "before": b"b" * 10, "after": b"c" * 10}, 70, id="all-differ"),
        pytest.param({"answer_body": b"a" * 50, "before": (p := b"p" * 100), "after": p}, 150, id="unchanged-profile"),
        pytest.param({"answer_body": (q := b"q" * 100), "before": b"", "after": q}, 100, id="answer-is-the-profile"),
        pytest.param({"answer_body": b"", "before": None, "after": None}, 0, id="nothing"),
    ],
)
def test_each_stored_object_counts_once(changes: dict[str, Any], counted: int) -> None:
    """Profile and answer are often one object; it takes its memory once."""
    bare = {"headers": (), "answer_headers": (), "target": "", "body": b"", "story": Story("patch-empty")}
    nothing = stored_bytes(exchange(**bare, answer_body=b"", before=None, after=None))
    assert stored_bytes(exchange(**bare, **changes)) - nothing == counted


def test_entries_come_newest_first_and_iteration_goes_the_other_way() -> None:
    """People read the newest first; a verification needs the order of arrival."""
    one, two, three = exchange(), exchange(), exchange()
    journal = journal_of(one, two, three)
    assert [entry.id for entry in journal.entries()] == [three.id, two.id, one.id]
    assert [entry.id for entry in journal.entries(limit=2)] == [three.id, two.id]
    assert [entry.id for entry in journal] == [one.id, two.id, three.id]


@pytest.mark.parametrize(
    ("since", "kept"),
    [
        pytest.param("second", ["third"], id="an-id"),
        pytest.param("long-gone", ["third", "second", "first"], id="an-id-that-is-gone"),
        pytest.param(NOW, ["third", "second"], id="a-time"),
        pytest.param("2024-05-01T10:00:01.25Z", ["third"], id="text"),
        pytest.param("2024-05-01 10:00:01", ["third", "second"], id="text-without-zone"),
        pytest.param("2024-05-01T12:00:01.250 02:00", ["third"], id="a-plus-that-a-query-turned-into-a-space"),
        pytest.param("2024-05-02", [], id="a-day"),
    ],
)
def test_since_leaves_out_what_is_older(since: str | datetime, kept: list[str]) -> None:
    """A reader who polls names the last entry seen, or a time."""
    steps = enumerate(("first", "second", "third"))
    journal = journal_of(*(exchange(id=name, at=NOW + timedelta(seconds=step)) for step, name in steps))
    assert [entry.id for entry in journal.entries(since=since)] == kept


def test_since_refuses_a_time_that_is_none() -> None:
    """A typing error must not read as 'everything'."""
    with pytest.raises(UsageError, match="not a time"):
        journal_of(exchange()).entries(since="2024-13-01")


def test_one_exchange_can_be_read_and_removed() -> None:
    """The bytes of a removed exchange are free again."""
    one, two = exchange(), exchange(body=b"[ ]")
    journal = journal_of(one, two)
    assert journal.get(two.id) == two
    assert journal.remove(one.id)
    assert not journal.remove(one.id)
    assert journal.get(one.id) is None
    assert (len(journal), journal.bytes_used, journal.dropped) == (1, stored_bytes(two), 0)


def test_a_cleared_journal_is_empty_and_goes_on() -> None:
    """`total` counts on, for it is a counter of the server's life."""
    journal = journal_of(exchange(), exchange())
    journal.clear()
    assert (len(journal), journal.bytes_used, journal.total, list(journal)) == (0, 0, 2, [])
    journal.append(exchange())
    assert (len(journal), journal.total) == (1, 3)


def test_no_entries_switch_the_journal_off() -> None:
    """With 0 entries nothing is kept and nothing counts as dropped."""
    journal = Journal(0, 1 << 20)
    journal.append(exchange())
    assert (len(journal), journal.total, journal.dropped) == (0, 0, 0)


def traced(action: Callable[[], Any]) -> tuple[int, Any]:
    """Return the bytes that an action leaves allocated, with its result."""
    gc.collect()
    tracemalloc.start()
    try:
        result = action()
        gc.collect()
        return tracemalloc.get_traced_memory()[0], result
    finally:
        tracemalloc.stop()


def test_an_empty_journal_costs_next_to_nothing() -> None:
    """Worlds are made by the thousand, and many never see a request."""
    used, journals = traced(lambda: [Journal(10_000, 1 << 26) for _ in range(1000)])
    assert used / len(journals) < 500


def test_memory_stays_flat_once_the_ring_is_full() -> None:
    """Ten times as many appends as entries take no more memory than as many."""

    def fill(appends: int) -> Journal:
        journal = Journal(200, 1 << 26)
        for number in range(appends):
            journal.append(patch([{"op": "add", "path": "/CustomerType", "value": f"{number:06d}"}], {}))
        return journal

    once, _ = traced(lambda: fill(200))
    again, _ = traced(lambda: fill(2000))
    assert again < once * 1.02


def test_a_refusal_keeps_no_frames_alive() -> None:
    """An exception holds its traceback, and with it every local of the request; the journal must not."""

    class Local:
        pass

    def refused() -> tuple[ApiError, weakref.ref[Local]]:
        local = Local()
        try:
            try:
                raise KeyError("inner")
            except KeyError as inner:
                raise BadRequest("no", rule="test-failed") from inner
        except BadRequest as error:
            return error, weakref.ref(local)

    error, local = refused()
    journal = journal_of(refusal(error, []))
    gc.collect()
    assert local() is None
    assert next(iter(journal)).story.refusal is error


def test_threads_append_while_others_read() -> None:
    """No exchange is lost or counted twice, and each thread's come in its own order."""
    journal = Journal(10_000, 1 << 26)
    barrier = threading.Barrier(5)
    reading = threading.Event()

    def write(writer: int) -> None:
        barrier.wait()
        for number in range(500):
            journal.append(exchange(id=f"{writer}-{number}"))

    def read() -> None:
        barrier.wait()
        while not reading.is_set():
            entries = journal.entries()
            assert len({entry.id for entry in entries}) == len(entries)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        reader = threading.Thread(target=read)
        for thread in (*writers, reader):
            thread.start()
        for thread in writers:
            thread.join()
        reading.set()
        reader.join()
    finally:
        sys.setswitchinterval(interval)
    assert (len(journal), journal.total, journal.dropped) == (2000, 2000, 0)
    assert journal.bytes_used == sum(map(stored_bytes, journal))
    for writer in range(4):
        mine = [entry.id for entry in journal if entry.id.startswith(f"{writer}-")]
        assert mine == [f"{writer}-{number}" for number in range(500)]


# -- the budget of all worlds ----------------------------------------------------------------------------------------


def test_the_largest_journal_gives_way_and_the_others_keep_everything() -> None:
    """A world under load can't make another world's verification fail."""
    budget = Budget(400_000)
    quiet, busy = Journal(10_000, 1 << 26, budget), Journal(10_000, 1 << 26, budget)
    for _ in range(5):
        quiet.append(exchange())
    for _ in range(1000):
        busy.append(exchange())
    assert (len(quiet), quiet.dropped) == (5, 0)
    assert busy.dropped > 0
    assert len(busy) > 50
    assert quiet.bytes_used + busy.bytes_used == budget.used <= budget.max_bytes


def test_a_forgotten_journal_gives_its_bytes_back() -> None:
    """A world that is evicted takes its journal along without telling anyone."""
    budget = Budget(100_000)
    for _ in range(20):
        world = Journal(10_000, 1 << 26, budget)
        for _ in range(30):
            world.append(exchange())
        assert len(world) == 30
    assert budget.used <= budget.max_bytes


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 800)), max_size=60), st.integers(500, 40_000))
def test_all_journals_together_stay_within_the_budget(appends: list[tuple[int, int]], max_bytes: int) -> None:
    """Whoever appends whatever, the sum is right and never too large; clearing gives back."""
    budget = Budget(max_bytes)
    journals = [Journal(20, 1 << 20, budget) for _ in range(4)]
    for world, size in appends:
        journals[world].append(exchange(body=b"x" * size, answer_body=b"", before=None, after=None))
        assert sum(journal.bytes_used for journal in journals) == budget.used <= max_bytes
    for journal in journals:
        assert journal.bytes_used == sum(map(stored_bytes, journal))
        journal.clear()
    assert budget.used == 0
