"""A patch operation by operation: what each did to the profile, given those before it. Made when somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from mockserver.errors import ApiError
from mockserver.journal.log import Exchange
from mockserver.journal.view import sent_operations
from mockserver.patch.apply import apply_one, operation_type
from mockserver.patch.dialect import Dialect
from mockserver.profile.changed_paths import changed_paths
from mockserver.profile.clr_text import plain
from mockserver.profile.members import MemberTree, member_at
from mockserver.story.place import instead, place_of

Changes: TypeAlias = list[tuple[str, Any, Any]]

_MOST_CHANGES: Final = 100
"""Of one operation; removing the first of a thousand entries moves all others."""
_MOST_BYTES: Final = 16 << 20
"""Of members compared; the operations after that are told without their changes."""


class Step(NamedTuple):
    """One operation as it was read, what became of it, and what it changed."""

    operation: Any
    outcome: str
    changes: Changes


def steps(
    before: bytes | None, operations: Sequence[Any], refusal: ApiError | None, tree: MemberTree, dialect: Dialect
) -> Iterator[Step]:
    """Yield each operation with its outcome: all or nothing, so that one refusal undoes the others."""
    if refusal is not None and refusal.operation is None and before is None:
        yield from (Step(plain(operation), "not reached", []) for operation in operations)
        return
    stopped = len(operations) if refusal is None or refusal.operation is None else refusal.operation
    changes = _changes(before, operations[:stopped], tree, dialect)
    for index, operation in enumerate(operations):
        shown = plain(dict(operation)) if isinstance(operation, Mapping) else operation
        if index < stopped:
            yield Step(shown, "applied" if refusal is None else "undone", next(changes, []))
        else:
            yield Step(shown, "refused" if index == stopped else "not reached", [])


def steps_json(exchange: Exchange, tree: MemberTree, dialect: Dialect) -> list[dict[str, Any]]:
    """Return the operations of a request with all that is known of them: values, outcome, changes, place, remedy."""
    refusal = None if exchange.applied else exchange.story.refusal
    operations = sent_operations(exchange)
    if exchange.hit is not None and not exchange.hit.applies:
        return [_row(index, Step(plain(operation), "not reached", [])) for index, operation in enumerate(operations)]
    rows = [_row(index, step) for index, step in enumerate(steps(exchange.before, operations, refusal, tree, dialect))]
    stopped = refusal.operation if refusal is not None else None
    if refusal is not None and stopped is not None and stopped < len(rows):
        sent = operations[stopped]
        rows[stopped] |= {
            "reason": refusal.rule,
            "message": refusal.message,
            "at": place_of(refusal, sent, tree),
            "instead": instead(refusal, sent, tree),
        }
    return rows


def _row(index: int, step: Step) -> dict[str, Any]:
    named = step.operation if isinstance(step.operation, dict) else {}
    op, path = named.get("op", "add"), named.get("path")
    is_test = isinstance(op, str) and operation_type(op) == "test"
    return {
        "index": index,
        "op": op,
        "path": path,
        "from": named.get("from"),
        "value": named.get("value"),
        "outcome": "held" if is_test and step.outcome in ("applied", "undone") else step.outcome,
        "changed": [{"path": where, "before": old, "after": new} for where, old, new in step.changes],
        "reason": None,
        "message": None,
        "at": None,
        "instead": None,
    }


def _changes(before: bytes | None, operations: Sequence[Any], tree: MemberTree, dialect: Dialect) -> Iterator[Changes]:
    """Yield what each operation changed, given the ones before it."""
    if before is None:
        return
    document, left = orjson.loads(before), _MOST_BYTES
    for operation in operations:
        earlier = {name: orjson.dumps(document.get(name)) for name in _touched(operation, tree)}
        left -= sum(map(len, earlier.values()))
        if left < 0:
            return
        try:
            document = apply_one(operation, document, tree, dialect)
        except ApiError:
            # A fault struck before the patch had its say: nobody knows of this refusal yet.
            return
        rows = (
            row
            for name, body in earlier.items()
            for row in changed_paths(orjson.loads(body), document.get(name), f"/{name}")
        )
        kept = list(islice((row for row in rows if _prints_differ(*row, tree)), _MOST_CHANGES))
        # The next operation may change what this one put there.
        yield orjson.loads(orjson.dumps(kept)) if kept else []


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
