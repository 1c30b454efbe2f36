"""JSON request bodies are read as the vendor's stack reads them."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest

from mockserver.errors import MalformedBody
from mockserver.formats.json_read import read_patch
from mockserver.profile.clr_text import UNDEFINED, Constructor
from tests.formats.json_reading import RUNS, read

# -- what the library did ----------------------------------------------------------------------------------------------


def expected_of(vector: dict[str, Any]) -> str | set[str]:
    if vector.get("stage") != "parse":
        return "operations"
    if vector["error_type"] == "NullDocument":
        return "null"
    return set(json.loads(vector["http_body_if_checked"])["ModelState"])


@pytest.mark.parametrize("vector", RUNS, ids=lambda vector: vector["id"])
def test_a_recorded_body_is_read_or_refused_as_the_library_did(vector: dict[str, Any]) -> None:
    """Every vector: operations, a null document, or exactly the recorded ModelState keys."""
    try:
        got: str | set[str] = "null" if read(vector["body"]) is None else "operations"
    except MalformedBody as refusal:
        got = set(refusal.model_state)
    assert got == expected_of(vector)


@pytest.mark.parametrize("body", ["", "   ", "\n", "null", " null ", "null, and more", "\0", "\ufeff", "\xa0null/*c*/"])
def test_an_empty_or_null_body_is_a_null_document(body: str) -> None:
    """Row D1."""
    assert read(body) is None


ACCEPTED = {
    "no operations": ("[]", []),
    "null operation": ("[null]", [None]),
    "hole": ('[,{"op":"add"}]', [None, {"op": "add"}]),
    "two holes": ("[,,]", [None, None]),
    "undefined operation": ("[undefined]", [None]),
    "empty text as operation": ('["", {}]', [None, {}]),
    "reference": ('[{"$ref":"1"}]', [None]),
    "reference to an operation": ('[{"$id":"1","op":"add"},{"$ref":"1"}]', [{"op": "add"}, {"op": "add"}]),
    "null reference is no reference": ('[{"$ref":null,"op":"add"}]', [{"op": "add"}]),
    "type and id": ('[{"$type":"T","$id":"7","op":"add"}]', [{"op": "add"}]),
    "late metadata is an unknown member": ('[{"op":"add","$ref":"1"}]', [{"op": "add"}]),
    "unknown members": ('[{"operation":"add","extra":[{}],"op":"test"}]', [{"op": "test"}]),
    "other case": ('[{"OP":"add","Path":"/A","VALUE":1,"From":"/B"}]', [
        {"op": "add", "path": "/A", "value": 1, "from": "/B"}]),
    "last of op and Op": ('[{"op":"add","Op":"remove"}]', [{"op": "remove"}]),
    "last of Op and op": ('[{"Op":"remove","op":"add"}]', [{"op": "add"}]),
    "a repeated name keeps its first place": ('[{"op":"a","Op":"b","op":"c"}]', [{"op": "b"}]),
    "trailing text": ('[{"op":"add"}] trailing', [{"op": "add"}]),
    "second document": ("[][1]", []),
    "comments": ('/*a*/[//b\n{/*c*/"op"://d\r"add"/*e*/,/*f*/}/*g*/]', [{"op": "add"}]),
    "comment in a number's wake": ('[{"value":1/*c*/}]', [{"value": 1}]),
    "single quotes": ("[{'op':'a\"b'}]", [{"op": 'a"b'}]),
    "no quotes": ("[{op:'add', $a_1:2, na\u00efve:3}]", [{"op": "add"}]),
    "trailing commas": ('[{"op":"add",},]', [{"op": "add"}]),
    "hole as member": ('[{"value":,"op":"add"}]', [{"value": None, "op": "add"}]),
    "line break in text": ('[{"value":"a\n\tb\0"}]', [{"value": "a\n\tb\0"}]),
    "NUL between tokens": ('\0[\0{"op"\0:\0"add"\0}\0]', [{"op": "add"}]),
    "escapes": (r'[{"value":"\b\t\n\f\r\\\"\'\/\u00e9\u0000"}]', [{"value": "\b\t\n\f\r\\\"'/\u00e9\0"}]),
    "surrogate pair": (r'[{"value":"\ud83d\ude00"}]', [{"value": "\U0001f600"}]),
    "lone high surrogate": (r'[{"value":"\ud800x"}]', [{"value": "\ufffdx"}]),
    "lone low surrogate": (r'[{"value":"\udc00\ud800\ud83d\ude00"}]', [{"value": "\ufffd\ufffd\U0001f600"}]),
    "hexadecimal": ("[{value:0x1F},{value:0XfF}]", [{"value": 31}, {"value": 255}]),
    "hexadecimal of 64 bits": ("[{value:0xFFFFFFFFFFFFFFFF}]", [{"value": -1}]),
    "octal": ("[{value:017},{value:00},{value:-017}]", [{"value": 15}, {"value": 0}, {"value": -17}]),
    "decimal points": ("[{value:.5},{value:5.},{value:-.5}]", [{"value": 0.5}, {"value": 5.0}, {"value": -0.5}]),
    "exponents": ("[{value:1e2},{value:0e9},{value:1e-400}]", [{"value": 100.0}, {"value": 0.0}, {"value": 0.0}]),
    "minus zero": ("[{value:-0},{value:-0.0}]", [{"value": 0}, {"value": -0.0}]),
    "64 bits": ('[{"value":9223372036854775808}]', [{"value": 1 << 63}]),
    "more than 64 bits": ('[{"value":-123456789012345678901234567890}]', [{"value": -123456789012345678901234567890}]),
    "380 digits": (f'[{{"value":{"9" * 380}}}]', [{"value": int("9" * 380)}]),
    "not finite": ("[{value:NaN},{value:-Infinity},{value:[Infinity]}]", [
        {"value": math.nan}, {"value": -math.inf}, {"value": [math.inf]}]),
    "undefined": ("[{value:undefined},{value:[undefined,,1]}]", [
        {"value": None}, {"value": [UNDEFINED, UNDEFINED, 1]}]),
    "undefined inside an object": ('[{"value":{"a":undefined,"b":[,{"c":undefined}]}}]', [
        {"value": {"a": None, "b": [None, {"c": None}]}}]),
    "undefined in an object inside an array": ('[{"value":[{"a":undefined}]}]', [{"value": [{"a": UNDEFINED}]}]),
    "undefined in a constructor inside an object": ("[{value:{a:new F(undefined)}}]", [
        {"value": {"a": Constructor("F", [None])}}]),
    "value of metadata": ('[{"value":{"$type":"T","$id":"1","a":{"$id":"2"}}}]', [{"value": {"a": {"$id": "2"}}}]),
    "value as reference": ('[{"value":{"$ref":"1"}}]', [{"value": None}]),
    "value of values": ('[{"value":{"$values":[1]}}]', [{"value": [1]}]),
    "no midnight of the calendar's last day": ('[{"value":"9999-12-31T24:00:01Z"},{"value":"9999-12-31T24:00:00x"}]', [
        {"value": "9999-12-31T24:00:01Z"}, {"value": "9999-12-31T24:00:00x"}]),
    "date-like value": ('[{"value":"2024-01-05T10:00:00Z"}]', [{"value": "2024-01-05T10:00:00Z"}]),
    "what stands behind a bracket taken for the list's end": (
        '[{"value":{"$id":[{"a":1}],"b":2}},{"op":1,"path":{}}]', [{"value": {}}]),
    "values that are no list": ('[{"value":{"$values":5}},{"value":{"$values":new F()}}]', [
        {"value": 5}, {"value": Constructor("F", [])}]),
    "date constructed inside an object": ('[{"value":{"a":[new Date(0)],"b":new F()}}]', [
        {"value": {"a": ["1970-01-01T00:00:00Z"], "b": Constructor("F", [])}}]),
    "constructor deep in a value": ("[{value:[new Date(0)]}]", [{"value": [Constructor("Date", [0])]}]),
    "literal before a constructor's end": ("[{value:[new D(true, null)]}]", [
        {"value": [Constructor("D", [True, None])]}]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "operations"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_lenient_body_is_read(body: str, operations: list[Any]) -> None:
    """Rows O7, O8, O9, O14, C18, C19 and D4-D7, and the reader's source."""
    assert repr(read(body)) == repr(operations)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("null", None),
        ('"add"', "add"),
        ("5", "5"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1.0", "1"),
        ("1e2", "100"),
        ("0.1", "0.1"),
        ("1e300", "1E+300"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("true", "True"),
        ("false", "False"),
        ('"2024-01-05T10:00:00Z"', "01/05/2024 10:00:00"),
        ('"/Date(1704448800000)/"', "01/05/2024 10:00:00"),
        ('"2024-01-05"', "2024-01-05"),
    ],
)
@pytest.mark.parametrize("member", ["op", "path", "from"])
def test_op_path_and_from_are_turned_into_text(member: str, sent: str, text: str | None) -> None:
    """Row O11; a text that reads as a date is one by then, and is written in the invariant culture."""
    assert read(f'[{{"{member}":{sent}}}]') == [{member: text}]


