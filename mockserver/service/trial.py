"""What would happen: a request answered on a copy of a world, with the state difference, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from mockserver.errors import ApiError
from mockserver.journal.log import Journal
from mockserver.patch.apply import apply_patch
from mockserver.profile.difference import changed_paths
from mockserver.service.assembly import Mock
from mockserver.service.body import read_operations
from mockserver.service.operations import PATCH
from mockserver.service.request import Request
from mockserver.service.service import Answer
from mockserver.state.memory import MemoryWorld
from mockserver.state.world import World


def dry_run(mock: Mock, world: World, request: Request) -> dict[str, Any]:
    """Return answer, story, state difference and each operation's outcome, as JSON data."""
    twin = _twin(mock, world)
    key = request.head.route.key
    profile = twin.profiles.read(key) if key is not None else None
    answer = mock.service.answer(request, twin)
    exchange = twin.journal.entries(limit=1)[0]
    try:
        patches = request.head.operation is None or request.head.operation.handler == PATCH.handler
        operations = read_operations(request, mock.service.policy, mock.tree) if patches else []
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
        "operations": list(_outcomes(mock, profile, operations, answer.story.refusal)),
    }


def _twin(mock: Mock, world: World) -> MemoryWorld:
    """Return a world that starts as the given one is now and shares nothing with it."""
    twin = MemoryWorld(world.name, mock.fixtures, Journal(10, 1 << 24), seed=world.seed)
    twin.profiles.restore(world.profiles.snapshot())
    if world.clock.frozen:
        twin.clock.freeze(world.clock.now())
    else:
        twin.clock.advance(world.clock.offset_s)
    twin.faults = world.faults
    twin.counters = dict(world.counters)
    return twin


def changes(before: bytes | None, after: bytes | None) -> list[dict[str, Any]]:
    """List the members in which two states of a profile differ."""
    if before is after:
        return []
    old_profile, new_profile = (None if body is None else orjson.loads(body) for body in (before, after))
    rows = changed_paths(old_profile, new_profile)
    return [{"path": path, "before": old, "after": new} for path, old, new in rows]


def _shown_body(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.decode("utf-8", "replace")


def _outcomes(mock: Mock, before: bytes | None, operations: Sequence[Any], refusal: ApiError | None) -> Iterator[Any]:
    """Say of each operation what it did: all or nothing, so that one refusal undoes the others."""
    if refusal is not None and refusal.operation is None and before is None:
        yield from ({"operation": operation, "outcome": "not reached"} for operation in operations)
        return
    stopped = len(operations) if refusal is None or refusal.operation is None else refusal.operation
    steps = _steps(mock, before, operations[:stopped])
    for index, operation in enumerate(operations):
        shown = dict(operation) if isinstance(operation, Mapping) else operation
        if index < stopped:
            outcome = "applied" if refusal is None else "undone"
            yield {"operation": shown, "outcome": outcome, "changed": next(steps, [])}
        elif index == stopped and refusal is not None:
            yield {"operation": shown, "outcome": "refused", "reason": refusal.rule, "message": refusal.message}
        else:
            yield {"operation": shown, "outcome": "not reached"}


def _steps(mock: Mock, before: bytes | None, operations: Sequence[Any]) -> Iterator[list[str]]:
    """Yield the paths that each operation changed, given the ones before it."""
    if before is None:
        return
    dialect = mock.service.policy.dialect
    previous = orjson.loads(before)
    for number, operation in enumerate(operations, 1):
        # The strict dialect completes the profile at the end, so each step starts from the beginning there.
        start = before if dialect.strict_rfc else orjson.dumps(previous)
        todo = operations[:number] if dialect.strict_rfc else [operation]
        try:
            document = apply_patch(todo, orjson.loads(start), mock.tree, dialect)
        except ApiError:
            # A fault struck before the patch had its say: nobody knows of this refusal yet.
            return
        yield [path for path, _, _ in changed_paths(previous, document)]
        previous = document
