"""Bounds of a body: how deep it may be nested, and how many operations anybody applies."""

from __future__ import annotations

from typing import Any

from mockserver.errors import BadRequest


def is_too_deep(document: Any, limit: int) -> bool:
    """Say whether containers are nested more than so many levels deep."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(limit):
        inner = (node.values() if type(node) is dict else node for node in level)
        level = [child for children in inner for child in children if type(child) is dict or type(child) is list]
        if not level:
            return False
    return True


def too_many_operations(most: int) -> BadRequest:
    """Return the refusal of a patch over the bound, which is ours (assumed)."""
    return BadRequest(
        "The request has too many operations.",
        rule="too-many-operations",
        why=f"The body holds more than {most} operations.",
        hint="Send several smaller patches, or start with a larger --max-operations.",
    )
