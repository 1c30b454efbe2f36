"""What one patch may make a server do: the bytes that it has copied, compared and printed, counted before they are."""

from __future__ import annotations

from typing import Any

from mockserver.errors import BadRequest
from mockserver.profile.members import Member


class Work:
    """The work that is left to one patch; spending more of it than there is refuses the patch."""

    def __init__(self, most: int) -> None:
        self.left = self.most = most

    def spend(self, size: int) -> None:
        """Take so many bytes off; raise BadRequest where they are not left."""
        self.left -= size
        if self.left < 0:
            raise BadRequest(
                "The patch asks for too much work.",
                rule="patch-work-exceeded",
                why=f"More than {self.most} bytes would have to be copied, compared or printed.",
                hint="Send several smaller patches, or start with a larger --max-patch-work.",
            )


DEFAULT_WORK = 16 * 1024 * 1024


def expansion(value: Any, member: Member) -> int:
    """Return how many bytes a list's entries have at least, once the members that they leave out are there."""
    item = member.item
    return len(value) * item.weight if item is not None and isinstance(value, list) else 0
