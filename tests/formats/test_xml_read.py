"""XML in and out: the serialiser's recorded output, the page's samples, and what the reader refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import xmltodict
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import MalformedBody, VendorCrash
from mockserver.formats.json_write import write_json
from mockserver.formats.profile_body import open_profile
from mockserver.formats.xml_read import PATCH_NAMESPACE, PATCH_ROOT, read_xml_patch
from mockserver.formats.xml_text import escape_text
from mockserver.formats.xml_write import profile_writer
from mockserver.patch.dialect import LIBRARY, VENDOR
from mockserver.profile.conformance import complete
from mockserver.profile.conversion import convert
from mockserver.profile.members import MemberTree
from tests.conftest import VECTORS

RUNS = [json.loads(line) for line in (VECTORS / "xml_vectors.jsonl").read_text(encoding="utf-8").splitlines()]
WRITTEN = [run for run in RUNS if run["kind"] == "serialize"]
READ = [run for run in RUNS if run["kind"] == "request" and run["xml"]]
ROOT = f'<{PATCH_ROOT} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="{PATCH_NAMESPACE}">'


@pytest.mark.parametrize("run", WRITTEN, ids=lambda run: f"{run['id']} {run['note']}")
def test_the_serialisers_output(run: dict[str, Any], tree: MemberTree) -> None:
    """The `library` dialect writes what DataContractSerializer wrote, byte for byte."""
    profile = convert(json.loads(run["profile_json"]), tree.root, dates=None)
    assert profile_writer(tree, LIBRARY)(write_json(profile)).decode() == run["xml"]


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
    ours = list(nodes(ElementTree.fromstring(profile_writer(tree, VENDOR)(write_json(complete(sample, tree.root))))))
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


def test_operations_keep_the_documents_order(tree: MemberTree) -> None:
    """Also when the elements' names differ, and in two lists of operations."""
    one, other = "<Operation><path>/{}</path></Operation>", "<Op2><path>/{}</path></Op2>"
    rows = [one.format("a"), other.format("b"), one.format("c"), other.format("d"), one.format("e")]
    body = (
        f"{ROOT}<Operations>{''.join(rows)}</Operations><x/><Operations>{other.format('f')}</Operations></{PATCH_ROOT}>"
    )
    operations = read_xml_patch(body.encode(), charset=None, tree=tree, dialect=VENDOR)
    assert operations == [{"path": f"/{letter}"} for letter in "abcdef"]


def test_list_items_keep_the_documents_order(tree: MemberTree) -> None:
    """Whatever the items are called."""
    items = "".join(f"<{name}><Name>{name}</Name></{name}>" for name in ("a", "b", "a", "c", "b"))
    body = f"{ROOT}<Operations><o><path>/ProfileTags</path><value>{items}</value></o></Operations></{PATCH_ROOT}>"
    assert read_xml_patch(body.encode(), charset=None, tree=tree, dialect=VENDOR) == [
        {"path": "/ProfileTags", "value": [{"Name": name} for name in "abacb"]}
    ]


def value_in(content: str, path: str, tree: MemberTree, attributes: str = "") -> Any:
    """Return what an operation's value element says for the member at the path."""
    operation = f"<o><path>{path}</path><value{attributes}>{content}</value></o>"
    body = f"{ROOT}<Operations>{operation}</Operations></{PATCH_ROOT}>"
    operations = read_xml_patch(body.encode(), charset=None, tree=tree, dialect=VENDOR)
    assert operations is not None
    assert operations[0] is not None
    return operations[0]["value"]


@pytest.mark.parametrize(
    ("path", "content", "value"),
    [
        ("/IsActive", "1", True),
        ("/IsActive", " 0 ", False),
        ("/IsActive", "true", True),
        ("/IsActive", "TRUE", "TRUE"),
        ("/IsActive", "2", "2"),
        ("/CustomerType", "1", "1"),
        ("/CustomerType", "true", "true"),
        ("/CustomerType", "  ", "  "),
        ("/ProfileId", " 12 ", 12),
        ("/ProfileId", "1.5", "1.5"),
        ("/Emails", "", []),
        ("/Emails", "junk", "junk"),
        ("/Edited", "junk", "junk"),
        ("/Edited", "", {}),
        ("/Emails/0", "<IsDefault>1</IsDefault>", {"IsDefault": True}),
    ],
)
def test_a_value_is_read_as_its_member(path: str, content: str, value: Any, tree: MemberTree) -> None:
    """XML booleans may be digits; what doesn't fit stays text, for the conversion to judge as it judges JSON."""
    read = value_in(content, path, tree)
    assert (read, type(read)) == (value, type(value))


