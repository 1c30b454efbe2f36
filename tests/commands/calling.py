"""What calling a command in this process gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]

PATCH = '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'


def shown(value: Any) -> str:
    """Return a readable id for words, codes and expectations."""
    return " ".join(value) if isinstance(value, list) else str(value)


class Done(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str
