"""Apply a patch document to a profile, in one of three dialects (docs/dialect.md), on top of the jsonpatch package.

A profile is patched as a private copy, so a refusal at any operation leaves nothing behind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import jsonpatch

from mockserver.errors import ApiError, BadRequest
from mockserver.patch.dialect import SUPPORTED_OPERATIONS, Dialect, unsupported_operation
from mockserver.patch.operations import Add, Copy, Move, Nothing, ProfileOperation, Remove, Replace, Test
from mockserver.profile.members import MemberTree
from mockserver.profile.work import DEFAULT_WORK, Work

_OPERATION_TYPES = ("add", "remove", "replace", "move", "copy", "test", "invalid")
# String.Trim's white space; U+001C to U+001F are none.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# A text that begins like a number is read as nothing else.
_NUMERIC = re.compile(r"[+-]|\d")
_INT32_TEXT = re.compile(r"([+-]?)(0*[0-9]{1,10})[\t-\r ]*\0*", re.ASCII)


def apply_patch(
    operations: Sequence[Any],
    document: dict[str, Any],
    tree: MemberTree,
    dialect: Dialect,
    tolerated: set[str] | None = None,
    reach: Reach | None = None,
    most_work: int = DEFAULT_WORK,
) -> dict[str, Any]:
    """Return the patched document, which may be the one passed in, changed; raise BadRequest or VendorCrash.

    `tolerated` collects the leniencies of the vendor's software without which the patch would have been refused.
    `reach` is told of each member of the document before an operation looks into it. `most_work` bounds the bytes that
    the patch may have copied, compared and printed.
    After a refusal the passed document is worth nothing: pass a private copy.
    """
    if dialect.strict_rfc:
        from mockserver.patch.rfc6902 import apply_rfc_patch

        return apply_rfc_patch(operations, document, tree, Work(most_work))
    patched: dict[str, Any] = ProfilePatch(operations, tree, dialect, tolerated, reach, most_work).apply(document)
    return patched


def apply_one(operation: Any, document: dict[str, Any], tree: MemberTree, dialect: Dialect) -> dict[str, Any]:
    """Return the document after one operation of several; in the strict dialect a removed member stays absent."""
    if dialect.strict_rfc:
        from mockserver.patch.rfc6902 import apply_rfc_operation

        return apply_rfc_operation(operation, document, tree, Work(DEFAULT_WORK))
    return apply_patch([operation], document, tree, dialect)


def operation_type(name: str | None) -> str:
    """Return what the vendor's `Enum.TryParse` makes of an operation's name (library, rows O1-O6).

    A whole number counts, and so do names joined by commas, which are OR-ed; a number that names no operation is "none"
    and does nothing.
    """
    known = _KNOWN_NAMES.get(name) if name is not None else "add"
    if known:
        return known
    text = (name or "").strip(_WHITE_SPACE)
    numbers = [_int32(text)] if _NUMERIC.match(text) else [_named(part) for part in text.split(",")]
    whole = 0
    for number in numbers:
        if number is None:
            return "invalid"
        whole |= number
    return _OPERATION_TYPES[whole] if 0 <= whole < len(_OPERATION_TYPES) else "none"


_KNOWN_NAMES: dict[str | None, str] = {name: name for name in ("add", "remove", "replace", "move", "copy", "test")}


def _named(text: str) -> int | None:
    name = text.strip(_WHITE_SPACE)
    lower = name.lower()
    return _OPERATION_TYPES.index(lower) if name.isascii() and lower in _OPERATION_TYPES else None


def _int32(text: str) -> int | None:
    match = _INT32_TEXT.fullmatch(text)
    # The regex bounds the significant digits, so that no number of zeros is too long for int().
    number = int(match[1] + (match[2].lstrip("0") or "0")) if match else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


class Reach(Protocol):
    """Opens a member of a document that is opened no further than somebody looks into it."""

    def __call__(self, name: str) -> object: ...


class ProfilePatch(Work, jsonpatch.JsonPatch):
    """A patch whose operations are read one at a time, when their turn comes (library, row M1)."""

    operations: ClassVar[Any] = MappingProxyType(
        {"add": Add, "remove": Remove, "replace": Replace, "test": Test, "move": Move, "copy": Copy, "none": Nothing}
    )

    def __init__(
        self,
        operations: Sequence[Any],
        tree: MemberTree,
        dialect: Dialect,
        tolerated: set[str] | None,
        reach: Reach | None,
        most_work: int,
    ) -> None:
        self.left = self.most = most_work
        self.patch: Any = operations
        self.tolerated: set[str] = set() if tolerated is None else tolerated
        self.root = tree.root
        self.dialect = dialect
        self.reach: Reach = reach or _nothing

    def apply(self, obj: Any, in_place: bool = True, atomic: bool = False) -> Any:
        met: dict[str | None, ProfileOperation] = {}  # each refers to this patch, which must not refer to it
        for index, operation in enumerate(self.patch):
            try:
                self._next(operation, met).apply(obj)
            except ApiError as refusal:
                refusal.operation = index
                raise
        return obj

    def _next(self, operation: dict[str, Any] | None, met: dict[str | None, ProfileOperation]) -> ProfileOperation:
        if operation is None:
            self.dialect.crash("operation-null", "An operation is null.")
        name = operation.get("op", "add")
        chosen = met.get(name)
        if chosen is None:
            chosen = met[name] = self._meet(name)
        if "op" not in operation or ("value" not in operation and chosen.takes_value):
            self.tolerated.add("tolerated-operation")
        chosen.operation = operation
        return chosen

    def _meet(self, name: str | None) -> ProfileOperation:
        """Return what an operation of that name does, which comes for the first time."""
        kind = _KNOWN_NAMES.get(name) or (operation_type(name) if name is not None else "invalid")
        if kind == "invalid":
            raise BadRequest(f"Invalid JsonPatch operation '{name or ''}'.", rule="op-unknown")
        if self.dialect.follows_page and kind in ("move", "copy"):
            raise unsupported_operation(kind)
        if name not in SUPPORTED_OPERATIONS:
            self.tolerated.add("tolerated-operation")
        chosen: ProfileOperation = self.operations[kind](self.root, self.dialect, self.tolerated, self.reach, self)
        return chosen


def _nothing(name: str) -> None:
    """Take note of nothing: a plain dictionary needs no opening."""