NIL = ["true", "1", " true ", "\n1\t"]


@pytest.mark.parametrize("nil", NIL)
def test_nil(nil: str, tree: MemberTree) -> None:
    """Every spelling of an XML boolean, for a value, an operation, the resolver and the whole document."""
    attribute = f' i:nil="{nil}"'
    assert value_in("", "/CustomerType", tree, attribute) is None
    operations = f"{ROOT}<Operations><o{attribute}/></Operations></{PATCH_ROOT}>"
    assert read_xml_patch(operations.encode(), charset=None, tree=tree, dialect=VENDOR) == [None]
    root = ROOT.replace(" xmlns=", f"{attribute} xmlns=") + f"</{PATCH_ROOT}>"
    assert read_xml_patch(root.encode(), charset=None, tree=tree, dialect=LIBRARY) is None
    resolver = f"{ROOT}<ContractResolver{attribute}/></{PATCH_ROOT}>"
    assert read_xml_patch(resolver.encode(), charset=None, tree=tree, dialect=VENDOR) == []
    with pytest.raises(VendorCrash):
        read_xml_patch(resolver.encode(), charset=None, tree=tree, dialect=LIBRARY)


def test_not_nil(tree: MemberTree) -> None:
    """False in either spelling."""
    assert value_in("x", "/CustomerType", tree, ' i:nil="0"') == "x"
    assert value_in("x", "/CustomerType", tree, ' i:nil=" false"') == "x"


MISPLACED = {
    "lower case": "<operations><o><op>remove</op><path>/Emails</path></o></operations>",
    "text": "<Operations>remove /Emails</Operations>",
    "text beside an operation": "<Operations>x<o><path>/Emails</path></o></Operations>",
    "no list around it": "<OperationOfUserProfile><path>/Emails</path></OperationOfUserProfile>",
    "nil that is no boolean": '<Operations><o i:nil="yes"/></Operations>',
}


@pytest.mark.parametrize("name", MISPLACED)
def test_what_was_meant_as_an_operation_is_not_ignored(name: str, tree: MemberTree) -> None:
    """A 200 that changed nothing would hide the mistake; the library alone does ignore it."""
    body = f"{ROOT}{MISPLACED[name]}</{PATCH_ROOT}>".encode()
    with pytest.raises(MalformedBody) as caught:
        read_xml_patch(body, charset=None, tree=tree, dialect=VENDOR)
    assert "write " in caught.value.hint
    assert read_xml_patch(body, charset=None, tree=tree, dialect=LIBRARY) == []


