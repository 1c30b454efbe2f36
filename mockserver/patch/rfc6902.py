"""The strict dialect: RFC 6902 by the jsonpatch package, under the page's operation, read-only and length rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException

from mockserver.errors import ApiError, BadRequest
from mockserver.patch.dialect import SUPPORTED_OPERATIONS, read_only_refusal, refuse_too_long, unsupported_operation
from mockserver.profile.conformance import complete, problems
from mockserver.profile.members import MemberTree


def apply_rfc_patch(operations: Sequence[Any], document: Any, tree: MemberTree) -> dict[str, Any]:
    """Return the patched document; raise BadRequest at the first operation that is refused.

    A member that was removed is absent for the operations that follow; at the end it is printed as the typed resource
    prints a member without a value (assumed).
    """
    for name, member in tree.root.members.items():
        # A member that is never returned is there all the same: a test on it is allowed.
        if not member.returned:
            document.setdefault(name, None)
    for index, operation in enumerate(operations):
        try:
            _refuse_page_rules(operation, tree)
            document = jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
            _refuse_nonconforming(document, tree, operation)
        except ApiError as refusal:
            refusal.operation = index
            raise
        except (jsonpatch.JsonPatchException, JsonPointerException, TypeError, KeyError, ValueError) as refusal:
            raise _refusal(refusal, operation, index) from refusal
    completed: dict[str, Any] = complete(document, tree.root, tree.empty_defaults)
    return completed


def _refuse_page_rules(operation: Any, tree: MemberTree) -> None:
    op, path = (operation.get("op"), operation.get("path")) if isinstance(operation, Mapping) else (None, None)
    if op in ("move", "copy"):
        raise unsupported_operation(op)
    if op not in SUPPORTED_OPERATIONS or not isinstance(path, str) or op == "test":
        return
    first = tree.root.members.get(path.split("/")[1]) if path.startswith("/") else None
    if path == "" or (first is not None and first.read_only):
        raise read_only_refusal(path.rsplit("/", 1)[-1], path)


def _refuse_nonconforming(document: Any, tree: MemberTree, operation: Any) -> None:
    refuse_too_long(document, tree.root, operation["path"])
    for problem in problems(document, tree.root):
        raise BadRequest(
            f"{problem.path}: {problem.text}", rule="rfc6902-breaks-contract", path=problem.path, hint=problem.hint
        )


# The package's own messages show Python's values; these say what happened, in the order of the classes' kinship.
_TEXTS: tuple[tuple[type[Exception], str, str], ...] = (
    (jsonpatch.JsonPatchTestFailed, "rfc6902-test-failed", "The test at '{path}' failed."),
    (jsonpatch.JsonPatchConflict, "rfc6902-refused", "The target location '{path}' does not exist."),
    (jsonpatch.InvalidJsonPatch, "rfc6902-refused", "The operation is not one of RFC 6902."),
    (JsonPointerException, "rfc6902-refused", "The path '{path}' can't be resolved (RFC 6901)."),
)


def _refusal(refusal: Exception, operation: Any, index: int) -> BadRequest:
    path = operation.get("path") if isinstance(operation, Mapping) else None
    shown = path if isinstance(path, str) else ""
    rule, text = next(
        ((rule, text) for kind, rule, text in _TEXTS if isinstance(refusal, kind)),
        ("rfc6902-refused", "The operation is not one of RFC 6902."),
    )
    return BadRequest(text.format(path=shown), rule=rule, operation=index, path=shown or None)
