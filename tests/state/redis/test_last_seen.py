"""What a process remembers of worlds in Redis is bounded, whatever they hold."""

from __future__ import annotations

import pytest

from mockserver.state.redis.last_seen import Header, LastSeen, Seen

HEADER = Header(b"e", b"1", b"1", 0, None, 0, b"[]", b"{}", 0)
MEGABYTE = b"x" * (1 << 20)


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        pytest.param(HEADER._replace(faults=MEGABYTE), Seen(0, b"", None), id="faults"),
        pytest.param(HEADER, Seen(0, b"1", MEGABYTE), id="changed profiles"),
        pytest.param(HEADER, Seen(0, b"", MEGABYTE), id="the fixtures' profiles, which a packed file does not share"),
    ],
)
def test_no_more_is_kept_than_there_is_room_for(header: Header, seen: Seen) -> None:
    """Forgotten as a whole, then seen again."""
    kept, worlds = LastSeen(), [f"w{number}" for number in range(40)]
    for world in worlds:
        kept.note(world, header, ("acme", "crm", world), seen)
    there = [world for world in worlds if world in kept.headers]
    assert len(there) < 33
    assert there[-1] == worlds[-1]
    assert kept.profile(worlds[-1], ("acme", "crm", worlds[-1])) == seen
