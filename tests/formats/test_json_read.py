"""JSON request bodies read as the vendor's stack reads them, the strict reading, and JSON written."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver.errors import MalformedBody
from mockserver.formats.json_binding import Binding
from mockserver.formats.json_lenient import read_strict_patch
from mockserver.formats.json_read import read_patch
from mockserver.formats.json_write import write_json
from mockserver.profile.clr_text import UNDEFINED, Constructor

Reader = Callable[..., list[Any] | None]
MIB = 1 << 20
VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "vectors/patch_vectors.jsonl").read_text(encoding="utf-8").splitlines()
]


def read(body: str | bytes, **options: Any) -> list[Any] | None:
    return read_patch(body.encode() if isinstance(body, str) else body, charset=None, **options)


def outcome(body: bytes, charset: str | None = None, reader: Reader = read_patch) -> tuple[str, ...]:
    """Say what reading gives, so that 1, 1.0 and True differ and NaN equals itself."""
    try:
        return ("read", repr(reader(body, charset=charset)))
    except MalformedBody as refusal:
        return ("refused", refusal.rule, *refusal.model_state)


# --- what the library did -------------------------------------------------------------------------------------------


def expected_of(vector: dict[str, Any]) -> str | set[str]:
    if vector.get("stage") != "parse":
        return "operations"
    if vector["error_type"] == "NullDocument":
        return "null"
    return set(json.loads(vector["http_body_if_checked"])["ModelState"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
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
    "value of metadata": ('[{"value":{"$type":"T","$id":"1","a":{"$id":"2"}}}]', [{"value": {"a": {"$id": "2"}}}]),
    "value as reference": ('[{"value":{"$ref":"1"}}]', [{"value": None}]),
    "value of values": ('[{"value":{"$values":[1]}}]', [{"value": [1]}]),
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


NAMES = ["op", "OP", "path", "value", "Value", "$id", "x"]
VALUES: list[Any] = [
    "add", "", 1, None, {}, [], {"a": 1}, {"$id": "1"}, {"$id": {}}, {"$ref": "1"}, "2024-01-05T10:00:00Z",
]  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=5), max_size=3))
def test_the_short_way_to_bind_agrees_with_the_long_one(document: list[dict[str, Any]]) -> None:
    """An orderly operation needs no token by token reading."""
    short, long = Binding({}), Binding({}, constructors=True)
    assert short.bind(document) == long.bind(document)
    assert [refusal.path for refusal in short.refusals] == [refusal.path for refusal in long.refusals]


# --- refusals -------------------------------------------------------------------------------------------------------

DEEP = '[{"op":"add","value":'
REFUSED = {
    "object": ("{}", ["operations"], "body-not-an-array"),
    "operation without array": ('{"op":"add"}', ["operations"], "body-not-an-array"),
    "text": ('"[]"', ["operations"], "body-not-an-array"),
    "number": ("1", ["operations"], "body-not-an-array"),
    "null after a comment": ("/*c*/null", ["operations"], "body-not-an-array"),
    "undefined": ("undefined", ["operations"], "body-not-an-array"),
    "xml": ("<xml/>", ["operations"], "body-not-json"),
    "word": ("not json", ["operations"], "body-not-json"),
    "comment only": ("/* c */", ["operations"], "body-not-json"),
    "closing bracket": ("]", ["operations"], "body-not-json"),
    "two byte order marks": ("\ufeff\ufeff[]", ["operations"], "body-not-json"),
    "longer null": ("nullx", ["operations"], "body-not-json"),
    "opened only": ("[", ["operations"], "body-not-json"),
    "ends after an item": ("[{}", ["operations[0]"], "body-not-json"),
    "ends after a comma": ("[{},", ["operations[0]"], "body-not-json"),
    "ends after a brace": ("[{", ["operations[0]"], "body-not-json"),
    "ends in a name": ('[{},{"op', ["operations[1]"], "body-not-json"),
    "ends after a name": ('[{"op"', ["operations[0]"], "body-not-json"),
    "ends after a colon": ('[{"op":', ["operations[0].op"], "body-not-json"),
    "ends in a comment": ("[/*", ["operations"], "body-not-json"),
    "wrong bracket": ('[{"op":"add"}}', ["operations"], "body-not-json"),
    "wrong bracket deeper": ('[{"value":[1}', ["operations[0].value"], "body-not-json"),
    "constructor's bracket": ("[{},[)", ["operations"], "body-not-json"),
    "no value": ('[{"op":}', ["operations[0].op"], "body-not-json"),
    "array closes a member": ('[{"op":]', ["operations[0]"], "body-not-json"),
    "no colon": ('[{"op" "add"}]', ["operations[0]"], "body-not-json"),
    "comment before a colon": ('[{"op"/*c*/:"add"}]', ["operations[0]"], "body-not-json"),
    "no comma": ('[{"op":"add" "path":"/"}]', ["operations[0].op"], "body-not-json"),
    "bad name": ('[{"op":"add",-a:1}]', ["operations[0].op"], "body-not-json"),
    "name beyond U+FFFF": ("[{\U00020000:1}]", ["operations[0]"], "body-not-json"),
    "bad first item": ("[x]", ["operations"], "body-not-json"),
    "bad later item": ("[{},x]", ["operations[0]"], "body-not-json"),
    "number with a bad end": ("[{},1y]", ["operations[0]"], "body-not-json"),
    "number with an x": ("[{},1x]", ["operations[1]"], "body-not-json"),
    "number with bad digits": ("[{},1.2.3]", ["operations[1]"], "body-not-json"),
    "bad octal": ('[{"value":018}]', ["operations[0].value"], "body-not-json"),
    "bad hexadecimal": ('[{"value":0x}]', ["operations[0].value"], "body-not-json"),
    "hexadecimal of 65 bits": ('[{"value":0x1FFFFFFFFFFFFFFFF}]', ["operations[0].value"], "body-not-json"),
    "plus sign": ('[{"value":+1}]', ["operations[0].value"], "body-not-json"),
    "minus only": ('[{"value":-}]', ["operations[0].value"], "body-not-json"),
    "not an ASCII digit": ('[{"value":\u0663}]', ["operations[0].value"], "body-not-json"),
    "too large": ('[{"value":1e400}]', ["operations[0].value"], "body-not-json"),
    "381 digits": (f'[{{"value":{"9" * 381}}}]', ["operations[0].value"], "body-not-json"),
    "upper case literal": ('[{"value":TRUE}]', ["operations[0].value"], "body-not-json"),
    "longer undefined": ('[{"value":undefinedx}]', ["operations[0].value"], "body-not-json"),
    "longer new": ('[{"value":newx}]', ["operations[0].value"], "body-not-json"),
    "longer literal": ('[{"value":nullx}]', ["operations[0].value"], "body-not-json"),
    "bad escape": (r'[{"value":"\x41"}]', ["operations[0].value"], "body-not-json"),
    "short unicode escape": (r'[{"value":"\u00"}]', ["operations[0].value"], "body-not-json"),
    "not closed": ('[{"value":"}]', ["operations[0].value"], "body-not-json"),
    "name that needs quotes": ("[{\"it's a \\t\":[x", [r"operations[0]['it\'s a \t']"], "body-not-json"),
    "nameless constructor": ("[{value:new (1)}]", ["operations[0].value"], "body-not-json"),
    "number as operation": ("[{},1]", ["operations[1]"], "operation-not-an-object"),
    "several operations": ('[1,{},"x",[{}],new D(0)]', [
        "operations[0]", "operations[2]", "operations[3]", "operations[4]"], "operation-not-an-object"),
    "path as array": ('[{"path":["/A"]}]', ["operations[0].path"], "operation-member-not-text"),
    "two members": ('[{"op":{},"path":[],"value":1}]', [
        "operations[0].op", "operations[0].path"], "operation-member-not-text"),
    "member as spelt": ('[{"FROM":{}}]', ["operations[0].FROM"], "operation-member-not-text"),
    "one key for both spellings": ('[{"op":{},"OP":[]}]', ["operations[0].op"], "operation-member-not-text"),
    "undefined as op": ('[{"op":undefined}]', ["operations[0].op"], "operation-member-not-text"),
    "constructor as op": ("[{op:new D()}]", ["operations[0].op"], "operation-member-not-text"),
    "different kinds": ('[{"op":{}},1]', ["operations[0].op", "operations[1]"], "operation-member-not-text"),
    "constructor as value": ("[{value:new Date(0),op:[]},1]", [
        "operations[0].value[0]", "operations[1]"], "operation-not-an-object"),
    "empty constructor as value": ("[{value:new Date()}]", ["operations[0].value"], "operation-not-an-object"),
    "reference by number": ('[{"$ref":1}]', ["operations[0].$ref"], "operation-not-an-object"),
    "reference beside members": ('[{"$ref":"1","op":"add"}]', ["operations[0].op"], "operation-not-an-object"),
    "type that is null": ('[{"$type":null}]', ["operations[0].$type"], "operation-not-an-object"),
    "values as operation": ('[{"$values":[]}]', ["operations[0].$values"], "operation-not-an-object"),
    "two of one id": ('[{"$id":"1"},{"$id":"1","op":"add"}]', ["operations[1].op"], "operation-not-an-object"),
    "value's reference by number": ('[{"value":{"$ref":1}}]', [
        "operations[0].value.$ref"], "operation-not-an-object"),
    "value's values beside members": ('[{"value":{"$values":[],"a b":1}}]', [
        "operations[0].value['a b']"], "operation-not-an-object"),
    "object over a scalar value": ('[{"value":1,"Value":{"a":1}}]', [
        "operations[0].Value.a"], "operation-not-an-object"),
    "id that is an object": ('[{"$id":{},"op":"add"},{}]', ["operations[0].op"], "operation-not-an-object"),
    "nothing but an id that is an object": ('[{"$id":{}}]', ["operations[0]"], "operation-not-an-object"),
    "id that is an array": ('[{"$id":[],"op":"add"}]', ["operations[0].$id"], "operation-not-an-object"),
    "id that is a constructor": ('[{"$id":new F(1)}]', ["operations[0].$id[0]"], "operation-not-an-object"),
    "type that is an object": ('[{"$type":{}}]', ["operations[0].$type"], "operation-not-an-object"),
    "type that is a constructor": ('[{"$type":new F()}]', ["operations[0].$type"], "operation-not-an-object"),
    "reference that is an array": ('[{"$ref":[]}]', ["operations[0].$ref"], "operation-not-an-object"),
    "value's id that is an array": ('[{"value":{"$id":[]},"from":"/A"}]', [
        "operations[0].from"], "operation-not-an-object"),
    "value's id with items": ('[{"value":{"$id":[1,2]}}]', ["operations[0].value.$id[1]"], "operation-not-an-object"),
    "lost inside an operation": ('[{"value":{"$id":{"op":{}}}},1]', [
        "operations[0]", "operations[1]"], "operation-not-an-object"),
    "date beyond the calendar": ('[{"x":["","\\/Date(253402300800000)/"]}]', ["operations[0].x[1]"], "body-not-json"),
    "date as an item": ('["/Date(-62135596800001)/"]', ["operations[0]"], "body-not-json"),
    "date from two integers": ('[{"value":{"a":new Date(1,2)}}]', [
        "operations[0].value.a[1]"], "operation-not-an-object"),
    "date from text": ('[{"value":{"a":[new Date("1")]}}]', [
        "operations[0].value.a[0][0]"], "operation-not-an-object"),
    "257 levels": (DEEP + "[" * 255, ["operations[0].value" + "[0]" * 254], "body-too-deep"),
    "257 levels, valid": (DEEP + "[" * 255 + "]" * 255 + "}]", [
        "operations[0].value" + "[0]" * 254], "body-too-deep"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "keys", "rule"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_body_is_refused_under_the_librarys_keys(body: str, keys: list[str], rule: str) -> None:
    """Rows O12, D3, D8, D9 and M3: the keys say where the library's reader stood."""
    with pytest.raises(MalformedBody) as refusal:
        read(body)
    assert list(refusal.value.model_state) == keys
    assert refusal.value.rule == rule
    assert refusal.value.message == "The request is invalid."


