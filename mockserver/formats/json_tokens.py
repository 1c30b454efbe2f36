"""A document that was read, as a stream of tokens: Json.NET's JTokenReader (read in its source).

Where a failure happened is told by the reader's path, and a serializer that got lost goes on wherever the reader
stands, so both are the library's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mockserver.formats.newtonsoft import member_path
from mockserver.profile.clr_text import Constructor

OBJECT, ARRAY, CONSTRUCTOR, NAME, SCALAR, END_OBJECT, END_ARRAY, END_CONSTRUCTOR, NOTHING = range(9)
_STARTS = (OBJECT, ARRAY, CONSTRUCTOR)
_UNREAD = object()


class _Open:
    """A container that the reader is in."""

    __slots__ = ("end", "index", "items", "name", "value")

    def __init__(self, kind: int, node: Any) -> None:
        self.end = kind + END_OBJECT
        self.index = -1
        self.name = ""
        self.value: Any = _UNREAD
        self.items: Iterator[Any] = iter(node.items() if kind == OBJECT else node if kind == ARRAY else node.arguments)


class TokenReader:
    """Read an array's tokens one by one: `kind` and `value` (a name, a scalar, or the container that starts)."""

    kind: int
    value: Any

    def __init__(self, document: list[Any]) -> None:
        self._open: list[_Open] = []
        self._found(document)

    def read(self) -> bool:
        """Go to the next token; False at the end of the document."""
        if not self._open:
            self.kind, self.value = NOTHING, None
            return False
        inner = self._open[-1]
        if inner.value is not _UNREAD:
            value, inner.value = inner.value, _UNREAD
            self._found(value)
            return True
        item = next(inner.items, _UNREAD)
        if item is _UNREAD:
            self._leave()
        elif inner.end == END_OBJECT:
            inner.name, inner.value = item
            self.kind, self.value = NAME, inner.name
        else:
            self._found(item)
        return True

    def _found(self, value: Any) -> None:
        self.value = value
        if self._open:
            self._open[-1].index += 1
        if isinstance(value, (dict, list, Constructor)):
            self.kind = OBJECT if isinstance(value, dict) else ARRAY if isinstance(value, list) else CONSTRUCTOR
            self._open.append(_Open(self.kind, value))
        else:
            self.kind = SCALAR

    def _leave(self) -> None:
        self.kind, self.value = self._open.pop().end, None

    @property
    def starts(self) -> bool:
        """Whether the reader stands at the start of a container."""
        return self.kind in _STARTS

    @property
    def depth(self) -> int:
        return len(self._open) - self.starts

    def skip(self) -> None:
        """Go on to the end of the container that starts here, or of the value of the member named here."""
        if self.kind == NAME:
            self.read()
        if self.starts:
            self._leave()

    def skip_to(self, depth: int) -> None:
        """Skip what is here, and then all that is deeper: how the serializer goes on after an error."""
        self.skip()
        while self.depth > depth and self.read():
            if self.starts:
                self._leave()

    def path(self) -> str:
        path = ""
        for container in self._open[: len(self._open) - self.starts]:
            named = container.end == END_OBJECT
            path = member_path(path, container.name) if named else f"{path}[{container.index}]"
        return path

    def place(self) -> tuple[int] | tuple[int, str]:
        """Return the operation's index, and the name of the operation's own member that the reader is in."""
        root, *inner = self._open or [_Open(ARRAY, [])]
        return (root.index, inner[0].name) if inner and inner[0].end == END_OBJECT else (root.index,)
