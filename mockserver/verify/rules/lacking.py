"""What a rule needs and a target does not have, in words for its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockserver.verify.calls import Bench

_IN_ITS_TABLE: Final = {
    "reader": "reader",
    "absent": "absent ids",
    "neighbour": "second profile of one type",
    "stranger": "profile of another type",
}


def lacking(missing: Sequence[str], bench: Bench) -> str:
    """Say what a target would have to have; of a real one only what its owner can write down."""
    if not missing:
        return ""
    if bench.is_mock:
        return f"the target offers no {' and no '.join(missing)}"
    if not set(missing) <= set(_IN_ITS_TABLE):
        return "only a mock can be asked this"
    return f"the target's table has no {' and no '.join(_IN_ITS_TABLE[name] for name in missing)}"
