"""The contract says what the vendor's page says, and hangs together."""

from __future__ import annotations

import itertools
from typing import Any
from xml.etree import ElementTree

import pytest
from openapi_spec_validator import validate

from tests.data.contract_document import (
    DOCUMENT,
    MEDIA_TYPES,
    PATCH,
    RESOURCES,
    SCHEMAS,
    VECTORS,
    WRITTEN,
    XML_NAMESPACE,
    component_of,
    nodes,
    resolved,
    responses,
    vector,
)


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
            undescribed += [
                f"{place}/{member}" for member, schema in members.items() if not resolved(schema).get("description")
            ]
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
