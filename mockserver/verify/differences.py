"""Where two JSON values differ."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final


class Missing(Enum):
    """What `differences` yields for a member that is not there."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (JSON pointer, wanted, found) where two JSON values differ; true is not 1, a missing member not null."""
    if wanted is found:
        return  # a body that was read before gives the same object
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in {**wanted, **found}:
            yield from differences(wanted.get(name, MISSING), found.get(name, MISSING), f"{place}/{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, pair in enumerate(zip(wanted, found, strict=True)):
            yield from differences(*pair, f"{place}/{index}")
    elif type(wanted) is not type(found) or wanted != found:
        yield place or "/", wanted, found
