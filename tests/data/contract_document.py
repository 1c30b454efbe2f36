"""The contract as a document: its schemas, its responses and the places in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "contracts" / "openapi.yaml"

VECTORS = ROOT / "tests" / "vectors"

DOCUMENT: dict[str, Any] = yaml.load(CONTRACT.read_text(encoding="utf-8"), yaml.CSafeLoader)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
PATH = "/{clientId}/Profile/AlternateIdType/{alternateIdType}/AlternateId/{alternateId}"
PATCH: dict[str, Any] = DOCUMENT["paths"][PATH]["patch"]

MEDIA_TYPES = {"application/json", "text/json", "application/json-patch+json", "application/xml", "text/xml"}
WRITTEN = [branch["$ref"].rpartition("/")[2] for branch in SCHEMAS["Operation"]["anyOf"]]
RESOURCES = {name: schema for name, schema in SCHEMAS.items() if "x-xml-order" in schema}
XML_NAMESPACE = SCHEMAS["UserProfile"]["xml"]["namespace"]


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


BASE_PROFILE: dict[str, Any] = vector("base_profile.json")


def validator(name: str) -> jsonschema_rs.Validator:
    """Return a validator for one component, with every other one in reach."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = {"$schema": dialect, "$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema_rs.validator_for(schema)


OPERATION, BRANCHES = validator("Operation"), {name: validator(name) for name in WRITTEN}


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """Return what a local reference points to, or the node itself."""
    while "$ref" in node:
        target: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def responses() -> dict[str, dict[str, Any]]:
    return {status: resolved(response) for status, response in PATCH["responses"].items()}


def nodes(node: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping of the document with its place."""
    children: Any = ()
    if isinstance(node, dict):
        yield place, node
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    for key, child in children:
        yield from nodes(child, f"{place}/{key}")


def pointers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every place of a profile but the root, with its value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield f"{path}/{key}", child
        yield from pointers(child, f"{path}/{key}")


def component_of(schema: dict[str, Any]) -> str | None:
    """Return the object that a member's schema points to, through a collection if it is one."""
    choices = schema.get("items", schema).get("anyOf", [])
    return next((choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice), None)
