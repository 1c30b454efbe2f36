"""What would happen: a request answered on a copy of a world, with the state difference, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from mockserver.errors import ApiError
from mockserver.journal.log import Journal
from mockserver.journal.steps import Step, steps
from mockserver.journal.view import changes_json
from mockserver.service.answer import Answer
from mockserver.service.assembly import Mock
from mockserver.service.body import read_operations
from mockserver.service.operations import PATCH
from mockserver.service.request import Request
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
    told = steps(profile, operations, answer.story.refusal, mock.tree, mock.service.policy.dialect)
    return {
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": _shown_body(answer),
        "reason": answer.story.reason,
        "provenance": answer.story.provenance,
        "story": mock.service.secrets.text(answer.story.sentence(mock.tree)),
        "hint": mock.service.secrets.text(answer.story.hint(mock.tree)),
        "changes": changes_json(exchange),
        "operations": list(_outcomes(told, answer.story.refusal)),
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


def _shown_body(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.decode("utf-8", "replace")


def _outcomes(steps: Iterable[Step], refusal: ApiError | None) -> Iterator[dict[str, Any]]:
    """Yield what each operation did, and of the refused one why."""
    for operation, outcome, rows in steps:
        told: dict[str, Any] = {"operation": operation, "outcome": outcome}
        if outcome in ("applied", "undone"):
            told["changed"] = [path for path, _, _ in rows]
        elif outcome == "refused" and refusal is not None:
            told |= {"reason": refusal.rule, "message": refusal.message}
        yield told
