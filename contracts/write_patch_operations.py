"""Write the operations of `openapi.yaml` from its UserProfile schema: one closed schema for each kind of operation.

Flat, closed schemas let a generator of test cases see which value belongs to which path; nobody should type them.

Run it after a change to UserProfile: `python contracts/write_patch_operations.py`; `--check` says whether it is due.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

CONTRACT = Path(__file__).with_name("openapi.yaml")
BEGIN = "    # BEGIN operations: written from UserProfile by contracts/write_patch_operations.py, don't edit\n"
END = "    # END operations\n"

# The name in XML is the page's: its body parameter is a collection of OperationOfUserProfile.
UNION = """\
    Operation:
      description: One operation. Each of these closed forms says which op, path and value go together.
      xml: {name: OperationOfUserProfile}
      anyOf:
"""

Schema = Mapping[str, Any]

# 0 to 999: a document holds a thousand operations, so no collection needs a longer index to be built by one.
INDEX = "(0|[1-9][0-9]{0,2})"
# What a value must look like; everything else in a member's schema describes the member (its name in XML, its default).
VALUE_KEYWORDS = ("type", "format", "minimum", "maximum", "maxLength", "anyOf", "items")
KINDS = {"string": ("Text", "a text member"), "boolean": ("Flag", "a flag"), "integer": ("Number", "a number")}


@dataclass(frozen=True)
class Branch:
    """One kind of operation; `value` is None where an operation has no value."""

    name: str
    description: str
    ops: tuple[str, ...]
    path: Schema
    value: Schema | None = None

    def schema(self) -> dict[str, Any]:
        """Return the closed schema of the operation."""
        op = {"const": self.ops[0]} if len(self.ops) == 1 else {"enum": list(self.ops)}
        properties: dict[str, Any] = {"op": {"type": "string", **op}, "path": {"type": "string", **self.path}}
        if self.value is not None:
            properties["value"] = self.value
        return {
            "type": "object",
            "description": self.description,
            "required": list(properties),
            "additionalProperties": False,
            "properties": properties,
        }


@dataclass(frozen=True)
class Place:
    """Paths that lead to members of one type; `pattern` matches them, `paths` lists them if they are finite."""

    name: str
    label: str
    pattern: str
    paths: tuple[str, ...]
    value: Schema

    def path(self) -> dict[str, Any]:
        """Return the schema of the paths: a constant, a list or, below an index, a pattern."""
        if len(self.paths) == 1:
            return {"const": self.paths[0]}
        return {"enum": list(self.paths)} if self.paths else {"pattern": f"^{self.pattern}$"}


@dataclass(frozen=True)
class Operations:
    """Derive every operation that the contract allows from the object schemas."""

    schemas: Mapping[str, Schema]

    def branches(self) -> list[Branch]:
        """Return the branches in the order of UserProfile's members, removes last."""
        members: Mapping[str, Schema] = self.schemas["UserProfile"]["properties"]
        writable = {name: schema for name, schema in members.items() if not schema.get("readOnly")}
        branches = [branch for name in members for branch in self._branches(name, members[name], name in writable)]
        branches += self._removes(writable)
        names = [branch.name for branch in branches]
        if doubled := {name for name in names if names.count(name) > 1 or name in self.schemas}:
            raise SystemExit(f"more than one schema would be called {', '.join(sorted(doubled))}: rename one")
        return branches

    def _branches(self, name: str, schema: Schema, writable: bool) -> Iterator[Branch]:
        for place in self._places(name, f"/{name}", schema):
            if not writable:
                does = f"Compare {place.label}, which is read-only."
                yield Branch(f"Test{place.name}", does, ("test",), place.path(), place.value)
                continue
            does = f"{'Insert, set' if place.name.endswith('Entry') else 'Set'} or compare {place.label}."
            yield Branch(f"Set{place.name}", does, ("add", "replace", "test"), place.path(), place.value)
            if item := item_of(place.value):
                append = {"const": f"{place.paths[0]}/-"} if place.paths else {"pattern": f"^{place.pattern}/-$"}
                yield Branch(f"Append{place.name}", f"Append an entry to {place.label}.", ("add",), append, item)

    def _places(self, name: str, path: str, schema: Schema) -> Iterator[Place]:
        """Yield the member itself, then, if it is an object or a collection, what lies in it."""
        indexed = INDEX in path
        label = name_of(path)
        yield Place(name, label, path, () if indexed else (path,), value_of(schema))
        if item := item_of(schema):
            yield from self._places(f"{name}Entry", f"{path}/{INDEX}", item)
        else:
            yield from self._members(name, path, self._object(schema))

    def _members(self, name: str, path: str, members: Mapping[str, Schema]) -> Iterator[Place]:
        """Yield nested objects and then scalar members, those of one type together."""
        groups: dict[str, list[str]] = {}
        for member, schema in members.items():
            if kind_of(schema) in KINDS:
                groups.setdefault(json.dumps(value_of(schema)), []).append(member)
            else:
                yield from self._places(f"{name}{member}", f"{path}/{member}", schema)
        taken: set[str] = set()
        for value, names in groups.items():
            place = scalars(name, path, names, json.loads(value))
            # Two types of one kind (a text, and a text with a limit): the second is named after its members.
            yield place if place.name not in taken else replace(place, name=name + "".join(names))
            taken.add(place.name)

    def _object(self, schema: Schema) -> Mapping[str, Schema]:
        """Return the members of the object that the schema points to; none for a scalar."""
        for choice in schema.get("anyOf", ()):
            if "$ref" in choice:
                members: Mapping[str, Schema] = self.schemas[choice["$ref"].rpartition("/")[2]]["properties"]
                return members
        return {}

    def _removes(self, writable: Mapping[str, Schema]) -> Iterator[Branch]:
        collections = {name: item for name, schema in writable.items() if (item := item_of(schema))}
        plain = {name: schema for name, schema in writable.items() if name not in collections}
        paths = [path for name in plain for path in (f"/{name}", *(f"/{name}/{m}" for m in self._object(plain[name])))]
        yield Branch("RemoveMember", "Clear a member.", ("remove",), {"enum": paths})
        whole = [f"/{name}" for name in collections]
        yield Branch("RemoveCollection", "Clear a collection whole.", ("remove",), {"enum": whole})
        for name, item in collections.items():
            entry, members = f"/{name}/{INDEX}", "|".join(map(re.escape, self._object(item)))
            taking, clearing = {"pattern": f"^{entry}$"}, {"pattern": f"^{entry}/({members})$"}
            yield Branch(f"Remove{name}Entry", f"Take one entry out of {name}.", ("remove",), taking)
            yield Branch(f"Remove{name}EntryMember", f"Clear a member of one entry of {name}.", ("remove",), clearing)


