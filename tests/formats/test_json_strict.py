"""The strict reading of a patch, as RFC 8259 has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import MalformedBody
from mockserver.formats.json_lenient import read_strict_patch
from tests.formats.test_json_laws import operations


@pytest.mark.slow
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
    "byte order mark": (b"\xef\xbb\xbf[{}]", "body-bad-encoding", ["operations"]),
    "UTF-16 with a mark": ("\ufeff[{}]".encode("utf-16-le"), "body-bad-encoding", ["operations"]),
    "UTF-16": ("[{}]".encode("utf-16-le"), "body-not-json", ["operations"]),
    "op twice": (b'[{},{"op":"add","path":"/a","op":"add"}]', "rfc6902-refused", ["operations[1].op"]),
    "path twice, once escaped": (rb'[{"path":"/a","p\u0061th":"/a"}]', "rfc6902-refused", ["operations[0].path"]),
    "value twice": (b'[{"value":1,"value":1},1]', "operation-not-an-object", ["operations[1]"]),
}


@pytest.mark.parametrize(("body", "rule", "keys"), STRICTLY_REFUSED.values(), ids=STRICTLY_REFUSED)
def test_a_strict_patch_must_be_an_array_of_objects_in_rfc_8259(body: bytes, rule: str, keys: list[str]) -> None:
    """The dialect for clients who want portable patches."""
    with pytest.raises(MalformedBody) as refusal:
        read_strict_patch(body, charset=None)
    assert (refusal.value.rule, list(refusal.value.model_state)) == (rule, keys)
    assert refusal.value.why
    assert refusal.value.hint


def test_a_strict_patch_in_utf_16_is_refused_by_its_name() -> None:
    """RFC 8259 knows no other encoding than UTF-8, whatever the Content-Type says."""
    with pytest.raises(MalformedBody) as refusal:
        read_strict_patch("[]".encode("utf-16-le"), charset="utf-16")
    assert refusal.value.rule == "body-bad-encoding"


def test_only_an_operations_own_members_must_be_single() -> None:
    """Of other repeated names the last wins, and brackets inside text count for nothing."""
    text = '[{"x":1,"x":2,"value":{"op":1,"op":"' + "[" * 300 + '"},"big":12345678901234567890123}]'
    expected = [{"x": 2, "value": {"op": "[" * 300}, "big": 12345678901234567890123}]
    assert read_strict_patch(text.encode(), charset=None) == expected
