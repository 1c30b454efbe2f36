"""What would happen: a request answered on a copy of a world, with the state difference, and nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from mockserver.errors import ApiError
from mockserver.journal.log import Journal
from mockserver.patch.apply import apply_one
from mockserver.profile.clr_text import plain
from mockserver.profile.difference import changed_paths
from mockserver.profile.members import MemberTree, member_at
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
        "story": mock.service.secrets.text(answer.story.sentence(mock.tree)),
        "hint": mock.service.secrets.text(answer.story.hint(mock.tree)),
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
        yield from ({"operation": plain(operation), "outcome": "not reached"} for operation in operations)
        return
    stopped = len(operations) if refusal is None or refusal.operation is None else refusal.operation
    steps = _steps(mock, before, operations[:stopped])
    for index, operation in enumerate(operations):
        shown = plain(dict(operation)) if isinstance(operation, Mapping) else operation
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
    document, tree, dialect = orjson.loads(before), mock.tree, mock.service.policy.dialect
    for operation in operations:
        sent = {name: orjson.dumps(document.get(name)) for name in _touched(operation, tree)}
        try:
            document = apply_one(operation, document, tree, dialect)
        except ApiError:
            # A fault struck before the patch had its say: nobody knows of this refusal yet.
            return
        rows = (
            row
            for name, earlier in sent.items()
            for row in changed_paths(orjson.loads(earlier), document.get(name), f"/{name}")
        )
        yield [path for path, old, new in rows if _prints_differ(path, old, new, tree)]


def _touched(operation: Any, tree: MemberTree) -> list[str]:
    """Return the profile's own members that an operation can change, in the profile's order: it costs only these."""
    sent = (operation.get(key) for key in ("path", "from")) if isinstance(operation, Mapping) else ()
    pointers = [text.strip("/").split("/")[0] for text in sent if isinstance(text, str)]
    found = {member.name for first in pointers if (member := tree.root.find(first)) is not None}
    return [name for name in tree.root.members if name in found]


def _prints_differ(path: str, old: Any, new: Any, tree: MemberTree) -> bool:
    """Say whether a change shows: a member that the strict dialect has absent is printed with a value."""
    if old is not None and new is not None:
        return True
    member = member_at(path, tree.root)
    absent = tree.empty_defaults.get(path[1:]) if path.count("/") == 1 else member.default if member else None
    return bool((old if new is None else new) != absent)
