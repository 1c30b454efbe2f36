"""The naive view behind Connexion, which routes and validates by the same contract; signatures pass unchecked."""

from __future__ import annotations

import sys
from typing import Any

import connexion
import jsonpatch
import yaml
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver

from mockserver.settings import Settings
from tools.bench.apps.naive import profiles


def patch_profile(**parts: Any) -> Any:
    """Apply the patch to a copy, keep it, return it."""
    key = parts["clientId"], parts["alternateIdType"], parts["alternateId"]
    profiles[key] = jsonpatch.apply_patch(profiles[key], parts["body"])
    return profiles[key], 200, {"Content-Type": "application/json"}


def contract() -> dict[str, Any]:
    """Return the mock's contract in OpenAPI 3.0, which Connexion knows, without the security that it can't check."""
    document: dict[str, Any] = _as_3_0(yaml.safe_load(Settings().contract.read_bytes()))
    document["openapi"] = "3.0.3"
    del document["security"], document["components"]["securitySchemes"]
    del document["info"]["summary"], document["info"]["license"]["identifier"]
    return document


def _as_3_0(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    older = {name: _as_3_0(value) for name, value in node.items()}
    if isinstance(older.get("type"), list):
        older |= {"type": next(kind for kind in older["type"] if kind != "null"), "nullable": True}
    if older.get("type") == "null":
        return {"nullable": True, "enum": [None]}
    if "const" in older:
        older["enum"] = [older.pop("const")]
    return older


def make_app() -> Any:
    """Return the ASGI application."""
    app = connexion.FlaskApp(__name__, swagger_ui_options=SwaggerUIOptions(swagger_ui=False))
    app.add_api(contract(), resolver=Resolver(lambda operation: patch_profile), pythonic_params=False)
    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(make_app(), port=int(sys.argv[1]), log_level="warning")
