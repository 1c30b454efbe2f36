"""The journal as a test reads it: what reached the mock, what it answered, and why."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

_SHOWN_ENTRIES: Final = 50
_SHOWN_VALUE: Final = 100
_SHOWN_URL: Final = 300


class Change(NamedTuple):
    """One difference that a request made; `before` or `after` is None for what was not there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and its answer; `profile` has the keys client, type and id, as they were sent."""

    id: str
    method: str
    url: str
    headers: Mapping[str, Any]
    body: bytes
    status: int | None
    response_headers: Mapping[str, Any]
    response_body: bytes
    reason: str
    provenance: str
    explanation: str
    hint: str
    user: str | None
    profile: Mapping[str, str] | None
    fault: str | None
    connection: str | None
    changes: Sequence[Change]
    duration_ms: float

    @property
    def operations(self) -> list[Any]:
        """The operations that the body holds; none if it is not a JSON list."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return []
        return document if isinstance(document, list) else []

    def __str__(self) -> str:
        """Tell the story in a few lines."""
        outcome = self.status if self.connection is None else f"connection {self.connection}"
        lines = [f"{self.method} {_short(self.url, _SHOWN_URL)} -> {outcome} {self.reason}", self.explanation]
        if self.fault is not None:
            lines.append(f"fault {self.fault}")
        lines += [f"{path}: {_value(before)} -> {_value(after)}" for path, before, after in self.changes]
        return "\n    ".join(lines)


def read_entry(event: Mapping[str, Any]) -> Entry:
    """Read one of the control surface's serve events."""
    request, response, mock = event["request"], event["response"], event["mock"]
    told = ("reason", "provenance", "explanation", "hint", "user", "profile", "fault", "connection")
    return Entry(
        id=event["id"],
        method=request["method"],
        url=request["url"],
        headers=request["headers"],
        body=b64decode(request["bodyAsBase64"]),
        status=response["status"],
        response_headers=response["headers"],
        response_body=b64decode(response["bodyAsBase64"]),
        **{name: mock[name] for name in told},
        changes=tuple(Change(change["path"], change["before"], change["after"]) for change in mock["changes"]),
        duration_ms=mock["durationMs"],
    )


def journal_text(world: str, entries: Sequence[Entry]) -> str:
    """Return the newest entries for reading, the oldest of them first."""
    if not entries:
        return f"world {world}: no request arrived"
    left_out = len(entries) - _SHOWN_ENTRIES
    lines = [f"world {world}: {len(entries)} request{'s' * (len(entries) != 1)}"]
    lines += [f"({left_out} older ones left out)"] if left_out > 0 else []
    return "\n".join([*lines, *map(str, entries[-_SHOWN_ENTRIES:])])


def _value(value: Any) -> str:
    return _short(json.dumps(value, ensure_ascii=False), _SHOWN_VALUE)


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
