"""Whatever the bytes: two ways of reading agree, and nothing but a refusal comes of what is no patch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.formats.json_binding import Binding
from mockserver.formats.json_lenient import read_strict_patch
from mockserver.formats.json_read import read_patch
from tests.formats.json_reading import outcome

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


@pytest.mark.slow
@given(document=patches | documents, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
@example(document=[{"op": "add", "path": "/A", "value": [[]]}], ascii_only=True, indent=None)
def test_the_fast_and_the_lenient_reading_agree_on_every_json_document(
    document: Any, ascii_only: bool, indent: int | None
) -> None:
    """UTF-16 takes the lenient reader, so one text can be read by both."""
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
    assert outcome(text.encode()) == outcome(text.encode("utf-16-le"), "utf-16")


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


@given(parts=fragments)
def test_any_pieces_of_json_are_read_or_refused(parts: list[str]) -> None:
    """Nearly valid text goes deeper into the reader than random bytes do."""
    body = ("[" + "".join(parts)).encode()
    kind, *rest = outcome(body)
    assert kind == "read" or all(key.startswith("operations") for key in rest[1:])


NAMES = ["op", "OP", "path", "value", "Value", "$id", "x"]
VALUES: list[Any] = [
    "add", "", 1, None, {}, [], {"a": 1}, {"$id": "1"}, {"$id": {}}, {"$ref": "1"}, "2024-01-05T10:00:00Z",
]  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=5), max_size=3))
def test_the_short_way_to_bind_agrees_with_the_long_one(document: list[dict[str, Any]]) -> None:
    """An orderly operation needs no token by token reading."""
    short, long = Binding({}), Binding({}, scripted=True)
    assert short.bind(document) == long.bind(document)
    assert [refusal.path for refusal in short.refusals] == [refusal.path for refusal in long.refusals]
