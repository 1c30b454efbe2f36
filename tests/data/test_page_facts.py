"""The contract says what the vendor's page says, fact by fact; and the facts are those of the page's samples."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.drift.page_facts import disagreements
from mockserver.errors import UsageError
from mockserver.package import shipped
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.rules.facts import load_facts

VECTORS = Path(__file__).parents[1] / "vectors"
FACTS: dict[str, Any] = dict(load_facts(shipped("contracts") / "page-facts.yaml"))
CONTRACT = load_contract(shipped("contracts") / "openapi.yaml")
TYPES = {str: "string", bool: "boolean", int: "integer"}


def test_the_contract_says_what_the_page_says() -> None:
    """No fact of the page is missing, changed or added to without a word on where it comes from."""
    assert list(disagreements(FACTS, CONTRACT)) == []


def test_the_facts_are_those_of_the_pages_samples() -> None:
    """Names, types and both orders, read from the samples themselves."""
    seen: set[str] = set()

    def compare(name: str, value: dict[str, Any], element: ElementTree.Element) -> None:
        seen.add(name)
        rows = FACTS["resources"][name]
        elements = {child.tag.rpartition("}")[2]: child for child in element}
        assert list(rows["json"]) == list(value), name
        assert rows["xml"] == list(elements), name
        for member, found in value.items():
            fact = rows["json"][member]
            if isinstance(found, list):
                compare(fact[0], found[0], elements[member][0])
                assert elements[member][0].tag.rpartition("}")[2] == fact[0]
            elif isinstance(found, dict):
                compare(fact, found, elements[member])
            else:
                assert fact == TYPES[type(found)], f"{name}/{member}"

    root = ElementTree.parse(VECTORS / "page_response.xml").getroot()
    compare("UserProfile", json.loads((VECTORS / "page_response.json").read_text(encoding="utf-8")), root)
    assert seen == set(FACTS["resources"])
    assert root.tag == f"{{{FACTS['response']['xml']['namespace']}}}{FACTS['response']['xml']['root']}"
    request = ElementTree.parse(VECTORS / "page_request.xml").getroot()
    xml = FACTS["request"]["xml"]
    assert request.tag == f"{{{xml['namespace']}}}{xml['root']}"
    assert [child.tag.rpartition("}")[2] for child in request] == xml["elements"]


def schemas(document: Any) -> Any:
    return document["components"]["schemas"]


def answers(document: Any) -> Any:
    return document["components"]["responses"]


def profile(document: Any) -> Any:
    return schemas(document)["UserProfile"]["properties"]


def without_groups(schema: Any) -> None:
    del schema["properties"]["Groups"]
    for names in (schema["x-xml-order"], *schema["x-class-layout"]):
        if "Groups" in names:
            names.remove("Groups")


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a member is gone": (lambda d: without_groups(schemas(d)["UserProfile"]), "the members of UserProfile"),
    "a member is new": (lambda d: profile(d).update(Nickname={"type": "string"}), "also Nickname"),
    "a member is of another type": (lambda d: profile(d)["CustomerType"].update(type="integer"), "CustomerType's type"),
    "a nested member is of another type": (
        lambda d: schemas(d)["PhoneNumberEntry"]["properties"]["PhoneNumberNumeric"].update(type="string"),
        "PhoneNumberEntry/PhoneNumberNumeric",
    ),
    "a member is not read-only any more": (lambda d: profile(d)["ProfileId"].pop("readOnly"), "ProfileId is read-only"),
    "a member became read-only": (lambda d: profile(d)["IsActive"].update(readOnly=True), "IsActive is read-only"),
    "a limit is gone": (lambda d: profile(d)["DefaultLocale"].pop("maxLength"), "DefaultLocale's maximum length"),
    "a limit is another one": (lambda d: profile(d)["ReasonCode"].update(maxLength=255), "ReasonCode's maximum length"),
    "a default is another one": (lambda d: profile(d)["PreservePreferences"].update(default=False), "default"),
    "a member is returned": (lambda d: profile(d)["ReasonCode"].pop("x-not-returned"), "ReasonCode is returned"),
    "the order in JSON": (
        lambda d: schemas(d)["Tag"].update(
            properties={"Colour": {"type": "string"}, **schemas(d)["Tag"]["properties"]}
        ),
        "Tag's members in JSON",
    ),
    "the order in XML": (
        lambda d: schemas(d)["CustomerName"]["x-xml-order"].reverse(),
        "CustomerName's elements in XML",
    ),
    "the name in XML": (
        lambda d: schemas(d)["GroupEntry"]["properties"]["GroupId"].pop("xml"),
        "GroupEntry's elements in XML",
    ),
    "a status is gone": (lambda d: patch(d)["responses"].pop("403"), "status 403"),
    "the answer is gone": (lambda d: patch(d)["responses"].pop("200"), "status 200"),
    "a status of unknown origin": (lambda d: patch(d)["responses"].update({"409": {"description": "?"}}), "status 409"),
    "a request's media type is gone": (
        lambda d: patch(d)["requestBody"]["content"].pop("text/xml"),
        "the request's media types",
    ),
    "an answer's media type is gone": (
        lambda d: patch(d)["responses"]["200"]["content"].pop("text/json"),
        "the media types of a 200",
    ),
    "move is allowed": (
        lambda d: schemas(d)["TestProfileId"]["properties"]["op"].update(const="move"),
        "operations that are not supported",
    ),
    "an operation has a from": (
        lambda d: schemas(d)["TestProfileId"]["properties"].update({"from": {"type": "string"}}),
        "the members of an operation",
    ),
    "the namespace": (lambda d: schemas(d)["UserProfile"]["xml"].update(namespace="urn:x"), "the XML answer's root"),
    "what a request updates": (
        lambda d: patch(d)["responses"]["200"]["content"]["application/json"]["schema"].update(
            {"$ref": "#/components/schemas/Tag"}
        ),
        "what a request updates",
    ),
    "removals in ascending order": (
        lambda d: patch(d)["requestBody"]["content"]["application/json"]["examples"]["removeEntries"][
            "value"
        ].reverse(),
        "the order of removals",
    ),
    "no example of removals": (
        lambda d: [
            media.pop("examples") for media in patch(d)["requestBody"]["content"].values() if "examples" in media
        ],
        "the order of removals",
    ),
    "an operation of another class": (
        lambda d: schemas(d)["Operation"]["xml"].update(name="Operation"),
        "what the body collects",
    ),
    "a body that is one operation": (
        lambda d: schemas(d).update(JsonPatchDocument={"type": "object"}),
        "the body in JSON",
    ),
    "the body's name in XML": (
        lambda d: schemas(d)["XmlPatchDocument"].update(
            properties={"ContractResolver": {"type": "object"}, "Patch": {"type": "array"}}
        ),
        "the XML request's elements",
    ),
    "an account's default is gone": (
        lambda d: profile(d)["CustomerType"].pop("x-account-default"),
        "CustomerType's account default",
    ),
    "a member is not stamped any more": (lambda d: profile(d)["Edited"].pop("x-stamped"), "Edited's stamped"),
    "what is checked before a 401": (lambda d: answers(d)["Unauthorized"].pop("x-checked"), "what a 401 is about"),
    "what is checked before a 403": (
        lambda d: answers(d)["Forbidden"].update({"x-checked": ["ClientId"]}),
        "what a 403 is about",
    ),
    "a parameter is optional": (
        lambda d: d["components"]["parameters"]["ClientId"].update(required=False),
        "parameters",
    ),
}


def patch(document: Any) -> Any:
    return next(iter(document["paths"].values()))["patch"]


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES.keys())
def test_a_contract_that_departs_from_the_page_is_found_out(change: Callable[[Any], Any], told: str) -> None:
    """The sentence names the place."""
    document = copy.deepcopy(dict(CONTRACT.document))
    change(document)
    found = list(disagreements(FACTS, Contract(document)))
    assert any(told in sentence for sentence in found), found


def test_a_file_without_facts_is_refused(tmp_path: Path) -> None:
    """With its place."""
    path = tmp_path / "facts.yaml"
    path.write_text("operation: {}\n")
    with pytest.raises(UsageError, match="not a file of page facts"):
        load_facts(path)
