"""Which calls may be sent to a real target: judged by the bytes of the request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import SafetyRefusal
from mockserver.verify.calls import Call
from mockserver.verify.target.session import NotSent
from mockserver.verify.target.vetting import could_change, refusal, touched
from tests.verify.target.fake_vendor import CLIENT, KEY, OTHER, FakeVendor
from tests.verify.target.runs import HEADERS
from tests.verify.target.sessions import SET, call, session_of

OWN_PATH = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


REFUSED: dict[str, Call] = {
    "another profile": call(key=(CLIENT, *OTHER)),
    "another client": call(key=("OTHER1", *KEY)),
    "the same id in other letters": call(key=(CLIENT, "crm", "c-000417")),
    "a profile below another world": call(key=(f"{CLIENT}~x", *KEY)),
    "DELETE": call(method="DELETE"),
    "PUT": call(method="PUT"),
    "POST": call(method="POST"),
    "a method in disguise": call(headers=(*HEADERS, ("X-HTTP-Method-Override", "DELETE"))),
    "a packed body": call(headers=(*HEADERS, ("Content-Encoding", "gzip"))),
    "a path to another profile": call(path="/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000999"),
    "a path with a query that overrides it": call(path=f"{OWN_PATH}?alternateId=C-000999"),
    "a path that climbs": call(path="/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417/../C-000999"),
    "a path with a coded slash": call(path=f"{OWN_PATH}%2F..%2FC-000999"),
    "the token endpoint": call(path="/oauth/token"),
    "the whole profile": call({"op": "replace", "path": "", "value": {}}),
    "deactivation": call({"op": "replace", "path": "/IsActive", "value": False}),
    "deactivation in other letters": call({"op": "Remove", "path": "//isactive/"}),
    "the addressed id replaced": call({"op": "replace", "path": "/AlternateIds/0/AlternateId", "value": "x"}),
    "the addressed id removed": call({"op": "remove", "path": "/AlternateIds/0"}),
    "all ids replaced": call({"op": "add", "path": "/AlternateIds", "value": []}),
    "the last id, whichever that is": call({"op": "remove", "path": "/AlternateIds/-"}),
    "an id after others have moved": call(
        {"op": "remove", "path": "/AlternateIds/1"}, {"op": "remove", "path": "/AlternateIds/1"}
    ),
    "ids in a body that can't be read": call(body=b"[{'op': 'remove', 'path': '/AlternateIds'}]"),
    "ids in XML": call(body=b"<X><path>/AlternateIds</path></X>"),
}


@pytest.mark.parametrize("wanted", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_allowed_never_leaves(vendor: FakeVendor, wanted: Call) -> None:
    """Refused before a byte is sent, with leave to write too; the refusal can be asked for beforehand."""
    session = session_of(vendor, write=True)
    assert refusal(wanted, session.target, session.leave)
    with pytest.raises(NotSent) as caught:
        session.send(wanted)
    with pytest.raises(SafetyRefusal):
        session.send_reserved(wanted._replace(body=b"[]", key=(CLIENT, *OTHER)))
    assert caught.value.exit_code == 4
    assert vendor.seen == []
    assert "C-000" not in str(caught.value)


ALLOWED: dict[str, Call] = {
    "a change": call(SET),
    "an id appended": call({"op": "add", "path": "/AlternateIds/-", "value": {}}),
    "another id replaced": call({"op": "replace", "path": "/AlternateIds/1/AlternateId", "value": "x"}),
    "a flag that can be set back": call({"op": "replace", "path": "/PreservePreferences", "value": False}),
    "an active profile activated": call({"op": "replace", "path": "/IsActive", "value": True}),
    "the own path in other letters": call(path=OWN_PATH.replace("Profile", "PROFILE") + "/"),
}


@pytest.mark.parametrize("wanted", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_allowed_is_sent(vendor: FakeVendor, wanted: Call) -> None:
    """With leave to write."""
    session = session_of(vendor, write=True)
    assert refusal(wanted, session.target, session.leave) is None
    session.send(wanted)
    assert len(vendor.seen) == 1


CHANGING: dict[str, bytes] = {
    "a replace": json.dumps([SET]).encode(),
    "a replace after a test": json.dumps([{"op": "test", "path": "/X", "value": 1}, SET]).encode(),
    "no op": b'[{"path": "/CustomerType"}]',
    "a test with another name in other letters": b'[{"op": "test", "Op": "replace", "path": "/CustomerType"}]',
    "a test that names more": b'[{"op": "test", "path": "/CustomerType", "value": 1, "from": "/x"}]',
    "the same name twice": b'[{"op": "test", "op": "replace", "path": "/CustomerType", "value": null}]',
    "a trailing comma": b'[{"op": "replace", "path": "/CustomerType",}]',
    "escaped letters": b'[{"op": "replace", "\\u0070ath": "/CustomerType",}]',
    "text after the end": b'[] [{"op": "replace", "path": "/CustomerType"}]',
    "UTF-16": '[{"op": "replace", "path": "/CustomerType"}]'.encode("utf-16"),
    "XML": b"<Operations><OperationOfUserProfile><path>/CustomerType</path></OperationOfUserProfile></Operations>",
    "the op in capitals": b'[{"op": "TEST", "path": "/CustomerType", "value": 1}]',
}


HARMLESS: dict[str, bytes] = {
    "no operations": b"[]",
    "nothing": b"",
    "tests": b'[{"op": "test", "path": "/CustomerType", "value": 1}]',
    "no JSON": b"{nonsense",
    "the page's XML sample": b'<JsonPatchDocumentOfUserProfile5B0F46o8><ContractResolver i:nil="true" />',
}


@pytest.mark.parametrize("body", CHANGING.values(), ids=CHANGING.keys())
def test_a_body_that_any_reader_could_find_a_change_in_needs_leave(vendor: FakeVendor, body: bytes) -> None:
    """Whatever the case's author said of it."""
    assert could_change(call(body=body))
    with pytest.raises(NotSent, match="--write"):
        session_of(vendor).send(call(body=body))
    assert vendor.seen == []


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_body_without_a_change_needs_none(body: bytes) -> None:
    """Unless the case's author knows better."""
    assert not could_change(call(body=body))
    assert could_change(call(body=body, may_change=True))
    assert not could_change(call(body=body, method="GET"))


