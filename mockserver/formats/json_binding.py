"""Bind a JSON array to operations, as JsonSerializer.Populate fills a List<Operation<UserProfile>>.

The serializer logs an error and goes on wherever its reader stands, so one body may be refused under several paths, and
a container where metadata should be derails it (library; docs/dialect.md, rows O7-O14, M3 and C19; read in source).
"""

from __future__ import annotations

from typing import Any

from mockserver.formats.json_tokens import (
    ARRAY,
    CONSTRUCTOR,
    END_ARRAY,
    END_CONSTRUCTOR,
    END_OBJECT,
    NAME,
    NOTHING,
    OBJECT,
    SCALAR,
    TokenReader,
)
from mockserver.formats.newtonsoft import JsonReaderError
from mockserver.profile.clr_text import UNDEFINED, Constructor, clr_text
from mockserver.profile.dates import DateOutOfRange, date_of_milliseconds, parse_date

_TEXT_MEMBERS = frozenset(("op", "path", "from"))

# Ours: one key an error would make an answer many times the size of a hostile body.
_MOST_REFUSALS = 1000

Places = dict[tuple[int] | tuple[int, str], int]


class Binding:
    """JsonSerializer.Populate onto a list of operations: what it binds, and the errors that it logs on the way."""

    def __init__(self, places: Places, *, scripted: bool = False) -> None:
        self.refusals: list[JsonReaderError] = []
        self._scripted = scripted
        self._places = places
        self._operations_by_id: dict[str, dict[str, Any]] = {}
        self._reader: TokenReader = TokenReader([])

    def bind(self, document: list[Any]) -> list[dict[str, Any] | None]:
        reader = self._reader = TokenReader(document)
        bound: list[dict[str, Any] | None] = []
        while len(self.refusals) < _MOST_REFUSALS and reader.read() and reader.kind != END_ARRAY:
            try:
                bound.append(self._item())
            except JsonReaderError as refusal:
                self.refusals.append(refusal)
                reader.skip_to(1)
        return bound

    def _item(self) -> dict[str, Any] | None:
        kind, value = self._reader.kind, self._reader.value
        if kind == OBJECT:
            orderly = None if self._scripted else _orderly(value)
            if orderly is None:
                return self._operation()
            self._reader.skip()
            return orderly
        # An empty string counts as null where a class is wanted (CoerceEmptyStringToNull).
        if kind == SCALAR and (value is None or value is UNDEFINED or value == ""):
            return None
        raise self._no_operation()

    def _operation(self) -> dict[str, Any] | None:
        reader = self._reader
        reader.read()
        metadata = _Metadata(self)
        if metadata.refers:
            return self._operations_by_id.get(metadata.reference)
        if metadata.has_values:
            raise self._no_operation()
        operation: dict[str, Any] = {}
        identity = metadata.identity
        if identity is not None and self._operations_by_id.setdefault(identity, operation) is not operation:
            raise self.lost(f"two operations have the $id {identity!r}")
        depth = reader.depth
        while reader.kind != END_OBJECT:
            if reader.kind != NAME:
                raise self.lost(f"{_found(reader)} stands where a member's name should")
            self._member(operation, reader.value, depth)
            reader.read()
        return operation

    def _member(self, operation: dict[str, Any], sent_name: str, depth: int) -> None:
        reader, name = self._reader, sent_name.lower()
        reader.read()
        try:
            if name in _TEXT_MEMBERS:
                operation[name] = self._text(name)
            elif name == "value":
                operation[name] = self._value(operation.get(name))
            else:
                reader.skip()
        except JsonReaderError as refusal:
            self.refusals.append(refusal)
            reader.skip_to(depth)

    def _text(self, name: str) -> str | None:
        """Read a member of the CLR type string: JsonReader.ReadAsString (row O11)."""
        reader = self._reader
        if reader.value is None:
            return None
        if reader.kind != SCALAR or reader.value is UNDEFINED:
            what = f"{name!r} of operation {reader.place()[0]} is {_found(reader)}"
            raise self._error(what, "Write it as text.", "operation-member-not-text")
        return _clr_invariant_text(reader.value)

    def _value(self, earlier: Any) -> Any:
        """Read the member of the CLR type object; `earlier` is the value that a name in other case has set before.

        The library then reads into the value that is already there: a container is replaced as it was sent, and a
        scalar takes no members.
        """
        reader, node = self._reader, self._reader.value
        if reader.kind == SCALAR:
            return None if node is UNDEFINED else node
        if reader.kind == CONSTRUCTOR:
            # Its name becomes the value, then the operation fails at what follows (conv-bool-068).
            return node.name
        scalar_before = not (earlier is None or isinstance(earlier, (dict, list)))
        if reader.kind == ARRAY or isinstance(earlier, (dict, list)):
            if scalar_before:
                raise self.lost("'value' is sent twice, first as a scalar and then as an array")
            reader.skip()
            return node
        reader.read()
        metadata = _Metadata(self)
        if metadata.refers:
            return None
        if scalar_before:
            raise self.lost("'value' is sent twice, first as a scalar and then as an object")
        if not metadata.has_values:
            return self._members()
        node = reader.value
        reader.skip()
        reader.read()
        return node

    def _members(self) -> dict[str, Any]:
        """Read the rest of a value's members; a name is taken for one, whatever container it stands in."""
        reader, members = self._reader, dict[str, Any]()
        while reader.kind == NAME:
            name = reader.value
            reader.read()
            members[name] = self._written()
            reader.read()
        return members

    def _written(self) -> Any:
        """Return what JsonWriter.WriteToken copies from the reader: inside an object, undefined becomes null, and
        `new Date(0)` a date.
        """
        reader, node = self._reader, self._reader.value
        if not self._scripted or not reader.starts:
            reader.skip()
            return None if node is UNDEFINED else node
        if isinstance(node, Constructor) and node.name == "Date":
            return self._constructed_date()
        end, inside = reader.kind + END_OBJECT, list[Any]()
        names = list[Any](node) if isinstance(node, dict) else []
        while reader.read() and reader.kind != end:
            if reader.kind != NAME:
                inside.append(self._written())
        if isinstance(node, dict):
            return dict(zip(names, inside, strict=True))
        return Constructor(node.name, inside) if isinstance(node, Constructor) else inside

    def _constructed_date(self) -> str:
        reader = self._reader
        reader.read()
        milliseconds = reader.value
        if reader.kind != SCALAR or not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
            raise self.lost("a date is constructed from something else than one integer")
        try:
            date = date_of_milliseconds(milliseconds)
        except DateOutOfRange:
            raise self.lost(f"{milliseconds} milliseconds are no date that .NET can hold") from None
        reader.read()
        if reader.kind != END_CONSTRUCTOR:
            raise self.lost("a date is constructed from more than one integer")
        return date.json

    def lost(self, problem: str) -> JsonReaderError:
        hint = "Leave out $id, $ref, $type and $values, and send each member once."
        return self._error(problem, hint, "operation-not-an-object")

    def _no_operation(self) -> JsonReaderError:
        reader = self._reader
        problem = f"operation {reader.place()[0]} is {_found(reader)}"
        return no_operation(reader.path(), self._at(), problem)

    def _error(self, problem: str, hint: str, rule: str) -> JsonReaderError:
        return JsonReaderError(self._reader.path(), self._at(), problem, hint, rule)

    def _at(self) -> int:
        place = self._reader.place()
        return self._places.get(place, self._places.get((place[0],), 0))


