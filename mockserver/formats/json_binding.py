"""Bind a JSON array to operations, as JsonSerializer.Populate fills a List<Operation<UserProfile>>.

The serializer logs an error and goes on with the next member or operation, so one body may be refused under several
paths (library; docs/dialect.md, rows O7-O14 and M3; the metadata members were read in source).
"""

from __future__ import annotations

from typing import Any

from mockserver.formats.newtonsoft import UNDEFINED, Constructor, JsonReaderError, member_path
from mockserver.profile.conversion import clr_text, parse_date

_TEXT_MEMBERS = frozenset(("op", "path", "from"))

# Ours: one key an error would make an answer many times the size of a hostile body.
_MOST_REFUSALS = 1000


class Binding:
    """JsonSerializer.Populate onto a list of operations: what it binds, and the errors that it logs on the way."""

    def __init__(self, places: dict[tuple[int] | tuple[int, str], int]) -> None:
        self.refusals: list[JsonReaderError] = []
        self._places = places
        self._operations_by_id: dict[str, dict[str, Any]] = {}

    def bind(self, document: list[Any]) -> list[dict[str, Any] | None]:
        bound: list[dict[str, Any] | None] = []
        for index, node in enumerate(document):
            try:
                bound.append(self._bind_operation(index, node))
            except JsonReaderError as refusal:
                self.refusals.append(refusal)
            if len(self.refusals) >= _MOST_REFUSALS:
                break
        return bound

    def _bind_operation(self, index: int, node: Any) -> dict[str, Any] | None:
        path, at = f"[{index}]", self._places.get((index,), 0)
        # An empty string counts as null where a class is wanted (CoerceEmptyStringToNull).
        if node is None or node is UNDEFINED or (isinstance(node, str) and not node):
            return None
        if not isinstance(node, dict):
            raise no_operation(path, at, f"operation {index} is {value_kind(node)}")
        metadata = _Metadata(path, at, node)
        if metadata.reference is not None:
            return self._operations_by_id.get(metadata.reference)
        if metadata.has_values:
            raise no_operation(member_path(path, "$values"), at, f"operation {index} is an array")
        operation: dict[str, Any] = {}
        if metadata.identity is not None:
            self._identify(operation, metadata, path, at)
        for name, member in metadata.members:
            self._bind_member(operation, index, name, member)
        return operation

    def _identify(self, operation: dict[str, Any], metadata: _Metadata, path: str, at: int) -> None:
        identity = metadata.identity or ""
        if self._operations_by_id.setdefault(identity, operation) is not operation:
            raise no_operation(metadata.next_path(path), at, f"two operations have the $id {identity!r}")

    def _bind_member(self, operation: dict[str, Any], index: int, sent_name: str, node: Any) -> None:
        name = sent_name.lower()
        path, at = member_path(f"[{index}]", sent_name), self._places.get((index, sent_name), 0)
        if name == "value" and isinstance(node, Constructor):
            # The constructor's name becomes the value, then the operation fails at the first argument (conv-bool-068).
            argument = f"{path}[0]" if node.arguments else path
            raise no_operation(argument, at, f"'value' of operation {index} is a JavaScript constructor")
        try:
            if name in _TEXT_MEMBERS:
                operation[name] = _text(path, at, f"{name!r} of operation {index}", node)
            elif name == "value":
                operation[name] = _value(path, at, node, operation.get(name))
        except JsonReaderError as refusal:
            self.refusals.append(refusal)


class _Metadata:
    """What an object's leading $ref, $id, $type and $values say, and the members after them (rows O14, C19)."""

    def __init__(self, path: str, at: int, node: dict[str, Any]) -> None:
        self.reference: str | None = None
        self.identity: str | None = None
        self.has_values = False
        self.values: Any = None
        self.members = list(node.items())
        while self.members and self._take(path, at, *self.members[0]):
            pass

    def next_path(self, path: str) -> str:
        """Return the path at which the library's reader stands after the metadata."""
        return member_path(path, self.members[0][0]) if self.members else path

    def _take(self, path: str, at: int, name: str, node: Any) -> bool:
        if name == "$ref":
            return self._take_reference(path, at, node)
        if name == "$values":
            self.has_values, self.values = True, node
            del self.members[0]
            return False
        if name not in ("$id", "$type"):
            return False
        if _is_container(node) or (name == "$type" and node in (None, UNDEFINED)):
            raise _bad_metadata(member_path(path, name), at, f"'{name}' is {value_kind(node)}")
        if name == "$id":
            self.identity = None if node in (None, UNDEFINED) else _clr_invariant_text(node)
        del self.members[0]
        return True

    def _take_reference(self, path: str, at: int, node: Any) -> bool:
        if not (node is None or (isinstance(node, str) and parse_date(node) is None)):
            raise _bad_metadata(member_path(path, "$ref"), at, f"'$ref' is {value_kind(node)}")
        del self.members[0]
        if node is not None and self.members:
            raise _bad_metadata(self.next_path(path), at, "a '$ref' stands beside other members")
        self.reference = node
        return node is None


def _text(path: str, at: int, what: str, node: Any) -> str | None:
    """Read a member of the CLR type string: JsonReader.ReadAsString (row O11)."""
    if node is None:
        return None
    if node is UNDEFINED or _is_container(node):
        raise JsonReaderError(
            path, at, f"{what} is {value_kind(node)}", "Write it as text.", "operation-member-not-text"
        )
    return _clr_invariant_text(node)


def _clr_invariant_text(scalar: Any) -> str:
    if isinstance(scalar, str) and (date := parse_date(scalar)) is not None:
        # Read as a date before it is read as text, it is written as the invariant culture writes dates (library).
        moment = date.json
        return f"{moment[5:7]}/{moment[8:10]}/{moment[:4]} {moment[11:19]}"
    return clr_text(scalar, dates=False)


def _value(path: str, at: int, node: Any, earlier: Any) -> Any:
    """Read the member of the CLR type object; `earlier` is the value that a name in other case has set before."""
    if node is UNDEFINED:
        return None
    if not _is_container(node):
        return node
    if earlier is not None and not _is_container(earlier):
        # The library then reads into the value that is already there, and a scalar takes no members.
        inside = member_path(path, next(iter(node))) if isinstance(node, dict) and node else path
        raise _bad_metadata(inside, at, f"'value' is sent twice, first as a scalar and then as {value_kind(node)}")
    if isinstance(node, list):
        return node
    metadata = _Metadata(path, at, node)
    if metadata.reference is not None:
        return None
    if metadata.has_values:
        if metadata.members:
            raise _bad_metadata(metadata.next_path(path), at, "a '$values' stands beside other members")
        return metadata.values
    return dict(metadata.members)


def _is_container(node: Any) -> bool:
    return isinstance(node, (dict, list, Constructor))


def value_kind(node: Any) -> str:
    for kind, name in _KINDS:
        if isinstance(node, kind):
            return name
    return "null"


_KINDS = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (dict, "an object"),
    (Constructor, "a JavaScript constructor"),
    (list, "an array"),
    (type(UNDEFINED), "undefined"),
)


def no_operation(path: str, at: int, problem: str) -> JsonReaderError:
    hint = 'Write an object with "op", "path" and "value".'
    return JsonReaderError(path, at, problem, hint, "operation-not-an-object")


def _bad_metadata(path: str, at: int, problem: str) -> JsonReaderError:
    hint = "Leave out $id, $ref, $type and $values, and send each member once."
    return JsonReaderError(path, at, problem, hint, "operation-not-an-object")