@pytest.mark.parametrize(
    ("body", "why", "hint"),
    [
        ('{"op":"add"}', "Line 1, column 1: the body begins with an object", "Wrap the operation in [ ]"),
        ("<xml/>", "Line 1, column 1: '<'", "Content-Type: application/xml"),
        ('[\n {"value": True}\n]', "Line 2, column 12: 'T'", "lower case"),
        ('[{"value":+1}]', "column 11: '+'", "without the plus sign"),
        ('[{"value":}]', "column 11: '}'", "Give the member a value"),
        ('[{"op":"add"', "column 13: the end of the body", "still lacks }]"),
        ('[{"op":"add"} {}]', "column 15: '{'", "comma"),
        ("[{\x01:1}]", "column 3: U+0001", "double quotes"),
        (r'[{"value":"a\d"}]', r"column 13: \d", "backslash"),
        ('[{"value":1e400}]', "column 11: 1e400", "380 digits"),
        ("[" * 300, "column 257: the body is nested too deeply", "at most 256 levels"),
        ('[{},\n{"path":[]}]', "Line 2, column 9: 'path' of operation 1 is an array", "as text"),
        ("[\n1,2]", "Line 2, column 1: operation 0 is a number (1 more)", '"path"'),
    ],
)
def test_a_refusal_says_where_what_and_what_to_write_instead(body: str, why: str, hint: str) -> None:
    """The story, unlike the answer, is for people."""
    with pytest.raises(MalformedBody) as refusal:
        read(body)
    assert why in refusal.value.why
    assert hint in refusal.value.hint


