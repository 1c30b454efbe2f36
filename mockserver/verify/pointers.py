"""JSON pointers (RFC 6901), as verification writes and follows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def unescaped(part: str) -> str:
    """Return the name that a part of a pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def parts(pointer: str) -> list[str]:
    """Return the names and indices that a pointer leads through."""
    return [unescaped(part) for part in pointer.split("/")[1:]]


def pointer_to(names: Iterable[object]) -> str:
    """Return the pointer that leads through names and indices."""
    return "".join(f"/{str(name).replace('~', '~0').replace('/', '~1')}" for name in names)


def place(holder: Any, name: str) -> Any:
    """Return what a part of a pointer is in a list or an object: an index, or a name."""
    return int(name) if isinstance(holder, list) else name


def value_at(document: Any, pointer: str) -> Any:
    """Return what a pointer that is known to exist leads to."""
    for name in parts(pointer):
        document = document[place(document, name)]
    return document


def holder_of(document: Any, pointer: str) -> tuple[Any, Any]:
    """Return the list or object that holds what a pointer leads to, and the index or name there."""
    *way, last = parts(pointer)
    holder = value_at(document, pointer_to(way))
    return holder, place(holder, last)
