"""A profile opened no further than needed is written as if it had been decoded whole."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.formats import profile_body
from mockserver.formats.json_write import write_json
from mockserver.formats.profile_body import LONGEST_KEPT, members_of, open_profile, write_profile

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["\u0085", "a\u2028b", '\x7f/\\"\b\x01', "Zoë 🦊"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc\u2028", max_size=3), inner, max_size=3),
    max_leaves=8,
)
profiles = st.dictionaries(st.sampled_from(["ProfileId", "Emails", "Name", "Groups", "ReasonCode"]), values)


@given(profiles, st.sets(st.sampled_from(["ProfileId", "Emails", "Name", "Absent"])))
def test_looking_changes_nothing(profile: dict[str, Any], looked_at: set[str]) -> None:
    """Whatever was decoded on the way, the bytes are those of the whole document."""
    body = write_json(profile)
    opened = open_profile(body)
    for name in looked_at:
        assert opened.reach(name) == profile.get(name)
        assert opened.untouched(name) is False
    assert opened.changed() is False
    assert write_profile(opened) == body


@given(profiles, values)
def test_a_new_value_is_written_as_json_net_would(profile: dict[str, Any], value: Any) -> None:
    """Beside members that stay the bytes they were."""
    opened = open_profile(write_json(profile))
    opened.reach("Name")
    opened["Name"] = value
    assert write_profile(opened) == write_json({**profile, "Name": value})
    assert opened.changed() is (write_json({**profile, "Name": value}) != write_json(profile))
    again = open_profile(opened.write())
    assert again.reached(*again) == orjson.loads(write_json({**profile, "Name": value}))


def test_a_member_is_decoded_once() -> None:
    """A change to what was looked at is kept, and told from one that was taken back."""
    opened = open_profile(b'{"Emails":[{"EmailAddress":"a"}]}')
    assert opened.untouched("Emails")
    opened.reach("Emails")[0]["EmailAddress"] = "b"
    assert opened.reach("Emails") == [{"EmailAddress": "b"}]
    assert opened.changed() is True
    assert orjson.loads(write_profile(opened)) == {"Emails": [{"EmailAddress": "b"}]}
    opened["Emails"][0]["EmailAddress"] = "a"
    assert opened.changed() is False


def test_members_are_known_of_few_and_short_profiles() -> None:
    """Each keeps the bytes that it was read from, so that long ones and many would hold much memory."""
    for size in (*range(100), LONGEST_KEPT):
        opened = open_profile(b'{"Name":"' + b"x" * size + b'"}')
        opened.reach("Name")
        assert open_profile(opened.write()).reach("Name") == "x" * size
    kept = [body for body, _ in profile_body._kept.values()]
    assert 0 < len(kept) < 100
    assert max(map(len, kept)) <= LONGEST_KEPT


def test_threads_keep_members_at_a_time(request: pytest.FixtureRequest) -> None:
    """None of them fails because another keeps something just then, and no more is kept for their number."""
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)
    bodies = [b'{"ProfileId":%d}' % number for number in range(20_000)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda part: [int(members_of(body)["ProfileId"]) for body in bodies[part::4]], range(4)))
    assert sorted(number for part in found for number in part) == [*range(20_000)]
    members_of(b"{}")
    assert len(profile_body._kept) == profile_body._KEPT
