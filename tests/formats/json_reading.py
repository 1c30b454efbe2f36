"""Reading a JSON patch, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mockserver.errors import MalformedBody
from mockserver.formats.json_read import read_patch
from tests.conftest import VECTORS

Reader = Callable[..., list[Any] | None]
MIB = 1 << 20
RUNS = [json.loads(line) for line in (VECTORS / "patch_vectors.jsonl").read_text(encoding="utf-8").splitlines()]


def read(body: str | bytes, **options: Any) -> list[Any] | None:
    return read_patch(body.encode() if isinstance(body, str) else body, charset=None, **options)


def outcome(body: bytes, charset: str | None = None, reader: Reader = read_patch) -> tuple[str, ...]:
    """Say what reading gives, so that 1, 1.0 and True differ and NaN equals itself."""
    try:
        return ("read", repr(reader(body, charset=charset)))
    except MalformedBody as refusal:
        return ("refused", refusal.rule, *refusal.model_state)
