"""Requests as lines of a log: when, which, whose, what was asked and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mockserver.journal.log import Exchange
from mockserver.journal.rows import row_json
from mockserver.journal.view import changes_json
from mockserver.profile.members import MemberTree

_SHOWN_OPERATIONS: Final = 3
_MOST_SENTENCES: Final = 500
_LONGEST: Final = 2000
_ALSO_FOR_MACHINES: Final = (
    "id", "receivedAt", "at", "frozen", "user", "connection", "delayMs",
    "operation", "ops", "opsTotal", "refused", "fault", "applied", "surprising",
)  # fmt: skip


class LogLines:
    """Makes the lines of one server; what it said before it says shorter."""

    def __init__(self, tree: MemberTree) -> None:
        self._tree = tree
        self._said: set[str] = set()

    def text(self, exchange: Exchange) -> str:
        """Return a line for people."""
        row, paths = row_json(exchange), changed(exchange)
        what = f": changed {', '.join(paths)}" if paths else ""
        return line(row) + what + self._sentence(exchange)

    def row(self, exchange: Exchange) -> dict[str, Any]:
        """Return a line for machines; members are added, none goes."""
        row = row_json(exchange)
        return {
            "method": exchange.method,
            "target": printable(exchange.target),
            "status": exchange.status,
            "world": exchange.world,
            "reason": row["reason"],
            "provenance": row["provenance"],
            "story": printable(exchange.story.sentence(self._tree)),
            "ms": row["ms"],
            **{name: row[name] for name in _ALSO_FOR_MACHINES},
            "changed": changed(exchange),
        }

    def _sentence(self, exchange: Exchange) -> str:
        """Return the sentence of what surprises; one that was said already is known by its reason."""
        sentence = exchange.story.sentence(self._tree)
        if not exchange.surprising or sentence in self._said:
            return ""
        if len(self._said) >= _MOST_SENTENCES:
            self._said.clear()
        self._said.add(sentence)
        return f". {printable(sentence)} More: /__admin/reasons/{exchange.story.reason}"


def changed(exchange: Exchange) -> list[str]:
    """Return the members that a request changed, without the stamp that every change brings."""
    paths = [printable(row["path"]) for row in changes_json(exchange)]
    return [path for path in paths if not path.startswith("/Edited/")][:20]


def line(row: Mapping[str, Any]) -> str:
    """Return a row of the journal as one line."""
    parts = [row["receivedAt"][11:23], row["id"], row["world"], row["user"] or "-", row["method"], _where(row)]
    came = row["status"] if row["connection"] is None else f"connection {row['connection']}"
    parts += [_asked(row["ops"], row["opsTotal"]), "->", came, row["reason"]]
    if row["fault"]:
        parts.append(f"(fault {row['fault']}{', applied all the same' if row['applied'] else ''})")
    if row["frozen"]:
        parts.append("(clock frozen)")
    return printable(" ".join(filter(None, map(str, parts))))


def printable(text: str) -> str:
    """Return text for one line of a log: no control characters, nothing endless."""
    shown = text[:_LONGEST]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else " " for character in shown)
    return shown if len(text) <= _LONGEST else f"{shown}… ({len(text)} characters)"


def _where(row: Mapping[str, Any]) -> str:
    ids = row["client"], row["alternateIdType"], row["alternateId"]
    return "/".join(ids) if all(ids) else str(row["url"])


def _asked(operations: Sequence[Mapping[str, str]], number: int) -> str:
    shown = ", ".join(f"{one['op']} {one['path']}" for one in operations[:_SHOWN_OPERATIONS])
    return shown + (f" and {number - _SHOWN_OPERATIONS} more" if number > _SHOWN_OPERATIONS else "")