REFERRING = f'{ROOT.removesuffix(">")} xmlns:z="http://schemas.microsoft.com/2003/10/Serialization/"'
BAD: dict[str, str | bytes] = {
    "entity bomb": f'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>{ROOT}&b;</{PATCH_ROOT}>',
    "external entity": f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>{ROOT}&a;</{PATCH_ROOT}>',
    "deep": ROOT + "<a>" * 10_000,
    "not closed": ROOT,
    "text": "hello",
    "blank": "   ",
    "NUL": f"{ROOT}\x00</{PATCH_ROOT}>",
    "unbound prefix": f"{ROOT}<p:a/></{PATCH_ROOT}>",
    "separator in a namespace": f'{ROOT}<a xmlns="urn:a|b"/></{PATCH_ROOT}>',
    "text in the root": f"{ROOT}<a/>x</{PATCH_ROOT}>",
    "CDATA in the root": f"{ROOT}<![CDATA[x]]></{PATCH_ROOT}>",
    "two byte order marks": f"\ufeff\ufeff{ROOT}</{PATCH_ROOT}>",
    "two declarations": f'<?xml version="1.0"?><?xml version="1.0"?>{ROOT}</{PATCH_ROOT}>',
    "skipped element whose nil is no boolean": f'{ROOT}<a i:nil="x"/></{PATCH_ROOT}>',
    "reference to nothing": f'{REFERRING} z:Ref="i1"></{PATCH_ROOT}>',
    "reference to nothing beside nil": f'{REFERRING} z:Ref="i1" i:nil="true"></{PATCH_ROOT}>',
    "empty id": f'{REFERRING} z:Id=""></{PATCH_ROOT}>',
    "resolver that is a reference": f'{REFERRING}><ContractResolver i:nil="true" z:Ref="a"/></{PATCH_ROOT}>',
    "version 1.1": f'<?xml version="1.1"?>{ROOT}</{PATCH_ROOT}>',
    "no version": f'<?xml encoding="utf-8"?>{ROOT}</{PATCH_ROOT}>',
    "misspelt attribute": f'<?xml version="1.0" encodnig="utf-8"?>{ROOT}</{PATCH_ROOT}>',
    "standalone first": f'<?xml version="1.0" standalone="yes" encoding="utf-8"?>{ROOT}</{PATCH_ROOT}>',
    "declared UTF-16": f'<?xml version="1.0" encoding="utf-16"?>{ROOT}</{PATCH_ROOT}>',
    "resolver that is not nil": f"{ROOT}<ContractResolver/></{PATCH_ROOT}>",
    "resolver said not to be nil": f'{ROOT}<ContractResolver i:nil="false"/></{PATCH_ROOT}>',
    "unknown type": f'{ROOT.replace(">", "")} i:type="Foo"></{PATCH_ROOT}>',
    "type of another namespace": f'{ROOT.replace(">", "")} i:type="i:{PATCH_ROOT}"></{PATCH_ROOT}>',
    "UTF-16 that nobody declared": f"\ufeff{ROOT}</{PATCH_ROOT}>".encode("utf-16-le"),
    "UTF-16 without a mark": f"{ROOT}</{PATCH_ROOT}>".encode("utf-16-le"),
    "big-endian UTF-16 without a mark": f"{ROOT}</{PATCH_ROOT}>".encode("utf-16-be"),
}
GOOD: dict[str, tuple[str | bytes, str | None]] = {
    "declaration": (f"<?xml  version = '1.0' encoding=\"UTF-8\" standalone='no' ?>{ROOT}</{PATCH_ROOT}>", None),
    "standalone alone": (f'<?xml version="1.0" standalone="yes"?>{ROOT}</{PATCH_ROOT}>', None),
    "byte order mark": (f"\ufeff{ROOT}</{PATCH_ROOT}>", None),
    "white space and comments in the root": (f"{ROOT} &#10;<!-- x -->\n<a>text</a> </{PATCH_ROOT}>", None),
    "blank CDATA in the root": (f"{ROOT}<![CDATA[]]><a/><![CDATA[ \n]]></{PATCH_ROOT}>", None),
    "an id, and a skipped reference": (f'{REFERRING} z:Id="i1"><a z:Ref="i2"/></{PATCH_ROOT}>', None),
    "an empty type": (f'{ROOT.removesuffix(">")} i:type=""></{PATCH_ROOT}>', None),
    "its own type": (f'{ROOT.replace(">", "")} i:type="{PATCH_ROOT}"></{PATCH_ROOT}>', None),
    "UTF-16": (f"\ufeff{ROOT}</{PATCH_ROOT}>".encode("utf-16-le"), "utf-16"),
    "UTF-16 declared": (f'<?xml version="1.0" encoding="UTF-16"?>{ROOT}</{PATCH_ROOT}>'.encode("utf-16-le"), "utf-16"),
}


@pytest.mark.parametrize(("body", "charset"), GOOD.values(), ids=GOOD)
def test_good_xml_is_read(body: str | bytes, charset: str | None, tree: MemberTree) -> None:
    """Row X3's neighbours: what the reader does take."""
    data = body.encode() if isinstance(body, str) else body
    assert read_xml_patch(data, charset=charset, tree=tree, dialect=LIBRARY) == []