def _orderly(node: dict[str, Any]) -> dict[str, Any] | None:
    """Return the operation in which nothing can derail the reader, as nearly all are; None where it must be watched."""
    operation: dict[str, Any] = {}
    for sent_name, value in node.items():
        name = sent_name.lower()
        if name == "value":
            metadata = isinstance(value, dict) and value and next(iter(value))[:1] == "$"
            if metadata or value is UNDEFINED or name in operation:
                return None
            operation[name] = value
        elif name in _TEXT_MEMBERS:
            if type(value) is not str:
                return None
            operation[name] = _clr_invariant_text(value)
        elif name[:1] == "$":
            return None
    return operation


class _Metadata:
    """What an object's leading $ref, $id, $type and $values say (rows O14, C19); the reader stands behind them."""

    def __init__(self, binding: Binding) -> None:
        self._binding, self._reader = binding, binding._reader
        self.refers, self.reference = False, ""
        self.identity: str | None = None
        self.has_values = False
        while self._reader.kind == NAME and self._take(self._reader.value):
            pass

    def _take(self, name: str) -> bool:
        if name not in ("$ref", "$id", "$type", "$values"):
            return False
        reader = self._reader
        reader.read()
        if name == "$values":
            self.has_values = True
            return False
        if name == "$ref":
            self._take_reference()
        elif name == "$id":
            self.identity = self._text()
        elif self._text() is None:
            raise self._binding.lost(f"'$type' is {_found(reader)}")
        reader.read()
        if self.refers and reader.kind == NAME:
            raise self._binding.lost("a '$ref' stands beside other members")
        return not self.refers

    def _take_reference(self) -> None:
        value = self._reader.value
        if not (value is None or (isinstance(value, str) and parse_date(value) is None)):
            raise self._binding.lost(f"'$ref' is {_found(self._reader)}")
        self.refers, self.reference = value is not None, value or ""

    def _text(self) -> str | None:
        """Return the token's value as the library takes it: none for an object or array, a constructor's name."""
        reader = self._reader
        if reader.kind == CONSTRUCTOR:
            return str(reader.value.name)
        if reader.kind != SCALAR or reader.value is None or reader.value is UNDEFINED:
            return None
        return _clr_invariant_text(reader.value)


def _clr_invariant_text(scalar: Any) -> str:
    if isinstance(scalar, str) and (date := parse_date(scalar)) is not None:
        # Read as a date before it is read as text, it is written as the invariant culture writes dates (library); here
        # in UTC always, for no operation has a date there and means it.
        moment = date.json
        return f"{moment[5:7]}/{moment[8:10]}/{moment[:4]} {moment[11:19]}"
    return clr_text(scalar, dates=None)


def value_kind(node: Any) -> str:
    """Name the kind of a value for a message."""
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
_BETWEEN_VALUES = {
    NAME: "a member's name",
    END_OBJECT: "the end of an object",
    END_ARRAY: "the end of an array",
    END_CONSTRUCTOR: "the end of a constructor",
    NOTHING: "the end of the document",
}


def _found(reader: TokenReader) -> str:
    return _BETWEEN_VALUES.get(reader.kind) or value_kind(reader.value)


def no_operation(path: str, at: int, problem: str) -> JsonReaderError:
    hint = 'Write an object with "op", "path" and "value".'
    return JsonReaderError(path, at, problem, hint, "operation-not-an-object")
