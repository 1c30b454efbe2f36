"""What a head says is worked out once; reading it again gives the same, and frames the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import ApiError
from mockserver.server import heads as server_head
from mockserver.server.heads import Heads
from mockserver.settings import LONGEST_KEPT_HEAD

NAMES = st.sampled_from(
    [b"Host", b"Accept", b"Content-Length", b"Transfer-Encoding", b"X-A", b"x-a", b"X_B", b"Cookie"]
)
VALUES = st.sampled_from([b"a", b"3", b"chunked", b"", b"a b ", b"\xe9"])
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(lambda pairs: [part for pair in pairs for part in pair])


def outcome(heads: Heads, version: str, target: bytes, headers: list[bytes]) -> object:
    sent = b"\n".join([b"POST", version.encode(), target, *headers])
    try:
        return heads.kept.get(sent) or heads.read(sent, b"POST", version, target, headers)
    except (ApiError, ValueError) as refused:
        return type(refused), str(refused)


@given(
    st.sampled_from(["1.1", "1.0", "2.0"]), st.sampled_from([b"/x", b"/%C3?a=b", b"*", b"http://a/b", b"/x#"]), HEADERS
)
def test_a_kept_head_says_what_a_new_one_says(version: str, target: bytes, headers: list[bytes]) -> None:
    heads = Heads(65536, 1 << 20)
    first = outcome(heads, version, target, headers)
    assert outcome(heads, version, target, headers) == first
    assert outcome(Heads(65536, 1 << 20), version, target, headers) == first


@pytest.mark.parametrize("name", [b"X-A", b"X_Dropped"], ids=["header", "dropped-header"])
def test_a_long_head_is_not_passed_on_to_be_kept(name: bytes) -> None:
    """What the application does not see of a head, such as a name with an underscore, it could not count either."""
    long = b"x" * LONGEST_KEPT_HEAD
    entries = Heads(65536, 1 << 20).read(name + long, b"PATCH", "1.1", b"/", [b"Host", b"a", name, long])
    assert "mockserver.head" not in entries


def test_heads_are_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_head, "KEPT_HEADS", 3)
    heads = Heads(65536, 1 << 20)
    for number in range(10):
        entries = heads.read(b"%d" % number, b"PATCH", "1.1", b"/%d" % number, [b"Host", b"a"], goes_on=True)
        assert entries["PATH_INFO"] == f"/{number}"
        assert len(heads.plain) == len(heads.kept) <= 3
    long = b"x" * LONGEST_KEPT_HEAD
    heads.read(b"X:" + long, b"PATCH", "1.1", b"/long", [b"Host", b"a", b"X", long])
    assert not any(len(entries.get("HTTP_X", "")) > 1 for entries in heads.kept.values())
