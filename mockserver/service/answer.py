"""What the service answers, and how it is to be delivered."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from mockserver.journal.log import Exchange
from mockserver.story.story import Story

NO_CACHE: tuple[tuple[str, str], ...] = (("Cache-Control", "no-cache"), ("Pragma", "no-cache"), ("Expires", "-1"))


class Delivery(Struct, frozen=True):
    """How the server is to deliver an answer when a fault asks for it: late, or as a broken connection."""

    delay_s: float
    connection: str | None


class Answer(Struct, frozen=True):
    """What goes back to the client, and how."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    story: Story
    fault: str | None = None
    delivery: Delivery | None = None
    exchange: Exchange | None = None
    """What the journal has of it, if the log is to tell it."""


@lru_cache(maxsize=256)
def told(reason: str, rests_on: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the headers that tell the story of an answer in short."""
    return ("X-Mock-Explain", reason), ("X-Mock-Provenance", Story(reason, rests_on=rests_on).provenance)
