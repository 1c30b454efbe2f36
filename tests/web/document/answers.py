"""The control surface's own OpenAPI document, and whether answers and bodies are as it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from jsonschema_rs import Draft202012Validator
from werkzeug.test import TestResponse

from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app


@cache
def document() -> dict[str, Any]:
    """Return the document as it is served."""
    served = create_app(assemble(Settings(log="off"))).test_client().get("/__admin/openapi.json")
    return orjson.loads(served.data)  # type: ignore[no-any-return]


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    """Return each path as a pattern, plain words before names in braces; an alternate id may hold a slash."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), -len(path)))
    patterns = (re.sub(r"\\{(\w+)\\}", r"[^/]+", re.escape(path)) for path in paths)
    return [(re.compile(pattern), path) for pattern, path in zip(patterns, paths, strict=True)]


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """Return the path of the document that a request is for, and the operation; None if there is nothing like it."""
    for pattern, known in _routes():
        operation = document()["paths"][known].get(method.lower())
        if operation is not None and pattern.fullmatch(path):
            return known, operation
    return None


def problems(answer: TestResponse) -> list[str]:
    """Return in what an answer, and a body that was taken, differ from the document."""
    sent = answer.request
    found = operation_of(sent.method, sent.path)
    if found is None or answer.status_code in (302, 304):
        return []
    _, operation = found
    responses = operation["responses"]
    described = _resolved(responses.get(str(answer.status_code), responses["default"]))
    wrong = []
    if answer.mimetype not in described["content"] and "*/*" not in described["content"]:
        wrong.append(f"{answer.mimetype} is none of {', '.join(described['content'])}")
    elif answer.mimetype == "application/json":
        wrong += _errors(described["content"][answer.mimetype]["schema"], answer.data, closed=True)
    body = _body(answer)
    if body and answer.status_code < 300:
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        wrong += ["a body was taken that the document lacks"] if schema is None else _errors(schema, body)
    return [f"{sent.method} {sent.path} -> {answer.status_code}: {text}" for text in wrong]


def _body(answer: TestResponse) -> bytes:
    stream = answer.request.environ["wsgi.input"]
    stream.seek(0)
    return stream.read()  # type: ignore[no-any-return]


def _errors(schema: Mapping[str, Any], data: bytes, *, closed: bool = False) -> list[str]:
    """Return what is wrong; of several forms that an answer may have, by the one that comes nearest."""
    if "oneOf" in schema:
        return min((_errors(form, data, closed=closed) for form in schema["oneOf"]), key=len)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in _validator(orjson.dumps(schema), closed).iter_errors(orjson.loads(data))
    ]


@cache
def _validator(schema: bytes, closed: bool) -> Draft202012Validator:
    named, whole = document()["components"]["schemas"], orjson.loads(schema)
    if closed:
        named, whole = {name: _closed(one, part=True) for name, one in named.items()}, _closed(whole)
    return Draft202012Validator({**whole, "components": {"schemas": named}})


def _closed(schema: Any, *, part: bool = False) -> Any:
    """Return a schema without room for members that it doesn't name; where it is part of another, the other says so."""
    if isinstance(schema, list):
        return [_closed(one, part=part) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    copy = {name: _closed(value, part=name == "allOf") for name, value in schema.items()}
    names_members = isinstance(schema.get("properties"), Mapping) or "allOf" in schema or "$ref" in schema
    open_by_name = "additionalProperties" in _resolved(schema)
    return {**copy, "unevaluatedProperties": False} if names_members and not part and not open_by_name else copy


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference names."""
    if "$ref" not in schema:
        return schema
    found: Any = document()
    for name in schema["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found  # type: ignore[no-any-return]
