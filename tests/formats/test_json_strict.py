"""The strict reading of a patch, as RFC 8259 has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.errors import MalformedBody
from mockserver.formats.json_lenient import read_strict_patch
from tests.formats.test_json_laws import operations


@pytest.mark.slow
@settings(deadline=None)
@given(sent=st.lists(operations, max_size=4))
def test_a_strict_patch_is_read_as_sent(sent: list[Any]) -> None:
    """Every digit of an integer, every member."""
    assert repr(read_strict_patch(json.dumps(sent).encode(), charset=None)) == repr(sent)


STRICTLY_REFUSED = {
    "empty": (b"", "body-not-json", ["operations"]),
    "null": (b"null", "body-not-an-array", ["operations"]),
    "object": (b"{}", "body-not-an-array", ["operations"]),
    "NaN": (b"[NaN]", "body-not-json", ["operations"]),
    "comment": (b"[/*c*/]", "body-not-json", ["operations"]),
    "single quotes": (b"['a']", "body-not-json", ["operations"]),
    "trailing comma": (b"[{},]", "body-not-json", ["operations"]),
    "trailing data": (b"[] x", "body-not-json", ["operations"]),
    "out of range": (b'[{"value":1e400}]', "body-not-json", ["operations"]),
    "half a pair": (rb'[{"value":"\ud800"}]', "body-not-json", ["operations"]),
    "too deep": (b"[" * 257 + b"]" * 257, "body-too-deep", ["operations"]),
    "too deep, brackets in text": (b'[{"[":"]\\"]",' + b'"a":[' * 300, "body-too-deep", ["operations"]),
    "no objects": (b"[{},1,null,[]]", "operation-not-an-object", ["operations[1]", "operations[2]", "operations[3]"]),
    "cut off": (b"[{}]\xc3", "body-bad-encoding", ["operations"]),
    "invalid after a mark": (b"\xef\xbb\xbf[{}]\xff", "body-bad-encoding", ["operations"]),
}


@pytest.mark.parametrize(("body", "rule", "keys"), STRICTLY_REFUSED.values(), ids=STRICTLY_REFUSED)
def test_a_strict_patch_must_be_an_array_of_objects_in_rfc_8259(body: bytes, rule: str, keys: list[str]) -> None:
    """The dialect for clients who want portable patches."""
    with pytest.raises(MalformedBody) as refusal:
        read_strict_patch(body, charset=None)
    assert (refusal.value.rule, list(refusal.value.model_state)) == (rule, keys)
    assert refusal.value.why
    assert refusal.value.hint


@pytest.mark.parametrize("charset", [None, "utf-16"])
def test_a_strict_patch_honours_marks_and_charset(charset: str | None) -> None:
    """The last of a repeated name wins, and brackets inside text count for nothing."""
    text = '[{"op":"a","op":"b","value":"' + "[" * 300 + '","big":12345678901234567890123}]'
    expected = [{"op": "b", "value": "[" * 300, "big": 12345678901234567890123}]
    assert read_strict_patch(text.encode(charset or "utf-8-sig"), charset=charset) == expected