WORDS = st.sampled_from(["op", "path", "value", "OP", "test", "replace", "add", "/CustomerType", "/IsActive", "", "x"])


VALUES = WORDS | st.none() | st.integers(0, 5)


@given(
    st.lists(st.dictionaries(WORDS, VALUES, max_size=5), max_size=3),
    st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]),
)
def test_no_document_that_changes_something_passes_as_harmless(operations: list[Any], encoding: str) -> None:
    """A document is harmless only if each operation in it is a plain test, or none can be found."""
    body = json.dumps(operations).encode(encoding)
    if not could_change(call(body=body)):
        folded = [{name.lower(): value for name, value in row.items()} for row in operations]
        assert all(row.get("op") == "test" or "path" not in row for row in folded)


TOUCHED = {
    "/Emails/-": ("add", "/emails"),
    "/Emails/00": ("remove", "/emails"),
    "/Emails/0/EmailAddress": ("add", "/emails/0/emailaddress"),
    "/Emails/0": ("replace", "/emails/0"),
    "//CustomerName//FirstName/": ("remove", "/customername/firstname"),
}


def test_an_element_that_is_no_operation_touches_nothing() -> None:
    """Other than a list in the list, in which a lenient reader might find operations."""
    operation = {"op": "replace", "path": "/CustomerType", "value": "x"}
    assert touched(call(body=json.dumps([None, 5, operation]).encode())) == ("/customertype",)
    assert touched(call(body=json.dumps([[operation]]).encode())) == ("",)


@pytest.mark.parametrize(("path", "expected"), TOUCHED.items(), ids=list(TOUCHED))
def test_what_a_patch_touches(path: str, expected: tuple[str, str]) -> None:
    """Adding or taking an entry touches its collection."""
    assert touched(call(body=json.dumps([{"op": expected[0], "path": path}]).encode())) == (expected[1],)
    assert touched(call(body=b"no JSON")) == ("",)


def test_an_absent_profile_may_be_asked_for_and_not_changed(vendor: FakeVendor) -> None:
    """The owner knows it not to exist, so asking shows nobody's data; a change might create or hit something."""
    nobody = (CLIENT, "CRM", "NOBODY")
    session = session_of(vendor, write=True, absent=(nobody,))
    assert session.send(call(key=nobody)).status == 404
    with pytest.raises(NotSent):
        session.send(call(SET, key=nobody))
