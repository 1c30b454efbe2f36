"""What a store promises about the journal."""

from __future__ import annotations

from msgspec.structs import replace

from mockserver.story.story import Story
from tests.state.stores import Connect, exchange, profile


def test_a_story_is_read_in_every_process_as_it_was_written(connect: Connect) -> None:
    """Nothing of an exchange is lost."""
    given = exchange(1, before=b'{"N":1}', after=b'{"N":2}', fault="rule#1")
    connect().get("w").journal.append(given)
    [found] = connect().get("w").journal
    refusal, expected = found.story.refusal, given.story.refusal
    assert replace(found, story=given.story) == given
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