def test_utf_16_without_a_mark_begins_with_an_element(tree: MemberTree) -> None:
    """Row X3: the reader knows it by its first letter."""
    with pytest.raises(MalformedBody):
        read_xml_patch(f" {ROOT}</{PATCH_ROOT}>".encode("utf-16-le"), charset="utf-16", tree=tree, dialect=LIBRARY)


def test_a_nil_root_is_not_looked_into(tree: MemberTree) -> None:
    body = f'{ROOT.replace(">", "")} i:nil="true" i:type="Foo">text</{PATCH_ROOT}>'
    assert read_xml_patch(body.encode(), charset=None, tree=tree, dialect=LIBRARY) is None


def test_only_the_first_resolver_counts(tree: MemberTree) -> None:
    body = f'{ROOT}<ContractResolver i:nil="true"/><ContractResolver/></{PATCH_ROOT}>'
    assert read_xml_patch(body.encode(), charset=None, tree=tree, dialect=VENDOR) == []


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("dialect", [VENDOR, LIBRARY], ids=lambda dialect: dialect.name)
def test_bad_xml_is_refused(name: str, dialect: Any, tree: MemberTree) -> None:
    """No document type, no expansion, bounded depth."""
    body = BAD[name]
    data = body.encode() if isinstance(body, str) else body
    with pytest.raises(MalformedBody) as caught:
        read_xml_patch(data, charset=None, tree=tree, dialect=dialect)
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


CHANGES: list[dict[str, Any]] = [
    {},
    {"CustomerType": "A & B"},
    {"CustomerType": None, "RegistrationConfirmed": True},
    {"Emails": [{"EmailAddress": "a@a.example", "Type": None}, {"Type": "100 %s"}]},
    {"Emails": []},
    {"ProfileId": 1},
]
READABLE = st.text(st.characters(exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"))


@given(text=READABLE)
@pytest.mark.parametrize("dialect", [VENDOR, LIBRARY], ids=lambda dialect: dialect.name)
def test_any_profile_can_be_read(dialect: Any, text: str, tree: MemberTree) -> None:
    """Whatever its texts hold, as long as it is no control character; U+FFFD stands for half a surrogate pair."""
    profile = {**tree.empty_defaults, "CustomerType": text, "ProfileTags": [{"Name": text}]}
    written = ElementTree.fromstring(profile_writer(tree, dialect)(write_json(profile)))
    name = f"{{{tree.xml_namespace}}}"
    sent = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    for path in (f"{name}CustomerType", f"{name}ProfileTags/{name}Tag/{name}Name"):
        assert (written.findtext(path) or "") == sent


@pytest.fixture(scope="module")
def writers(tree: MemberTree) -> list[Callable[[bytes], bytes]]:
    return [profile_writer(tree, VENDOR) for _ in range(2)]


@given(changes=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(CHANGES)), max_size=30))
def test_what_was_written_before_changes_nothing(
    changes: list[tuple[int, dict[str, Any]]], tree: MemberTree, writers: list[Callable[[bytes], bytes]]
) -> None:
    """A writer that keeps what it wrote of several profiles writes as one that sees none again."""
    bodies = dict[int, bytes]()
    for number, change in changes:
        opened = open_profile(bodies.get(number) or write_json({**tree.empty_defaults, "ProfileId": number}))
        for name, value in change.items():
            opened.reach(name)
            opened[name] = value
        bodies[number] = opened.write()
        assert writers[0](bodies[number]) == writers[1](bytes(bytearray(bodies[number])))


def test_the_writer_agrees_with_xmltodict(tree: MemberTree, base_profile: bytes) -> None:
    """The tree's writer gives what xmltodict writes for the same elements in the same order."""
    text = profile_writer(tree, VENDOR)(base_profile).decode()
    again = xmltodict.unparse(
        xmltodict.parse(text, strip_whitespace=False), full_document=False, short_empty_elements=True
    )
    assert again.replace("/>", " />") == text.replace("<Suffix></Suffix>", "<Suffix />").replace(
        "<Address2></Address2>", "<Address2 />"
    )
