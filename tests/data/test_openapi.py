"""The contract says what the vendor's page says, hangs together, and its written operations follow from its schemas."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonpatch
import jsonschema_rs
import pytest
import yaml
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "contracts" / "openapi.yaml"
WRITER = ROOT / "contracts" / "write_operations.py"
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


def write_operations(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(WRITER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)


def test_every_object_is_closed() -> None:
    open_objects = [
        place
        for place, node in nodes(DOCUMENT["components"]["schemas"])
        if node.get("type") == "object" and "properties" in node and node.get("additionalProperties") is not False
    ]
    assert open_objects == []


def test_every_schema_and_every_member_is_described() -> None:
    undescribed = [name for name, schema in SCHEMAS.items() if not schema.get("description")]
    for name in SCHEMAS.keys() - set(WRITTEN):
        for place, node in nodes(SCHEMAS[name], name):
            members = node.get("properties", {}) if isinstance(node.get("properties"), dict) else {}
            undescribed += [f"{place}/{member}" for member, schema in members.items() if not schema.get("description")]
    assert undescribed == []


def test_every_statement_that_is_not_the_pages_says_where_it_comes_from() -> None:
    notes = [(place, node["x-provenance"]) for place, node in nodes(DOCUMENT) if "x-provenance" in node]
    assert {place for place, note in notes if note.keys() != {"mark", "note"}} == set()
    assert {note["mark"] for _, note in notes} == {"documented", "library", "assumed"}
    assert {"404", "415"} <= {status for status, response in responses().items() if "x-provenance" in response}


def test_a_profile_has_the_members_of_the_pages_json_sample_in_its_order() -> None:
    sample = vector("page_response.json")

    def compare(name: str, value: dict[str, Any]) -> None:
        properties = SCHEMAS[name]["properties"]
        returned = [member for member, schema in properties.items() if not schema.get("x-not-returned")]
        assert returned == list(value), name
        assert sorted(SCHEMAS[name]["required"]) == sorted(returned), name
        for member, child in value.items():
            kind = {str: "string", bool: "boolean", int: "integer", list: "array"}.get(type(child))
            assert kind is None or kind in [properties[member]["type"], *properties[member]["type"]], f"{name}/{member}"
            for entry in child if isinstance(child, list) else [child] if isinstance(child, dict) else []:
                compare(component_of(properties[member]) or "", entry)

    compare("UserProfile", sample)


def test_a_profile_has_the_elements_of_the_pages_xml_sample_in_its_order() -> None:
    root = ElementTree.parse(VECTORS / "page_response.xml").getroot()

    def compare(name: str, element: ElementTree.Element) -> None:
        properties = SCHEMAS[name]["properties"]
        members = SCHEMAS[name]["x-xml-order"]
        expected = [properties[member].get("xml", {}).get("name", member) for member in members]
        assert [child.tag for child in element] == [f"{{{XML_NAMESPACE}}}{tag}" for tag in expected], name
        for member, child in zip(members, element, strict=True):
            if (component := component_of(properties[member])) is None:
                continue
            entries = list(child) if "items" in properties[member] else [child]
            for entry in entries:
                assert "items" not in properties[member] or entry.tag == f"{{{XML_NAMESPACE}}}{component}"
                compare(component, entry)

    assert root.tag == f"{{{XML_NAMESPACE}}}{SCHEMAS['UserProfile']['xml']['name']}"
    compare("UserProfile", root)


@pytest.mark.parametrize("name", [name for name in RESOURCES if "x-class-layout" in RESOURCES[name]])
def test_a_class_layout_names_every_member_once(name: str) -> None:
    assert sorted(itertools.chain(*SCHEMAS[name]["x-class-layout"])) == sorted(SCHEMAS[name]["properties"])


@pytest.mark.parametrize("name", list(RESOURCES))
def test_a_collection_names_its_entries_after_their_class(name: str) -> None:
    collections = [schema for schema in SCHEMAS[name]["properties"].values() if "items" in schema]
    assert [schema["xml"] for schema in collections] == [{"wrapped": True}] * len(collections)
    assert [schema["items"]["xml"]["name"] for schema in collections] == [component_of(c) for c in collections]


def test_the_xml_request_is_the_pages_document() -> None:
    root = ElementTree.parse(VECTORS / "page_request.xml").getroot()
    schema = SCHEMAS["XmlPatchDocument"]
    resolver = schema["properties"]["ContractResolver"]["properties"]["nil"]["xml"]
    assert root.tag == f"{{{schema['xml']['namespace']}}}{schema['xml']['name']}"
    assert [child.tag for child in root] == [f"{{{schema['xml']['namespace']}}}ContractResolver"]
    assert [child.attrib for child in root] == [{f"{{{resolver['namespace']}}}nil": "true"}]
    assert "required" not in schema


def test_the_json_request_is_a_list_of_the_pages_operations() -> None:
    sample = vector("page_request.json")
    assert SCHEMAS["JsonPatchDocument"]["type"] == "array"
    assert all(set(sample[0]) <= set(SCHEMAS[name]["properties"]) for name in WRITTEN)


@pytest.mark.parametrize(
    ("member", "keyword", "value"),
    [
        ("ReasonCode", "maxLength", 256),
        ("CustomerType", "maxLength", 100),
        ("DefaultLocale", "maxLength", 15),
        ("RegistrationConfirmed", "default", False),
        ("PreservePreferences", "default", True),
        ("ReasonCode", "x-not-returned", True),
    ],
)
def test_the_pages_limits_and_defaults_are_in_the_contract(member: str, keyword: str, value: Any) -> None:
    assert SCHEMAS["UserProfile"]["properties"][member][keyword] == value


def test_exactly_the_pages_read_only_members_are_read_only() -> None:
    members = SCHEMAS["UserProfile"]["properties"]
    assert {m for m in members if members[m].get("readOnly")} == {"ProfileId", "Edited", "Consents", "ReasonCode"}


def test_requests_and_the_answers_come_in_the_five_media_types() -> None:
    contents = {"request": PATCH["requestBody"]["content"], **{s: r["content"] for s, r in responses().items()}}
    assert {name: set(content) for name, content in contents.items()} == dict.fromkeys(contents, MEDIA_TYPES)
    assert set(responses()) == {"200", "400", "401", "403", "500"} | {"404", "415"}


def test_every_answer_forbids_caching_and_only_401_asks_for_credentials() -> None:
    cache = {"Cache-Control", "Pragma", "Expires"}
    expected = {status: cache | ({"WWW-Authenticate"} if status == "401" else set()) for status in responses()}
    assert {status: set(response["headers"]) for status, response in responses().items()} == expected


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


def test_the_operations_are_up_to_date() -> None:
    result = write_operations("--check")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("member", "path"),
    [
        pytest.param('{type: [string, "null"], description: Its colour.}', "(Name|Colour)", id="of-a-known-type"),
        pytest.param("{type: string, maxLength: 9, description: Its colour.}", "(Colour)", id="of-a-new-type"),
    ],
)
def test_a_stale_contract_is_refused_with_the_command_that_helps(tmp_path: Path, member: str, path: str) -> None:
    """A new member of an entry changes the operations, until they are written again."""
    stale = tmp_path / "openapi.yaml"
    tag = """        Name: {type: [string, "null"], description: The label's text.}\n"""
    text = CONTRACT.read_text(encoding="utf-8")
    assert tag in text
    stale.write_text(text.replace(tag, f"{tag}        Colour: {member}\n"), encoding="utf-8")
    arguments = ("--contract", str(stale))

    refused = write_operations("--check", *arguments)
    assert refused.returncode == 1
    assert "python contracts/write_operations.py" in refused.stderr
    assert path not in stale.read_text(encoding="utf-8")

    assert write_operations(*arguments).returncode == 0
    assert write_operations("--check", *arguments).returncode == 0
    assert path in stale.read_text(encoding="utf-8")


def test_a_contract_without_the_markers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openapi.yaml").write_text("openapi: 3.1.0\n", encoding="utf-8")
    refused = write_operations("--check", "--contract", str(tmp_path / "openapi.yaml"))
    assert refused.returncode != 0
    assert "must hold the lines" in refused.stderr


@pytest.mark.parametrize(("path", "value"), [pytest.param(*place, id=place[0]) for place in pointers(BASE_PROFILE)])
def test_every_place_of_a_profile_takes_exactly_the_operations_that_its_members_allow(path: str, value: Any) -> None:
    """One schema, never two, for each operation; a read-only member can only be compared."""
    top = SCHEMAS["UserProfile"]["properties"][path.split("/")[1]]
    allowed = {"test"} if top.get("readOnly") else {"add", "replace", "remove", "test"}
    for op in ("add", "replace", "remove", "test", "move", "copy"):
        operation = {"op": op, "path": path} if op == "remove" else {"op": op, "path": path, "value": value}
        matching = [name for name, branch in BRANCHES.items() if branch.is_valid(operation)]
        assert len(matching) == (op in allowed), (op, matching)


EMAIL, GROUP, CONSENT = (BASE_PROFILE[name][0] for name in ("Emails", "Groups", "Consents"))
NUMBER = "/PhoneNumbers/0/PhoneNumberNumeric"

ALLOWED: dict[str, dict[str, Any]] = {
    "append": {"op": "add", "path": "/Emails/-", "value": EMAIL},
    "insert": {"op": "add", "path": "/Emails/0", "value": EMAIL},
    "last-index": {"op": "replace", "path": "/Emails/999/IsActive", "value": True},
    "longest-text": {"op": "replace", "path": "/CustomerType", "value": "x" * 100},
    "null-text": {"op": "replace", "path": "/CustomerType", "value": None},
    "largest-number": {"op": "replace", "path": NUMBER, "value": 2**63 - 1},
    "test-not-returned": {"op": "test", "path": "/ReasonCode", "value": None},
}
REFUSED: dict[str, dict[str, Any]] = {
    "index-too-large": {"op": "replace", "path": "/Emails/1000/IsActive", "value": True},
    "unknown-member": {"op": "replace", "path": "/Nickname", "value": "Z"},
    "unknown-member-of-entry": {"op": "replace", "path": "/Emails/0/Nickname", "value": "Z"},
    "whole-profile": {"op": "replace", "path": "", "value": BASE_PROFILE},
    "entry-of-other-collection": {"op": "add", "path": "/Emails/-", "value": GROUP},
    "null-flag": {"op": "replace", "path": "/IsActive", "value": None},
    "text-too-long": {"op": "replace", "path": "/CustomerType", "value": "x" * 101},
    "locale-too-long": {"op": "replace", "path": "/DefaultLocale", "value": "x" * 16},
    "number-too-large": {"op": "replace", "path": NUMBER, "value": 2**63},
    "append-read-only": {"op": "add", "path": "/Consents/-", "value": CONSENT},
    "remove-read-only": {"op": "remove", "path": "/ProfileId"},
    "set-below-read-only": {"op": "replace", "path": "/Edited/ModifiedBy", "value": "me"},
    "set-not-returned": {"op": "add", "path": "/ReasonCode", "value": "moved"},
    "move": {"op": "move", "from": "/CustomerType", "path": "/DefaultLocale"},
    "copy": {"op": "copy", "from": "/CustomerType", "path": "/DefaultLocale"},
}


@pytest.mark.parametrize("name", list(ALLOWED))
def test_the_contract_allows(name: str) -> None:
    assert OPERATION.is_valid(ALLOWED[name])


@pytest.mark.parametrize("name", list(REFUSED))
def test_the_contract_refuses(name: str) -> None:
    assert not OPERATION.is_valid(REFUSED[name])


@pytest.mark.parametrize(("length", "valid"), [(0, True), (1000, True), (1001, False)])
def test_a_document_holds_up_to_a_thousand_operations(length: int, valid: bool) -> None:
    document = [{"op": "test", "path": "/IsActive", "value": True}] * length
    assert validator("JsonPatchDocument").is_valid(document) is valid


TOLERATED = {row["id"]: row for row in DOCUMENT["x-tolerated"]}


@pytest.mark.parametrize("name", list(TOLERATED))
def test_a_tolerance_is_one_because_the_contract_does_not_allow_it(name: str) -> None:
    row = TOLERATED[name]
    assert row.keys() in ({"id", "accepts", "status", "operations"}, {"id", "accepts", "status", "body"})
    assert row["status"] == 200
    assert [operation for operation in row.get("operations", []) if OPERATION.is_valid(operation)] == []


@pytest.mark.parametrize("name", [name for name, row in TOLERATED.items() if "body" in row])
def test_a_tolerated_body_is_not_strict_json(name: str) -> None:
    def refuse_doubles(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name occurs twice")

    with pytest.raises(ValueError, match=r"."):
        json.loads(TOLERATED[name]["body"], object_pairs_hook=refuse_doubles)


def test_tolerances_have_different_ids() -> None:
    assert len(TOLERATED) == len(DOCUMENT["x-tolerated"])
