"""The contract as verification reads it: which values, media types, statuses and headers it promises.

Compiled from the OpenAPI document alone, apart from the serving side's own reading of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mockserver.errors import UsageError
from mockserver.package import shipped_contract

JSON_TYPES = ("application/json", "text/json", "application/json-patch+json")
XML_TYPES = ("application/xml", "text/xml")
MEDIA_TYPES = (*JSON_TYPES, *XML_TYPES)
ROUTE = "/{clientId}/Profile/AlternateIdType/{alternateIdType}/AlternateId/{alternateId}"
Schema = Mapping[str, Any]
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_MOST_JUDGED = 10_000
Json = TypeVar("Json")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What the contract says of one value: a member, an entry of a collection, or the profile itself."""

    name: str
    kind: str  # string, boolean, integer, object or array
    nullable: bool = False
    read_only: bool = False
    returned: bool = True
    max_length: int | None = None
    default: Any = None
    xml_name: str = ""
    class_name: str = ""
    item: Shape | None = None
    members: Mapping[str, Shape] = field(default_factory=dict)
    page_order: tuple[str, ...] = ()
    serialiser_order: tuple[str, ...] = ()

    @property
    def empty(self) -> Any:
        """What the member holds when it is cleared or left out."""
        return {"boolean": False, "integer": 0}.get(self.kind)

    def find(self, name: str) -> Shape | None:
        """Return the member of that name, in whatever letter case."""
        exact = self.members.get(name)
        if exact is not None or not name.isascii():
            return exact
        return next((shape for known, shape in self.members.items() if known.lower() == name.lower()), None)


class Contract:
    """A parsed OpenAPI document; `operation` is the PATCH by alternate id, which most rules are about.

    `alone`: that is all that the server serves.
    """

    def __init__(self, document: Schema, *, alone: bool = False) -> None:
        self.document = document
        self.alone = alone
        self._judged = dict[tuple[int, str, str], tuple[str, ...]]()
        self._answers = dict[int, Mapping[int, Schema]]()
        self._described_at = lru_cache(maxsize=1024)(self._found_at)
        try:
            self.schemas: Mapping[str, Schema] = document["components"]["schemas"]
            self.operation: Schema = document["paths"][ROUTE]["patch"]
            self.profile = self._shape("UserProfile", self.schemas["UserProfile"], read_only=False)
            self.namespace: str = self.schemas["UserProfile"]["xml"]["namespace"]
        except (KeyError, TypeError) as missing:
            raise UsageError(f"the contract lacks {missing}", hint=f"start from {shipped_contract()}") from missing

    @cached_property
    def responses(self) -> Mapping[int, Schema]:
        """The documented statuses of the PATCH by alternate id, references followed."""
        return self.responses_of(self.operation)

    def responses_of(self, operation: Schema) -> Mapping[int, Schema]:
        """Return the documented statuses of an operation, references followed."""
        known = self._answers.get(id(operation))
        if known is None:
            known = {int(status): self.resolved(response) for status, response in operation["responses"].items()}
            self._answers[id(operation)] = known
        return known

    @cached_property
    def _routes(self) -> Sequence[tuple[list[str], Mapping[str, Schema]]]:
        rows = self.document["paths"].items()
        return [
            (path.lower().split("/")[1:], {m.upper(): v for m, v in row.items() if m in _METHODS}) for path, row in rows
        ]

    def operations_at(self, target: str) -> Mapping[str, Schema]:
        """Return the operations, by method in capitals, that are served where a request target leads to, if any."""
        found = self._described_at(target)
        return {method: one for method, one in found.items() if one is self.operation} if self.alone else found

    def leaves_out(self, method: str, target: str) -> bool:
        """Say whether a request asks for an operation that the contract describes and the server does not serve."""
        return self.alone and self._described_at(target).get(method, self.operation) is not self.operation

    def _found_at(self, target: str) -> Mapping[str, Schema]:
        parts = target.partition("?")[0].lower().rstrip("/").split("/")[1:]
        parts = parts[1:] if parts[:1] == ["profiles"] else parts
        for route, operations in self._routes:
            pairs = zip(route, parts, strict=False)
            if len(route) == len(parts) and all(part if name[:1] == "{" else part == name for name, part in pairs):
                return operations
        return {}

    @cached_property
    def tolerated(self) -> Sequence[Schema]:
        """What a server may accept although the contract doesn't allow it."""
        rows: Sequence[Schema] = self.document.get("x-tolerated", ())
        return rows

    def resolved(self, node: Schema) -> Schema:
        """Follow local references."""
        while "$ref" in node:
            target: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def _shape(self, name: str, schema: Schema, *, read_only: bool) -> Shape:
        target, class_name = schema, name
        nullable = False
        for choice in schema.get("anyOf", (schema,)):
            nullable |= choice.get("type") == "null"
            if "$ref" in choice:
                target, class_name = self.resolved(choice), choice["$ref"].rpartition("/")[2]
        kinds = target["type"] if isinstance(target["type"], list) else [target["type"]]
        kind = next(kind for kind in kinds if kind != "null")
        frozen = read_only or bool(schema.get("readOnly"))
        members = {
            child: self._shape(child, child_schema, read_only=frozen)
            for child, child_schema in target.get("properties", {}).items()
        }
        layout = target.get("x-class-layout", [list(members)])
        serialiser = tuple(child for declared in layout for child in sorted(declared))
        return Shape(
            name=name,
            kind=kind,
            nullable=nullable or "null" in kinds,
            read_only=frozen,
            returned=not schema.get("x-not-returned", False),
            max_length=schema.get("maxLength"),
            default=schema.get("default"),
            xml_name=schema.get("xml", {}).get("name", name),
            class_name=class_name,
            item=self._shape(name, schema["items"], read_only=frozen) if kind == "array" else None,
            members=members,
            page_order=_page_order(serialiser, target.get("x-xml-order", ()), members),
            serialiser_order=serialiser,
        )

    def problems(self, value: Any, schema: Schema, place: str = "") -> Iterator[str]:
        """Yield where a JSON value breaks a schema of the document; sentences hold types and lengths, no values."""
        schema = self.resolved(schema)
        if "anyOf" in schema and all(any(self.problems(value, choice, place)) for choice in schema["anyOf"]):
            yield from _first_relevant(value, [list(self.problems(value, choice, place)) for choice in schema["anyOf"]])
        yield from _scalar_problems(value, schema, place or "/")
        if isinstance(value, dict):
            yield from self._object_problems(value, schema, place)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self.problems(item, schema["items"], f"{place}/{index}")

    def _member_problems(self, value: Any, schema: Schema, place: str) -> Iterable[str]:
        """Return what `problems` finds; kept, since of most answers all members but one are as they were before."""
        key = (id(schema), place, repr(value))
        if (found := self._judged.get(key)) is None:
            if len(self._judged) > _MOST_JUDGED:
                self._judged.clear()
            found = self._judged[key] = tuple(self.problems(value, schema, place))
        return found

    def _object_problems(self, value: Mapping[str, Any], schema: Schema, place: str) -> Iterator[str]:
        properties: Schema = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{place}/{name} is missing"
        rest = schema.get("additionalProperties", True)
        for name, item in value.items():
            if name in properties:
                known = self._member_problems if not place else self.problems
                yield from known(item, properties[name], f"{place}/{name}")
            elif rest is False:
                yield f"{place}/{name} is no member of the contract"
            elif isinstance(rest, Mapping):
                yield from self.problems(item, rest, f"{place}/{name}")


