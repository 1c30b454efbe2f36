"""The inverse patch of any two profiles."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.verify.target.undo import applied, canonical, differences, inverse_patch
from tests.examples import many

NAMES = st.sampled_from(["a", "b", "A/b", "~"])


LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "y"])


ENTRIES = st.lists(st.dictionaries(NAMES, LEAVES, max_size=2), max_size=5)


PROFILES = st.fixed_dictionaries({"One": LEAVES, "List": ENTRIES | st.none(), "Name": st.dictionaries(NAMES, LEAVES)})


@given(PROFILES, PROFILES)
@settings(max_examples=many(200))
def test_an_inverse_patch_leads_back(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Whatever happened to a profile, the patch made from the differences gives what was there, and tests hold."""
    patch = inverse_patch(list(differences(before, after)), after)
    assert canonical(applied(after, patch)) == canonical(before)
    assert {row["op"] for row in patch} <= {"test", "add", "replace", "remove"}
    assert bool(patch) == (canonical(before) != canonical(after))
