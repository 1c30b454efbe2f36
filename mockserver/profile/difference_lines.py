"""What changed between two JSON values, one line for each element that came, went or is another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

_LONGEST = 160


def difference(before: Any, after: Any, path: str) -> Iterator[str]:
    """Yield `+ path new`, `- path old` or `~ path old -> new`.

    What went is named by its old index, what came by its new one.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _of_member(before, after, name, f"{path}/{name}")
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, path)
    elif before != after or type(before) is not type(after):
        yield f"~ {path} {_shown(before)} -> {_shown(after)}"


def _of_member(before: dict[str, Any], after: dict[str, Any], name: str, path: str) -> Iterator[str]:
    if name not in after:
        yield f"- {path} {_shown(before[name])}"
    elif name not in before:
        yield f"+ {path} {_shown(after[name])}"
    else:
        yield from difference(before[name], after[name], path)


def _of_lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[str]:
    old, new = [_canonical(item) for item in before], [_canonical(item) for item in after]
    for _, low, high, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[low:high] == new[start:end]:
            continue
        both = min(high - low, end - start)
        for step in range(both):
            yield from difference(before[low + step], after[start + step], f"{path}/{start + step}")
        for index in range(low + both, high):
            yield f"- {path}/{index} {_shown(before[index])}"
        for index in range(start + both, end):
            yield f"+ {path}/{index} {_shown(after[index])}"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
