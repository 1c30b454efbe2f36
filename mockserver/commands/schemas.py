"""JSON Schemas of the files that people write, for editors, made from the contract and from what reads the files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mockserver.fixtures.clients import PERMISSIONS
from mockserver.settings import FIELDS
from mockserver.verify.target.targets import TARGET_KEYS

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KINDS: Final[Mapping[str, dict[str, Any]]] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "tuple[str, ...]": {"type": "array", "items": {"type": "string"}},
}
_TEXT: Final = {"type": "string", "minLength": 1}
_TEXTS: Final = {"type": "array", "items": _TEXT}


def schemas(contract: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each schema by the name of what it describes."""
    return {
        "profile": _profile(contract),
        "settings": _table({name: _setting(row) for name, row in FIELDS.items()}),
        "clients": _clients(),
        "targets": _table({"targets": _tables(_table({key: {} for key in sorted(TARGET_KEYS)}))}),
    }


def _table(members: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    shape = {"type": "object", "properties": dict(members), "additionalProperties": False}
    return {**shape, "required": list(required)} if required else shape


def _tables(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": item}


def _setting(row: Any) -> dict[str, Any]:
    extra, schema = row.metadata, {**_KINDS.get(row.type, {"type": "string"}), "description": row.metadata["help"]}
    named = {"choices": "enum", "low": "minimum", "high": "maximum"}
    return schema | {
        word: list(extra[key]) if key == "choices" else extra[key] for key, word in named.items() if key in extra
    }


def _clients() -> dict[str, Any]:
    user = _table({"secret": _TEXT, "previous_secret": _TEXT, "groups": _TEXTS}, ["secret"])
    group = _table({"permissions": {"type": "array", "items": {"enum": list(PERMISSIONS)}}})
    client = {
        "name": _TEXT,
        "default_type": _TEXT,
        "default_locale": _TEXT,
        "signature_window_minutes": {"type": "number", "exclusiveMinimum": 0},
        "groups": _tables(group),
        "users": _tables(user),
        "oauth_clients": _tables(_table({"secret": _TEXT, "users": _TEXTS}, ["secret"])),
    }
    return _table({"clients": _tables(_table(client))}, ["clients"])


def _profile(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contract's profile, in which little must be written; all that it refers to goes along."""
    parts: dict[str, Any] = contract["components"]["schemas"]
    needed: dict[str, Any] = {}
    waiting = ["UserProfile"]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            text = json.dumps(parts[name])
            needed[name] = json.loads(text.replace("#/components/schemas/", "#/$defs/"))
            needed[name].pop("required", None)
            waiting += [other for other in parts if f'"#/components/schemas/{other}"' in text]
    root = needed.pop("UserProfile")
    members = {**root["properties"], "$schema": {"type": "string"}}
    return {
        "$schema": _DIALECT,
        **root,
        "properties": members,
        "required": ["ProfileId", "AlternateIds"],
        "$defs": needed,
    }
