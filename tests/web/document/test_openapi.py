"""The control surface's OpenAPI document: valid, nothing in it unused, and stricter than what it is held against."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from flask import Flask, Response
from openapi_spec_validator import validate

from mockserver.package import shipped
from mockserver.service.assembly import load_contract
from mockserver.web.guard import _PARAMETERS
from tests.web.document.answers import document, problems

HEALTH = {"status": "healthy", "message": "", "version": "1", "uptimeInSeconds": 1.5, "timestamp": "2026-01-31T12:00Z"}


def test_the_document_is_valid_openapi() -> None:
    validate(document())


def test_every_call_has_a_name_of_its_own() -> None:
    """By which generated clients call it."""
    names = [operation["operationId"] for path in document()["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_every_query_parameter_that_is_read_is_in_the_document() -> None:
    parameters = document()["components"]["parameters"].values()
    assert {row["name"] for row in parameters if row["in"] == "query"} == set(_PARAMETERS)


def test_nothing_stands_there_unused() -> None:
    """But for the schemas of the vendor's API, which come whole."""
    text = orjson.dumps(document()).decode()
    used = set(re.findall(r'"#/components/\w+/(\w+)"', text))
    own = load_contract(shipped("contracts") / "control-surface.yaml")["components"]
    assert own["schemas"].keys() | own["parameters"].keys() <= used


@pytest.mark.parametrize(
    ("answered", "wrong"),
    [
        pytest.param(HEALTH, "", id="as-it-is"),
        pytest.param({**HEALTH, "more": 1}, "more", id="a-member-that-is-not-named"),
        pytest.param({**HEALTH, "version": 1}, "version", id="another-type"),
        pytest.param({"status": "healthy"}, "message", id="a-member-that-is-missing"),
    ],
)
def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch, answered: dict[str, Any], wrong: str) -> None:
    monkeypatch.undo()  # so that the answer comes here first
    app = Flask("wrong")
    app.add_url_rule("/__admin/health", view_func=lambda: Response(orjson.dumps(answered), mimetype="application/json"))
    found = problems(app.test_client().get("/__admin/health"))
    assert bool(found) == bool(wrong)
    assert wrong in "".join(found)
