"""How verification writes and follows JSON pointers, and the paths of its calls."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.verify.calls import Call
from mockserver.verify.pointers import holder_of, parts, pointer_to, value_at

DOCUMENT: dict[str, Any] = {"a/b": {"~": [10, {"": 11}]}, "": {"~1": 12}}
PLACES = {
    "the whole document": ("", [], DOCUMENT),
    "a slash in a name": ("/a~1b", ["a/b"], DOCUMENT["a/b"]),
    "an index": ("/a~1b/~0/0", ["a/b", "~", "0"], 10),
    "an empty name": ("/a~1b/~0/1/", ["a/b", "~", "1", ""], 11),
    "a tilde before a one": ("//~01", ["", "~1"], 12),
}


@pytest.mark.parametrize(("pointer", "names", "value"), PLACES.values(), ids=PLACES.keys())
def test_a_pointer_leads_to_its_value(pointer: str, names: list[str], value: Any) -> None:
    assert parts(pointer) == names
    assert pointer_to(names) == pointer
    assert value_at(DOCUMENT, pointer) == value
    if names:
        holder, name = holder_of(DOCUMENT, pointer)
        assert holder[name] == value


TARGETS = {
    "plain": (("ACME01", "CRM", "C-1"), None, "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-1"),
    "signs": (("A~w", "a/b", "ö ?"), None, "/A~w/Profile/AlternateIdType/a%2Fb/AlternateId/%C3%B6%20%3F"),
    "a path of its own": (("ACME01", "CRM", "C-1"), "/oauth/token", "/oauth/token"),
}


@pytest.mark.parametrize(("key", "path", "target"), TARGETS.values(), ids=TARGETS.keys())
def test_a_call_goes_to_the_profile_that_its_key_names(
    key: tuple[str, str, str], path: str | None, target: str
) -> None:
    assert Call("PATCH", key, (), b"", path=path).target == target
