"""Where pointers lead: what is kept of one, and that it ends where the walk does."""

from __future__ import annotations

import pytest

from mockserver.errors import BadRequest
from mockserver.patch.pointer import Place
from mockserver.profile.members import MemberTree


@pytest.mark.parametrize("above", ["/Nope", "/CustomerType/Nope", "/Emails/0/Nope"])
def test_nothing_below_a_member_that_there_is_not_is_kept(tree: MemberTree, above: str) -> None:
    """Such a path may have hundreds of segments, and thousands of paths are kept."""
    place, long = Place(f"{above}/x", tree.root), Place(above + "/x" * 90, tree.root)
    assert long.steps == place.steps
    with pytest.raises(BadRequest, match="path segment 'Nope' was not found"):
        long.locate({"CustomerType": "x", "Emails": [{}]}, {"op": "add"})
