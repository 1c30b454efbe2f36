"""The contract's examples: each obeys its schema, and names a profile of the demo."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import jsonpatch
import jsonschema_rs
import pytest
from schemathesis.config import SchemathesisConfig

from tests.data.contract_document import BASE_PROFILE, DOCUMENT, PATCH, PATH, ROOT, resolved, responses, validator


def examples() -> Iterator[tuple[str, str, Any]]:
    """Yield (id, component, value) for every example of a body."""
    bodies = {"request": PATCH["requestBody"], **responses()}
    for name, body in bodies.items():
        for media_type, content in body["content"].items():
            component = content["schema"]["$ref"].rpartition("/")[2]
            for label, example in content.get("examples", {}).items():
                yield f"{name}-{media_type}-{label}", component, resolved(example)["value"]
    yield "demo-profile", "UserProfile", BASE_PROFILE


@pytest.mark.parametrize(("component", "value"), [pytest.param(c, v, id=i) for i, c, v in examples()])
def test_an_example_obeys_its_schema(component: str, value: Any) -> None:
    validator(component).validate(value)


def request_examples() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the operations of every request example, whichever format it is in."""
    for media_type in ("application/json", "application/xml"):
        for label, example in PATCH["requestBody"]["content"][media_type]["examples"].items():
            value = example["value"]
            yield f"{media_type}-{label}", value if isinstance(value, list) else value.get("Operations", [])


@pytest.mark.parametrize("operations", [pytest.param(ops, id=label) for label, ops in request_examples()])
def test_a_request_example_applies_to_the_demo_profile(operations: list[dict[str, Any]]) -> None:
    """Each on a fresh profile, so that no example needs another one to be sent first."""
    profile = jsonpatch.JsonPatch(operations).apply(BASE_PROFILE)
    assert (profile == BASE_PROFILE) is (operations == [])


def test_the_path_examples_name_the_demo_profile() -> None:
    found = {p["name"]: p["example"] for p in map(resolved, DOCUMENT["paths"][PATH]["parameters"])}
    entry = {"AlternateIdType": found["alternateIdType"], "AlternateId": found["alternateId"]}
    assert found["clientId"] == "ACME01"
    assert entry in BASE_PROFILE["AlternateIds"]


def test_generated_tests_are_set_to_the_profile_of_the_examples() -> None:
    """Schemathesis refuses a setting that it doesn't know; random ids would only ever meet 404."""
    settings = ROOT / "contracts" / "schemathesis.toml"
    SchemathesisConfig.from_path(settings)
    values = tomllib.loads(settings.read_text(encoding="utf-8"))
    drawn = {name: values["dictionaries"][draw["dictionary"]]["values"] for name, draw in values["parameters"].items()}
    parameters = DOCUMENT["components"]["parameters"].values()
    assert drawn == {f"path.{parameter['name']}": [parameter["example"]] for parameter in parameters}


@pytest.mark.parametrize("name", list(DOCUMENT["components"]["parameters"]))
def test_a_path_parameter_is_described_and_its_example_obeys_its_schema(name: str) -> None:
    parameter = DOCUMENT["components"]["parameters"][name]
    assert parameter["description"]
    assert jsonschema_rs.is_valid(parameter["schema"], parameter["example"])