def load_contract(path: Path) -> Contract:
    """Read the OpenAPI document; raise UsageError for one that can't be used."""
    return Contract(load_yaml(path))


def load_yaml(path: Path) -> Any:
    """Read a YAML file, whose content nobody may change; raise UsageError with file and place."""
    try:
        return _parsed(read_bytes(path))
    except yaml.YAMLError as problem:
        raise UsageError(f"not valid YAML: {problem}", place=str(path), hint="mind indentation and quotes") from problem


def read_bytes(path: Path) -> bytes:
    """Read a file; raise UsageError with its place."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise UsageError(f"can't read the file: {problem.strerror}", place=str(path)) from problem


# A run for each dialect reads the same files.
@lru_cache(maxsize=64)
def _parsed(content: bytes) -> Any:
    return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def _page_order(serialiser: Sequence[str], shown: Sequence[str], members: Mapping[str, Shape]) -> tuple[str, ...]:
    """Order members as the page's XML sample does; one that it lacks follows its neighbour in serialiser order."""
    order = list(shown)
    for position, name in enumerate(serialiser):
        if name not in order:
            order.insert(order.index(serialiser[position - 1]) + 1 if position else 0, name)
    return tuple(name for name in order if members[name].returned)


def _first_relevant(value: Any, found: list[list[str]]) -> list[str]:
    """Of the problems under each alternative, return those of the nearest one: null is never the one that was meant."""
    deep = [problems for problems in found if not any("is not null" in problem for problem in problems)]
    return min(deep or found, key=len)


def copied(value: Json) -> Json:
    """Return a copy of a JSON value, much faster than copy.deepcopy does."""
    result: Json = _copied(value)
    return result


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


_TYPES: Mapping[str, Any] = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}


def is_type(value: Any, name: str) -> bool:
    """Tell whether a JSON value has a JSON Schema type; true is no integer, and neither is 1.0."""
    if name == "null":
        return value is None
    return isinstance(value, _TYPES[name]) and (name != "integer" or not isinstance(value, bool))


def _scalar_problems(value: Any, schema: Schema, place: str) -> Iterator[str]:
    if "type" in schema:
        names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(is_type(value, name) for name in names):
            yield f"{place} is {type_name(value)}, it is not {' or '.join(names)}"
            return
    if "const" in schema and value != schema["const"]:
        yield f"{place} is not the one value that the contract allows"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is none of the values that the contract allows"
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{place} has {len(value)} characters, at most {schema['maxLength']} are allowed"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place} does not match {schema['pattern']}"
    if is_type(value, "integer") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place} is out of the contract's range"
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        yield f"{place} has {len(value)} entries, at most {schema['maxItems']} are allowed"


def type_name(value: Any) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    return next((name for name, kind in _TYPES.items() if isinstance(value, kind) and is_type(value, name)), "number")
