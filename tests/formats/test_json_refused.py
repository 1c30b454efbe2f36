"""Malformed JSON bodies: the library's keys, where it is wrong, and what to write instead."""

from __future__ import annotations

import pytest

from mockserver.errors import MalformedBody
from mockserver.formats.json_lenient import read_strict_patch
from tests.formats.json_reading import MIB, outcome, read

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
    "the calendar's last midnight": ('[{"op":"add"},{"path":"/A","value":"9999-12-31T24:00:00Z"}]', [
        "operations[1].value"], "body-not-json"),
    "its last midnight in a member": ('[{"path":"/A","value":{"a":"9999-12-31T24:00:00.0+02:00"}}]', [
        "operations[0].value.a"], "body-not-json"),
    "its last midnight, escaped": (r'[{"path":"/A","value":["\u0039999-12-31T24:00:00"]}]', [
        "operations[0].value[0]"], "body-not-json"),
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


@pytest.mark.slow
@pytest.mark.no_cover
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
