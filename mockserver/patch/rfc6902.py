"""The strict dialect: RFC 6902 by the jsonpatch package, under the page's operation, read-only and length rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
from jsonpointer import JsonPointer, JsonPointerException

from mockserver.errors import ApiError, BadRequest
from mockserver.patch.dialect import SUPPORTED_OPERATIONS, read_only_refusal, refuse_too_long, unsupported_operation
from mockserver.profile.conformance import complete, problems
from mockserver.profile.members import Member, MemberTree
from mockserver.profile.work import Work, expansion

_NAMES = (*SUPPORTED_OPERATIONS, "move", "copy")


def apply_rfc_patch(operations: Sequence[Any], document: Any, tree: MemberTree, work: Work) -> dict[str, Any]:
    """Return the patched document; raise BadRequest at the first operation that is refused.

    A member that was removed is absent for the operations that follow; at the end it is printed as the typed resource
    prints a member without a value (assumed).
    """
    for index, operation in enumerate(operations):
        try:
            document = apply_rfc_operation(operation, document, tree, work)
        except ApiError as refusal:
            refusal.operation = index
            raise
    completed: dict[str, Any] = complete(document, tree.root, tree.empty_defaults)
    return completed


def apply_rfc_operation(operation: Any, document: dict[str, Any], tree: MemberTree, work: Work) -> dict[str, Any]:
    """Return the document after one operation, which may be the one passed in, changed; nothing is completed."""
    for name, member in tree.root.members.items():
        # A member that is never returned is there all the same: a test on it is allowed.
        if not member.returned:
            document.setdefault(name, None)
    _refuse_page_rules(operation, tree)
    try:
        patched: dict[str, Any] = jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, ValueError) as refusal:
        raise _refusal(refusal, operation) from refusal
    if operation["op"] in ("add", "replace"):
        _refuse_nonconforming(operation, patched, tree, work)
    return patched


def _refuse_page_rules(operation: Any, tree: MemberTree) -> None:
    op, path = (operation.get("op"), operation.get("path")) if isinstance(operation, Mapping) else (None, None)
    if op in ("move", "copy"):
        raise unsupported_operation(op)
    if op not in SUPPORTED_OPERATIONS or not isinstance(path, str) or op == "test":
        return
    first = tree.root.members.get(path.split("/")[1]) if path.startswith("/") else None
    if path == "" or (first is not None and first.read_only):
        raise read_only_refusal(path.rsplit("/", 1)[-1], path)


def _refuse_nonconforming(operation: Mapping[str, Any], document: Any, tree: MemberTree, work: Work) -> None:
    """Look at what the operation wrote: all else obeyed the contract before it, and still does."""
    path, holder, written = _written(JsonPointer(operation["path"]).parts, operation["value"], document, tree.root)
    refuse_too_long(written, holder, operation["path"])
    if isinstance(written, dict):
        for name, member in holder.members.items():
            work.spend(expansion(written.get(name), member))
    for problem in problems(written, holder, path):
        raise BadRequest(
            f"{problem.path}: {problem.text}", rule="rfc6902-breaks-contract", path=problem.path, hint=problem.hint
        )


def _written(parts: Sequence[str], value: Any, document: Any, root: Member) -> tuple[str, Member, Any]:
    """Return what was written, as an item of its list or an object of that one member: where, as what, and itself."""
    path, holder, target = "", root, document
    for part in parts[:-1]:
        target = target[int(part)] if holder.item is not None else target[part]
        holder = holder.item or holder.members[part]
        path = f"{path}/{part}"
    if holder.item is None:
        return path, holder, {parts[-1]: value}
    index = len(target) - 1 if parts[-1] == "-" else parts[-1]
    return f"{path}/{index}", holder.item, value


# The package's own messages show Python's values; these say what happened, in the order of the classes' kinship.
_TEXTS: tuple[tuple[type[Exception], str, str], ...] = (
    (jsonpatch.JsonPatchTestFailed, "rfc6902-test-failed", "The test at '{path}' failed."),
    (jsonpatch.JsonPatchConflict, "rfc6902-refused", "The target location '{path}' does not exist."),
    (JsonPointerException, "rfc6902-refused", "The path '{path}' can't be resolved (RFC 6901)."),
)


def _refusal(refusal: Exception, operation: Any) -> BadRequest:
    path = operation.get("path") if isinstance(operation, Mapping) else None
    shown = path if isinstance(path, str) else ""
    rule, text = next(
        ((rule, text) for kind, rule, text in _TEXTS if isinstance(refusal, kind)),
        ("rfc6902-refused", "The path '{path}' can't be resolved (RFC 6901)."),
    )
    text = _fault_of(operation) or text.format(path=shown)
    return BadRequest(text, rule="rfc6902-refused" if _fault_of(operation) else rule, path=shown or None)


def _fault_of(operation: Any) -> str | None:
    """Say what is wrong with an operation whatever the profile holds, None if nothing is."""
    if not isinstance(operation, Mapping):
        return f"The operation is {json.dumps(operation)}, which is no object."
    op, path = operation.get("op"), operation.get("path")
    for name in ("op", "path"):
        if name not in operation:
            return f"The operation has no '{name}'."
    if not isinstance(op, str) or op not in _NAMES:
        return f"The operation {json.dumps(op, ensure_ascii=False)} is not one of RFC 6902."
    if not isinstance(path, str):
        return f"The path {json.dumps(path, ensure_ascii=False)} is no text."
    if op != "remove" and "value" not in operation:
        return "The value is missing."
    if op != "add" and path.endswith("/-"):
        return f"'-' names no entry to {op}."
    return None
