"""The member tree: what the contract says of each member, compiled once at start.

Patching, XML, fixtures and the stories all walk this tree, so the contract stays the only list of members.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from mockserver.errors import UsageError

CLR_NAMESPACE = "ProfileServices.REST.Models"


class Kind(StrEnum):
    """What a member holds."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    OBJECT = "object"
    LIST = "list"

    __hash__ = str.__hash__  # Enum's own is a Python function, and each conversion looks its kind up


# Json.NET leaves bool and long at their CLR defaults and everything else null (library; docs/dialect.md, row C15).
CLR_DEFAULTS: Mapping[Kind, Any] = {Kind.BOOLEAN: False, Kind.INTEGER: 0}


class Member(Struct, frozen=True, eq=False):
    """One node of the tree: the root, a member of an object, or the item of a list."""

    name: str
    kind: Kind
    clr_type: str
    nullable: bool
    empty: Any = None
    default: Any = None
    max_length: int | None = None
    read_only: bool = False
    returned: bool = True
    xml_name: str = ""
    item: Member | None = None
    members: Mapping[str, Member] = {}
    folded: Mapping[str, Member] = {}
    page_order: tuple[Member, ...] = ()
    serialiser_order: tuple[Member, ...] = ()
    template: Mapping[str, Any] = {}
    bounded: bool = False
    weight: int = 0

    def find(self, segment: str) -> Member | None:
        """Return the member of that name, compared as .NET's OrdinalIgnoreCase does.

        All names are ASCII, so a segment with any other letter (a Kelvin sign, a dotless i) never matches.
        """
        return self.members.get(segment) or (self.folded.get(segment.lower()) if segment.isascii() else None)


class MemberTree(Struct, frozen=True):
    """The compiled contract: the profile's root member, the XML names around it, and the other requests' documents."""

    root: Member
    xml_namespace: str
    documents: Mapping[str, Member] = {}

    @property
    def empty_defaults(self) -> Mapping[str, Any]:
        """The profile's members without a value, as the typed resource prints them."""
        return self.root.template

    def paths(self) -> Iterator[str]:
        """Yield every member as a JSON Pointer, with `*` for a list's index."""
        yield from _paths(self.root, "")


def _paths(member: Member, prefix: str) -> Iterator[str]:
    for child in member.members.values():
        here = f"{prefix}/{child.name}"
        yield here
        if child.item is not None:
            yield f"{here}/*"
            yield from _paths(child.item, f"{here}/*")
        yield from _paths(child, here)


_DOCUMENTS = ("UserProfile", "ReasonCode", "CreateCustomerConsentList")


def compile_members(contract: Mapping[str, Any]) -> MemberTree:
    """Build the tree from a parsed OpenAPI document; raise UsageError where the document says too little."""
    try:
        schemas = contract["components"]["schemas"]
        namespace = schemas["UserProfile"]["xml"]["namespace"]
        named = [name for name in _DOCUMENTS if name in schemas]
        compiled = {name: _compile(name, schemas[name], schemas, read_only=False) for name in named}
        return MemberTree(compiled["UserProfile"], namespace, compiled)
    except (KeyError, TypeError) as missing:
        raise UsageError(
            f"the contract has no usable schema for the profile: {missing} is missing",
            hint="it must define components.schemas.UserProfile",
        ) from missing


def _compile(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], *, read_only: bool) -> Member:
    reference = _reference(schema)
    target = schemas[reference] if reference else schema
    types = target["type"] if isinstance(target["type"], list) else [target["type"]]
    kind = Kind.LIST if "array" in types else Kind(next(t for t in types if t != "null"))
    frozen = read_only or bool(schema.get("readOnly"))
    if kind is Kind.LIST:
        return _list_member(name, schema, schemas, read_only=frozen)
    if kind is Kind.OBJECT:
        return _object_member(name, reference or name, schema, target, schemas, read_only=frozen)
    return Member(
        name=name,
        kind=kind,
        clr_type={Kind.STRING: "System.String", Kind.BOOLEAN: "System.Boolean"}.get(kind, "System.Int64"),
        nullable="null" in types,
        empty=CLR_DEFAULTS.get(kind),
        default=schema.get("default", CLR_DEFAULTS.get(kind)),
        max_length=schema.get("maxLength"),
        read_only=frozen,
        returned=not schema.get("x-not-returned", False),
        xml_name=schema.get("xml", {}).get("name", name),
        bounded="maxLength" in schema,
    )


def _reference(schema: Mapping[str, Any]) -> str | None:
    for option in (schema, *schema.get("anyOf", ())):
        if "$ref" in option:
            return str(option["$ref"]).rsplit("/", 1)[-1]
    return None


def _list_member(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], *, read_only: bool) -> Member:
    item_name = _reference(schema["items"]) or "item"
    item = _compile(item_name, schema["items"], schemas, read_only=read_only)
    clr = f"System.Collections.Generic.List`1[{item.clr_type}]"
    return Member(
        name=name,
        kind=Kind.LIST,
        clr_type=clr,
        nullable=True,
        item=item,
        read_only=read_only,
        xml_name=name,
        bounded=item.bounded,
    )


def _object_member(
    name: str,
    class_name: str,
    schema: Mapping[str, Any],
    target: Mapping[str, Any],
    schemas: Mapping[str, Any],
    *,
    read_only: bool,
) -> Member:
    members = {
        child: _compile(child, child_schema, schemas, read_only=read_only)
        for child, child_schema in target["properties"].items()
    }
    serialiser = _serialiser_order(members, target.get("x-class-layout") or [list(members)])
    template = {child: member.empty for child, member in members.items() if member.returned}
    return Member(
        name=name,
        kind=Kind.OBJECT,
        clr_type=f"{CLR_NAMESPACE}.{class_name}",
        nullable=True,
        read_only=read_only,
        returned=not schema.get("x-not-returned", False),
        xml_name=schema.get("xml", {}).get("name", name),
        members=members,
        folded={child.lower(): member for child, member in members.items()},
        page_order=_page_order(serialiser, target.get("x-xml-order", ())),
        serialiser_order=serialiser,
        template=template,
        weight=len(json.dumps(template)),
        bounded=any(member.bounded for member in members.values()),
    )


def _serialiser_order(members: Mapping[str, Member], layout: Sequence[Sequence[str]]) -> tuple[Member, ...]:
    """Order members as DataContractSerializer does: base class first, ordinal order within a class (library)."""
    return tuple(members[name] for declared in layout for name in sorted(declared))


def _page_order(serialiser: tuple[Member, ...], shown: Sequence[str]) -> tuple[Member, ...]:
    """Order members as the page's sample shows them; one that it lacks follows its neighbour in serialiser order."""
    order = list(shown)
    before = ""
    for member in serialiser:
        if member.name not in order:
            order.insert(order.index(before) + 1 if before else 0, member.name)
        before = member.name
    by_name = {member.name: member for member in serialiser}
    return tuple(by_name[name] for name in order if by_name[name].returned)


def member_at(path: str, root: Member) -> Member | None:
    """Return the member that a path names, list indices being any segment; None if there is none."""
    member: Member | None = root
    for segment in path.split("/"):
        if segment and member is not None:
            member = member.item or member.find(segment.replace("~1", "/").replace("~0", "~"))
    return member
