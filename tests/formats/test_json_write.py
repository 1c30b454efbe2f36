"""JSON written as the vendor's stack writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from mockserver.formats.json_write import write_json
from tests.formats.test_json_laws import documents


@pytest.mark.parametrize(
    ("document", "body"),
    [
        ({"a": [1, None, True, "x"]}, b'{"a":[1,null,true,"x"]}'),
        ("é\U0001f600/<>&'", '"é\U0001f600/<>&\'"'.encode()),
        ('"\\', b'"\\"\\\\"'),
        ("\b\t\n\f\r\0\x1f\x7f", b'"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f"'),
        ("a\x85b\u2028c\u2029d\u2027", b'"a\\u0085b\\u2028c\\u2029d\xe2\x80\xa7"'),
        ("\ud800x", '"\ufffdx"'.encode()),
        ({"big": 1 << 64, "é": "\x85"}, '{"big":18446744073709551616,"é":"\\u0085"}'.encode()),
    ],
    ids=["compact", "beyond ascii", "quotes", "controls", "line separators", "half a pair", "beyond 64 bits"],
)
def test_json_is_written_as_json_net_writes_it(document: Any, body: bytes) -> None:
    """JavaScriptUtils.WriteEscapedJavaScriptString with StringEscapeHandling.Default."""
    assert write_json(document) == body


@given(document=documents)
def test_what_is_written_reads_back(document: Any) -> None:
    """Also with integers beyond 64 bits."""
    assert json.loads(write_json(document)) == document
