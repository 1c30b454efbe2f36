"""What would happen: a request answered on a copy of a world, with the state difference, and nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mockserver.assembly import Mock
from mockserver.core.patch import apply_patch, changed_paths
from mockserver.errors import ApiError
from mockserver.request import Request
from mockserver.request_body import read_operations
from mockserver.service import Answer
from mockserver.store.journal import Journal
from mockserver.store.memory import MemoryWorld
from mockserver.store.world import World


def dry_run(mock: Mock, world: World, request: Request) -> dict[str, Any]:
    """Return answer, story, state difference and each operation's outcome, as JSON data."""
    twin = _twin(mock, world)
    answer = mock.service.answer(request, twin)
    exchange = twin.journal.entries(limit=1)[0]
    try:
        operations = read_operations(request, mock.service.policy, mock.tree)
    except ApiError:
        operations = []
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": _shown_body(answer),
        "reason": answer.story.reason,
        "provenance": answer.story.provenance,
        "story": answer.story.sentence(mock.tree),
        "hint": answer.story.hint(mock.tree),
        "changes": changes(exchange.before, exchange.after),
        "operations": _outcomes(mock, twin, exchange.before, operations, request),
    }


def _twin(mock: Mock, world: World) -> MemoryWorld:
    """Return a world that starts as the given one is now and shares nothing with it."""
    twin = MemoryWorld(world.name, mock.fixtures, Journal(10, 1 << 24), seed=world.seed)
    twin.profiles.restore(world.profiles.snapshot())
    twin.clock = world.clock
    twin.faults = world.faults
    twin.counters = dict(world.counters)
    return twin


def changes(before: bytes | None, after: bytes | None) -> list[dict[str, Any]]:
    """List the members in which two states of a profile differ."""
    if before is None or after is None or before is after:
        return []
    rows = changed_paths(orjson.loads(before), orjson.loads(after))
    return [{"path": path, "before": old, "after": new} for path, old, new in rows]


def _shown_body(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.decode("utf-8", "replace")


def _outcomes(mock: Mock, twin: World, before: bytes | None, operations: Any, request: Request) -> list[dict[str, Any]]:
    """Say of each operation what it does alone, given the ones before it; the first refusal ends the list."""
    if before is None:
        before = twin.profiles.read((request.client.lower(), *_ids(request)))
    if before is None:
        return []
    document, rows = orjson.loads(before), list[dict[str, Any]]()
    for operation in operations:
        shown = dict(operation) if isinstance(operation, Mapping) else operation
        previous = orjson.loads(orjson.dumps(document))
        try:
            document = apply_patch([operation], document, mock.tree, mock.service.policy.dialect)
        except ApiError as refusal:
            return [
                *rows,
                {"operation": shown, "outcome": "refused", "reason": refusal.rule, "message": refusal.message},
            ]
        changed = [path for path, _, _ in changed_paths(previous, document)]
        rows.append({"operation": shown, "outcome": "applied", "changed": changed})
    return rows


def _ids(request: Request) -> tuple[str, str]:
    return (request.alternate_id_type or "").lower(), (request.alternate_id or "").lower()
