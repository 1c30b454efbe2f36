"""Is there one order of the calls, each between its start and its end, in which a single register answers like that?

The search of Wing and Gong, with the memory of Lowe: a state that was tried with the same calls done is not tried
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Call(NamedTuple):
    """A read (`answer` is the value) or a compare-and-set (`answer` is 1 if it was done)."""

    start: int
    end: int
    kind: str
    expected: int
    wanted: int
    answer: int


def linearizable(history: Sequence[Call], initial: int) -> bool:
    """Tell whether a register that starts as `initial` explains the history."""
    everything, tried, states = (1 << len(history)) - 1, set[tuple[int, int]](), [(0, initial)]
    while states:
        done, value = state = states.pop()
        if done == everything:
            return True
        if state in tried:
            continue
        tried.add(state)
        waiting = [(index, call) for index, call in enumerate(history) if not done >> index & 1]
        first_end = min(call.end for _, call in waiting)
        for index, call in waiting:
            if call.start < first_end and (after := _after(call, value)) is not None:
                states.append((done | 1 << index, after))
    return False


def _after(call: Call, value: int) -> int | None:
    """Return the register's value after a call, or None if it would not have answered so."""
    if call.kind == "read":
        return value if call.answer == value else None
    if (value == call.expected) != bool(call.answer):
        return None
    return call.wanted if call.answer else value
