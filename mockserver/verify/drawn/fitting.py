"""Fit valid operations to one profile, so that they don't only obey the contract but also apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.verify.calls import Key
from mockserver.verify.contract import copied
from mockserver.verify.model import PatchModel, Refused, Unpredictable

Operation = dict[str, Any]
MOST = 40


def fitted(model: PatchModel, profile: Mapping[str, Any], operations: Sequence[Any], key: Key) -> list[Operation]:
    """Return the operations with indices that exist and tests that pass; those that can't be fitted are left out.

    The alternate id of `key`, by which the profile is read, stays the first one.
    """
    state, left = copied(dict(profile)), list[Operation]()
    for sent in operations[:MOST]:
        operation = _fit(state, dict(sent), key)
        if operation is None:
            continue
        try:
            state = model.stepped(state, operation)
        except (Refused, Unpredictable):
            continue
        left.append(operation)
    # A long document stays long, by operations that are quickly predicted.
    unchanging = {"op": "test", "path": "/ProfileId", "value": profile["ProfileId"]}
    return left + [unchanging] * (len(operations) - MOST)


def _fit(state: Mapping[str, Any], operation: Operation, key: Key) -> Operation | None:
    segments = operation["path"].split("/")[1:]
    if segments[0] == "AlternateIds" and operation["op"] != "test":
        if len(segments) == 1:
            return _with_own_id(state, operation, key)
        if segments[1] == "0":
            segments[1] = "1"
    target: Any = state
    for position, sent in enumerate(segments):
        if isinstance(target, list) and sent != "-":
            last = position == len(segments) - 1
            most = len(target) - (0 if operation["op"] == "add" and last else 1)
            segments[position] = str(min(int(sent), most))
        target = _child(target, segments[position])
    operation["path"] = "/" + "/".join(segments)
    if operation["op"] == "test":
        operation["value"] = copied(target)
    return operation


def _child(target: Any, segment: str) -> Any:
    if isinstance(target, Mapping):
        return target.get(segment)
    if isinstance(target, list) and segment.isdigit() and int(segment) < len(target):
        return target[int(segment)]
    return None


def _with_own_id(state: Mapping[str, Any], operation: Operation, key: Key) -> Operation | None:
    entries = state.get("AlternateIds") or []
    if operation["op"] == "remove" or not entries:
        return None
    return {**operation, "value": [copied(entries[0]), *(operation["value"] or [])]}