# -- charsets ----------------------------------------------------------------------------------------------------------

PATCH = '[{"op":"replace","path":"/IsActive","value":"é"}]'
DECODED = {
    "utf-8": (PATCH.encode(), "utf-8"),
    "unknown charset is utf-8": (PATCH.encode(), "bogus"),
    "iso-8859-1 is utf-8": (PATCH.encode(), "iso-8859-1"),
    "utf-16 in any case": (PATCH.encode("utf-16-le"), "UTF-16"),
    "utf-16 declared, with a mark": (PATCH.encode("utf-16"), "utf-16"),
    "utf-8 mark": (PATCH.encode("utf-8-sig"), None),
    "utf-8 mark over utf-16": (PATCH.encode("utf-8-sig"), "utf-16"),
    "utf-16 little-endian mark": (b"\xff\xfe" + PATCH.encode("utf-16-le"), None),
    "utf-16 big-endian mark": (b"\xfe\xff" + PATCH.encode("utf-16-be"), None),
    "utf-32 mark": (PATCH.encode("utf-32"), None),
    "cut off after the array": (PATCH.encode() + b"\xc3", None),
}


@pytest.mark.parametrize(("body", "charset"), DECODED.values(), ids=DECODED)
def test_a_body_is_decoded_by_mark_then_charset_then_as_utf_8(body: bytes, charset: str | None) -> None:
    """Section 4; the marks are StreamReader's."""
    assert read_patch(body, charset=charset) == [{"op": "replace", "path": "/IsActive", "value": "é"}]


