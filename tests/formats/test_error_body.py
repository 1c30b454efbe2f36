"""Refusals in XML: names that any parser takes, as XmlConvert encodes them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.formats.error_body import MODEL_STATE_TEXT, encode_local_name, error_body
from mockserver.formats.negotiation import AnswerFormat

XML = AnswerFormat("application/xml", "utf-8")
READABLE = st.text(st.characters(exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"))


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("operations[0].path", "operations_x005B_0_x005D_.path"),
        ("0", "_x0030_"),
        ("-a", "_x002D_a"),
        ("a-1.b", "a-1.b"),
        ("a b:c", "a_x0020_b_x003A_c"),
        ("_", "_"),
        ("_x005B_", "_x005F_x005B_"),
        ("_X0001F600_", "_x005F_X0001F600_"),
        ("_x5B_", "_x5B_"),
        ("é", "é"),
        ("日本", "日本"),
        ("·a·", "_x00B7_a·"),
        ("²", "_x00B2_"),
        ("a\u0301", "a\u0301"),
        ("\u0301", "_x0301_"),
        ("a\u2028", "a_x2028_"),
        ("\U0001f600", "_x0001F600_"),
        ("a\U00020000", "a_x00020000_"),
        ("a\ud800", "a_xD800_"),
    ],
)
def test_a_key_as_an_element_name(name: str, encoded: str) -> None:
    """Four digits for a character that no name may hold, eight above U+FFFF."""
    assert encode_local_name(name) == encoded


@given(st.text(min_size=1, max_size=20))
def test_any_key_is_a_name(name: str) -> None:
    """A parser reads it back as it was written, without a namespace."""
    encoded = encode_local_name(name)
    assert ElementTree.fromstring(f"<{encoded}/>").tag == encoded


@given(READABLE, st.lists(st.text(min_size=1, max_size=10), max_size=3))
def test_any_refusal_can_be_read(message: str, keys: list[str]) -> None:
    """Whatever a message or a key quotes from the request; control characters stay the vendor's own defect."""
    error = ElementTree.fromstring(error_body(message, keys, XML))
    # Half a surrogate pair can't be sent: U+FFFD stands for it.
    assert (error.findtext("Message") or "") == "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in message)
    assert [state.text for state in error.iterfind("ModelState/*")] == [MODEL_STATE_TEXT] * len(keys)
