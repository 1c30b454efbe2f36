"""The refusal of a patch that is longer than anybody applies."""

from __future__ import annotations

from mockserver.errors import BadRequest


def too_many_operations(most: int) -> BadRequest:
    """Return the refusal of a patch over the bound, which is ours (assumed)."""
    return BadRequest(
        "The request has too many operations.",
        rule="too-many-operations",
        why=f"The body holds more than {most} operations.",
        hint="Send several smaller patches, or start with a larger --max-operations.",
    )
