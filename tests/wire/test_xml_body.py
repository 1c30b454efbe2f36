"""XML in and out: the serialiser's recorded output, the page's samples, and what the reader refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.conformance import complete
from mockserver.core.convert import convert
from mockserver.core.dialect import LIBRARY, VENDOR
from mockserver.core.members import MemberTree
from mockserver.errors import MalformedBody, VendorCrash
from mockserver.wire.xml_body import PATCH_NAMESPACE, PATCH_ROOT, profile_writer, read_xml_patch
from mockserver.wire.xml_text import escape_text
from tests.conftest import VECTORS

RUNS = [json.loads(line) for line in (VECTORS / "xml_vectors.jsonl").read_text(encoding="utf-8").splitlines()]
WRITTEN = [run for run in RUNS if run["kind"] == "serialize"]
READ = [run for run in RUNS if run["kind"] == "request" and run["xml"]]
ROOT = f'<{PATCH_ROOT} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{PATCH_NAMESPACE}">'


@pytest.mark.parametrize("run", WRITTEN, ids=lambda run: f"{run['id']} {run['note']}")
def test_the_serialisers_output(run: dict[str, Any], tree: MemberTree) -> None:
    """The `library` dialect writes what DataContractSerializer wrote, byte for byte."""
    profile = convert(json.loads(run["profile_json"]), tree.root, dates=False)
    assert profile_writer(tree, LIBRARY)(profile) == run["xml"]


@pytest.mark.parametrize("run", READ, ids=lambda run: f"{run['id']} {run['note']}")
def test_the_readers_verdict(run: dict[str, Any], tree: MemberTree) -> None:
    """The `library` dialect reads, refuses or throws as recorded."""
    body = run["xml"].encode()
    if run["outcome"] == "ok":
        assert read_xml_patch(body, charset=None, tree=tree, dialect=LIBRARY) == []
    elif run["outcome"] == "null-document":
        assert read_xml_patch(body, charset=None, tree=tree, dialect=LIBRARY) is None
    else:
        with pytest.raises(VendorCrash if run["stage"] == "apply" else MalformedBody):
            read_xml_patch(body, charset=None, tree=tree, dialect=LIBRARY)


def nodes(element: ElementTree.Element, path: str = "") -> Iterator[tuple[str, str]]:
    for child in element:
        here = f"{path}/{child.tag.rpartition('}')[2]}"
        yield here, (child.text or "").strip()
        yield from nodes(child, here)


def test_the_pages_response_sample(tree: MemberTree) -> None:
    """The page's XML sample comes out of its JSON sample, node for node and in order.

    Members that the XML sample lacks stand beside their neighbours, and the two samples differ in one number.
    """
    sample = json.loads((VECTORS / "page_response.json").read_text(encoding="utf-8"))
    ours = list(nodes(ElementTree.fromstring(profile_writer(tree, VENDOR)(complete(sample, tree.root)))))
    page = list(nodes(ElementTree.fromstring((VECTORS / "page_response.xml").read_bytes())))
    shown = {path for path, _ in page}
    number = "/PhoneNumbers/PhoneNumberEntry/PhoneNumberNumeric"
    assert [(path, "1" if path == number else text) for path, text in ours if path in shown] == page
    assert {path.rpartition("/")[2][:4] for path, _ in ours if path not in shown} == {"Defa", "Cass"}


def test_the_pages_request_sample_changes_nothing(tree: MemberTree) -> None:
    """A valid request without operations."""
    body = (VECTORS / "page_request.xml").read_bytes()
    assert read_xml_patch(body, charset=None, tree=tree, dialect=VENDOR) == []


def test_operations_in_xml(tree: MemberTree) -> None:
    """An Operations element carries what the same JSON would say, typed by the member it is meant for."""
    entry = "<EmailAddress>a@b.example</EmailAddress><IsDefault>true</IsDefault>"
    body = f"""{ROOT}<Operations>
      <OperationOfUserProfile><op>replace</op><path>/IsActive</path><value>false</value></OperationOfUserProfile>
      <OperationOfUserProfile><op>add</op><path>/Emails/-</path><value>{entry}</value></OperationOfUserProfile>
      <OperationOfUserProfile><op>add</op><path>/Groups</path>
        <value><GroupEntry><GroupName>g</GroupName></GroupEntry></value></OperationOfUserProfile>
      <OperationOfUserProfile><op>remove</op><path>/CustomerType</path></OperationOfUserProfile>
    </Operations></{PATCH_ROOT}>"""
    assert read_xml_patch(body.encode(), charset=None, tree=tree, dialect=VENDOR) == [
        {"op": "replace", "path": "/IsActive", "value": False},
        {"op": "add", "path": "/Emails/-", "value": {"EmailAddress": "a@b.example", "IsDefault": True}},
        {"op": "add", "path": "/Groups", "value": [{"GroupId": "g"}]},
        {"op": "remove", "path": "/CustomerType"},
    ]


BAD = {
    "entity bomb": f'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>{ROOT}&b;</{PATCH_ROOT}>',
    "external entity": f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>{ROOT}&a;</{PATCH_ROOT}>',
    "deep": ROOT + "<a>" * 10_000,
    "not closed": ROOT,
    "text": "hello",
    "blank": "   ",
    "NUL": f"{ROOT}\x00</{PATCH_ROOT}>",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("dialect", [VENDOR, LIBRARY], ids=lambda dialect: dialect.name)
def test_bad_xml_is_refused(name: str, dialect: Any, tree: MemberTree) -> None:
    """No document type, no expansion, bounded depth."""
    with pytest.raises(MalformedBody) as caught:
        read_xml_patch(BAD[name].encode(), charset=None, tree=tree, dialect=dialect)
    assert caught.value.model_state == ("operations",)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tree: MemberTree, body: bytes) -> None:
    """Nothing but MalformedBody comes out of the reader."""
    try:
        operations = read_xml_patch(body, charset=None, tree=tree, dialect=VENDOR)
    except MalformedBody:
        return
    assert operations is None or isinstance(operations, list)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
def test_text_survives_a_parser(text: str) -> None:
    """What is escaped comes back; control characters don't, as with the vendor's serialiser."""
    assert (xmltodict.parse(f"<a>{escape_text(text)}</a>", strip_whitespace=False)["a"] or "") == text


def test_the_writer_agrees_with_xmltodict(tree: MemberTree, base_profile: bytes) -> None:
    """The tree's writer gives what xmltodict writes for the same elements in the same order."""
    text = profile_writer(tree, VENDOR)(json.loads(base_profile))
    again = xmltodict.unparse(
        xmltodict.parse(text, strip_whitespace=False), full_document=False, short_empty_elements=True
    )
    assert again.replace("/>", " />") == text.replace("<Suffix></Suffix>", "<Suffix />").replace(
        "<Address2></Address2>", "<Address2 />"
    )