def test_256_levels_are_read_and_the_limit_can_be_set() -> None:
    """Row D9: MaxDepth counts the containers that are open."""
    body = DEEP + "[" * 254 + "]" * 254 + "}]"
    assert read(body) is not None
    assert outcome(body.encode("utf-16-le"), "utf-16") == outcome(body.encode())
    with pytest.raises(MalformedBody, match="invalid"):
        read(body, depth_limit=255)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"[" * MIB, "body-too-deep"),
        (b"[" * 10_000 + b"]" * 10_000, "body-too-deep"),
        (b'[{"a":' * (MIB // 6), "body-too-deep"),
        (b'{"a":' * (MIB // 5), "body-not-an-array"),
        (b"[" + b"1" * MIB + b"]", "body-not-json"),
        (b"[-" + b"1" * MIB + b".5]", "body-not-json"),
        (b"[0x" + b"f" * MIB + b"]", "body-not-json"),
        (b"[1e" + b"9" * MIB + b"]", "body-not-json"),
        (b"[[" + b"0" * MIB + b"]]", "operation-not-an-object"),
        (b'["' + b'\\"' * (MIB // 2) + b"\\", "body-not-json"),
        (b"[/*" + b"*" * MIB, "body-not-json"),
        (b"[" + b"/**/" * (MIB // 4), "body-not-json"),
        (b"[new " + b"a" * MIB, "body-not-json"),
        (b"[" + b"1," * (MIB // 8), "body-not-json"),
        (b"[" + b"1," * (MIB // 8) + b"]", "operation-not-an-object"),
    ],
    ids=lambda value: value[:6].decode() if isinstance(value, bytes) else value,
)
def test_a_hostile_body_is_refused_in_linear_time(body: bytes, rule: str) -> None:
    """A quadratic or recursive reader would take minutes here, or end in RecursionError."""
    with pytest.raises(MalformedBody) as refusal:
        read(body)
    assert refusal.value.rule == rule
    assert len(refusal.value.model_state) <= 1000
    with pytest.raises(MalformedBody):
        read_strict_patch(body, charset=None)


# --- charsets -------------------------------------------------------------------------------------------------------

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


# --- laws -----------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["2024-01-05T10:00:00.000Z", "/Date(0)/", "/A/0", "$id", "add", "\u2028", "1" * 20, "\\u0024ref", ""]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -0.0, 2**63, 2**64, -(2**63) - 1, 1e22, 5e-324, 10**300])
    | texts
)
names = texts | st.sampled_from(
    ["op", "Op", "path", "PATH", "value", "Value", "from", "$ref", "$id", "$type", "$values"]
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=12
)
operations = st.dictionaries(names, documents, max_size=6)
patches = st.lists(operations | documents, max_size=4)


@settings(deadline=None)
@given(document=patches | documents, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
@example(document=[{"op": "add", "path": "/A", "value": [[]]}], ascii_only=True, indent=None)
def test_the_fast_and_the_lenient_reading_agree_on_every_json_document(
    document: Any, ascii_only: bool, indent: int | None
) -> None:
    """UTF-16 takes the lenient reader, so one text can be read by both."""
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert outcome(text.encode()) == outcome(text.encode("utf-16-le"), "utf-16")


@settings(deadline=None)
@given(body=st.binary(max_size=60), charset=st.sampled_from([None, "utf-8", "utf-16"]))
def test_any_bytes_are_read_or_refused(body: bytes, charset: str | None) -> None:
    """Never another exception."""
    for reader in (read_patch, read_strict_patch):
        kind, *rest = outcome(body, charset, reader)
        assert kind == "read" or all(key.startswith("operations") for key in rest[1:])


fragments = st.lists(
    st.sampled_from([
        "[", "]", "{", "}", "(", ")", ",", ":", '"', "'", "\\", "\\u12", "\\ud800", "/*", "*/", "//", "\n", "\r", "\0",
        " ", "null", "true", "undefined", "NaN", "-Infinity", "new Date(", "new", "-", "+", ".", "0", "0x", "12", "e9",
        '"op"', '"path":', '"value":', '"$ref":', '"$id":"1"', "from", "\ufeff", "\xa0", "é", "9" * 400, "[{", "}]",
    ])
)  # fmt: skip


@settings(deadline=None)
@given(parts=fragments)
def test_any_pieces_of_json_are_read_or_refused(parts: list[str]) -> None:
    """Nearly valid text goes deeper into the reader than random bytes do."""
    body = ("[" + "".join(parts)).encode()
    kind, *rest = outcome(body)
    assert kind == "read" or all(key.startswith("operations") for key in rest[1:])


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


# --- writing --------------------------------------------------------------------------------------------------------


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


@settings(deadline=None)
@given(document=documents)
def test_what_is_written_reads_back(document: Any) -> None:
    """Also with integers beyond 64 bits."""
    assert json.loads(write_json(document)) == document


def test_a_recorded_utf_16_body_is_read() -> None:
    """Exchange http-021: a mark, and no charset declared."""
    body = base64.b64decode("//5bAHsAIgBvAHAAIgA6ACIAcgBlAHAAbABhAGMAZQAiAH0AXQA=")
    assert read(body) == [{"op": "replace"}]
