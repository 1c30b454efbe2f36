"""What a store promises about the journal."""

from __future__ import annotations

from msgspec.structs import replace

from mockserver.story.story import Story
from tests.state.stores import Connect, exchange, profile


def test_a_story_is_read_in_every_process_as_it_was_written(connect: Connect) -> None:
    """Nothing of an exchange is lost."""
    given = exchange(1, before=b'{"N":1}', after=b'{"N":2}', fault="rule#1")
    number = connect().get("w").journal.append(given) or given.id
    [found] = connect().get("w").journal
    refusal, expected = found.story.refusal, given.story.refusal
    assert replace(found, story=given.story) == replace(given, id=number)
    assert refusal is not None
    assert expected is not None
    names = ("status", "message", "rule", "why", "hint", "operation", "path", "model_state", "headers")
    assert [getattr(refusal, name) for name in names] == [getattr(expected, name) for name in names]
    assert replace(found.story, refusal=None) == replace(given.story, refusal=None)


def test_half_a_character_does_not_keep_an_exchange_out(connect: Connect) -> None:
    """What was sent may be no valid text."""
    number = connect().get("w").journal.append(exchange(1, user="\ud800", key=("ACME", "CRM", "\udfff")))
    assert [found.id for found in connect().get("w").journal] == [number or "00000001"]


def test_an_unchanged_profile_is_kept_as_unchanged(connect: Connect) -> None:
    """Before and after are equal, and so is an answer that repeats the profile."""
    body = profile(3, "a")
    connect().get("w").journal.append(exchange(1, before=body, after=body, answer_body=body))
    [found] = connect().get("w").journal
    assert (found.changed, found.before, found.after, found.answer_body) == (False, body, body, body)


def test_the_journal_keeps_the_newest(connect: Connect) -> None:
    """Beyond the number of entries the oldest go, and are counted."""
    journal = connect(entries=3).get("w").journal
    ids = [journal.append(exchange(number)) or exchange(number).id for number in range(5)]
    assert ([found.id for found in journal], journal.dropped, journal.total) == (ids[2:], 2, 5)
    assert [found.id for found in journal.entries(2)] == [ids[4], ids[3]]
    assert [found.id for found in journal.entries(since=ids[2])] == [ids[4], ids[3]]
    assert [journal.get(name) for name in (ids[0], "nothing", f"0{ids[4]}")] == [None] * 3
    assert (found := journal.get(ids[4])) is not None
    assert found.id == ids[4]
    assert (journal.remove(ids[3]), journal.remove(ids[3]), len(journal)) == (True, False, 2)
    journal.clear()
    assert (len(journal), journal.bytes_used, journal.dropped) == (0, 0, 0)


def test_a_shared_journal_numbers_in_order_and_in_the_answer_too(shared: Connect) -> None:
    """Whatever number the server that handled the request gave it before."""
    journals = [shared().get("w").journal for _ in range(2)]
    given = exchange(7, answer_headers=(("X-Mock-Request-Id", "00000007"), ("X-Mock-Explain", "test-failed")))
    ids = [journals[number % 2].append(given) for number in range(4)]
    assert ids == sorted({*ids}, key=str)
    assert [dict(found.answer_headers)["X-Mock-Request-Id"] for found in journals[0]] == ids


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