UNDECODABLE = {
    "invalid utf-8": (b'[{"op":"replace","value":"a\xffb"}]', None, "body-bad-encoding"),
    "latin-1": (PATCH.encode("latin-1"), "iso-8859-1", "body-bad-encoding"),
    "half a pair in utf-16": ('["\ud800x"]'.encode("utf-16-le", "surrogatepass"), "utf-16", "body-bad-encoding"),
    "utf-8 declared as utf-16": (b"[]  ", "utf-16", "body-not-json"),
}


@pytest.mark.parametrize(("body", "charset", "rule"), UNDECODABLE.values(), ids=UNDECODABLE)
def test_a_body_in_another_encoding_is_refused(body: bytes, charset: str | None, rule: str) -> None:
    """As in exchanges http-005 and http-023: the key is the parameter."""
    with pytest.raises(MalformedBody) as refusal:
        read_patch(body, charset=charset)
    assert refusal.value.rule == rule
    assert refusal.value.model_state[0].startswith("operations")


def test_an_encoding_that_a_mark_selects_replaces_invalid_bytes() -> None:
    """StreamReader switches to an Encoding.UTF8 that does not throw (library, read in source)."""
    assert read(b'\xef\xbb\xbf[{"op":"a\xffb"}]') == [{"op": "a\ufffdb"}]


def test_a_recorded_utf_16_body_is_read() -> None:
    """Exchange http-021: a mark, and no charset declared."""
    body = base64.b64decode("//5bAHsAIgBvAHAAIgA6ACIAcgBlAHAAbABhAGMAZQAiAH0AXQA=")
    assert read(body) == [{"op": "replace"}]