def scalars(name: str, path: str, members: Sequence[str], value: Schema) -> Place:
    """Return the place of an object's members of one type; below an index only a pattern can name it."""
    kind, words = KINDS[kind_of(value)]
    paths = () if INDEX in path else tuple(f"{path}/{member}" for member in members)
    pattern = f"{path}/({'|'.join(map(re.escape, members))})"
    return Place(f"{name}{kind}", f"{words} of {name_of(path)}", pattern, paths, value)


def kind_of(schema: Schema) -> str:
    """Return the JSON type of a member, null aside; an object's is empty, as it is a reference."""
    kind = schema.get("type", "")
    return kind if isinstance(kind, str) else next(name for name in kind if name != "null")


def item_of(schema: Schema) -> Schema | None:
    """Return the schema of a collection's entries, None if the schema is no collection's."""
    return value_of(schema["items"]) if "items" in schema else None


def value_of(schema: Schema) -> dict[str, Any]:
    """Return what the schema asks of a value; a collection keeps the mark that it is wrapped in XML."""
    value = {keyword: schema[keyword] for keyword in VALUE_KEYWORDS if keyword in schema}
    return {**value, "xml": {"wrapped": True}} if "items" in value else value


def name_of(path: str) -> str:
    """Return a path in words: `/Emails/INDEX/IsActive` is "IsActive of one entry of Emails"."""
    words = ["one entry" if part == INDEX else part for part in path[1:].split("/")]
    return " of ".join(reversed(words))


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).removesuffix("\n...\n").strip()


def component(name: str, schema: Schema) -> str:
    """Return a schema as a YAML component, a keyword on each line."""
    lines = [f"    {name}:"]
    for keyword, value in schema.items():
        if keyword == "properties":
            lines += ["      properties:", *(f"        {member}: {flow(value[member])}" for member in value)]
        else:
            lines.append(f"      {keyword}: {flow(value)}")
    return "\n".join(lines) + "\n"


def operations_yaml(branches: Sequence[Branch]) -> str:
    """Return the block between the markers: the union, then the schemas that it joins."""
    names = "".join(f'        - {{$ref: "#/components/schemas/{branch.name}"}}\n' for branch in branches)
    return UNION + names + "".join(component(branch.name, branch.schema()) for branch in branches)


def rewritten(text: str) -> str:
    """Return the contract with its operations written anew.

    Raises SystemExit if a marker is missing.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"the contract must hold the lines {BEGIN.strip()!r} and {END.strip()!r}")
    schemas = yaml.safe_load(head + tail)["components"]["schemas"]
    return head + BEGIN + operations_yaml(Operations(schemas).branches()) + END + tail


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the contract, or with `--check` exit 1 if that would change it."""
    parser = argparse.ArgumentParser(description="Write the operations of openapi.yaml from its UserProfile schema.")
    parser.add_argument("--check", action="store_true", help="only say whether the operations are up to date")
    parser.add_argument("--contract", type=Path, default=CONTRACT, help="the contract (default: beside this script)")
    options = parser.parse_args(arguments)
    text = options.contract.read_text(encoding="utf-8")
    if text == (new := rewritten(text)):
        return 0
    if options.check:
        stale = "the operations don't match UserProfile; write them: python contracts/write_patch_operations.py"
        print(f"{options.contract}: {stale}", file=sys.stderr)
        return 1
    options.contract.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
