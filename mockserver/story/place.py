"""Where in an operation a refusal was decided, and what to write instead, as data: what a page marks and offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.errors import ApiError
from mockserver.nearest import nearest_name
from mockserver.profile.members import Kind, Member, MemberTree, member_at
from mockserver.story.story import nearest_path

_OPERATIONS: Final = ("add", "replace", "remove", "test")
# The member of the operation that decides, by the first word of a reason; a path is what most are about.
_DECIDES: Final[Mapping[str, str]] = {
    "op-not-supported": "op",
    "op-unknown": "op",
    "from-missing": "from",
    "copy-of-null": "from",
    "value-not-convertible": "value",
    "value-too-long": "value",
    "test-failed": "value",
    "rfc6902-test-failed": "value",
}
_YES, _NO = frozenset(("true", "yes", "1", "on")), frozenset(("false", "no", "0", "off"))


def place_of(refusal: ApiError, operation: Any, tree: MemberTree) -> dict[str, Any] | None:
    """Return the member of an operation that decided, and of a path the segment; None for what is no operation."""
    if not isinstance(operation, Mapping):
        return None
    member = _DECIDES.get(refusal.rule, "path")
    path = operation.get("path")
    return {"member": member, "segment": _segment(refusal.rule, path, tree) if member == "path" else None}


def _segment(rule: str, path: Any, tree: MemberTree) -> str | None:
    """Return the segment of a path that a rule is about."""
    segments = [segment for segment in path.split("/") if segment] if isinstance(path, str) else []
    if rule == "path-escape-invalid":
        return next((one for one in segments if "~" in one.replace("~0", "").replace("~1", "")), None)
    if rule.startswith(("index-", "test-at-dash")):
        return next((one for one in reversed(segments) if one.lstrip("-").isdigit() or one == "-"), segments[-1:][0])
    if rule == "path-member-unknown":
        member: Member | None = tree.root
        for segment in segments:
            member = member and (member.item or member.find(segment.replace("~1", "/").replace("~0", "~")))
            if member is None:
                return segment
    return segments[0] if segments else None


def instead(refusal: ApiError, operation: Any, tree: MemberTree) -> dict[str, Any] | None:
    """Return the operation that was probably meant, None where we know of none."""
    if not isinstance(operation, Mapping):
        return None
    change = _change(refusal.rule, operation, tree)
    return {**operation, **change} if change else None


def _change(rule: str, operation: Mapping[str, Any], tree: MemberTree) -> dict[str, Any] | None:
    path, value = operation.get("path"), operation.get("value")
    if rule == "op-unknown":
        name = nearest_name(str(operation.get("op")).strip().lower(), _OPERATIONS)
        return {"op": name} if name else None
    if not isinstance(path, str):
        return None
    member = member_at(path, tree.root)
    if rule == "path-member-unknown":
        near = nearest_path(path, tree)
        return {"path": near} if near else None
    if rule == "index-dash-on-empty":
        return {"op": "add"}
    if rule == "index-out-of-bounds" and str(operation.get("op")).lower() == "add":
        return {"path": f"{path.rpartition('/')[0]}/-"}
    if rule == "value-too-long" and member is not None and isinstance(value, str):
        return {"value": value[: member.max_length]}
    return _converted(value, member) if rule == "value-not-convertible" and member is not None else None


def _converted(value: Any, member: Member) -> dict[str, Any] | None:
    text = str(value).strip().lower()
    if member.kind is Kind.BOOLEAN and text in _YES | _NO:
        return {"value": text in _YES}
    if member.kind is Kind.INTEGER and text.isascii() and text.lstrip("-").isdigit():
        return {"value": int(text)}
    if member.kind is Kind.LIST and isinstance(value, Mapping):
        return {"value": [dict(value)]}
    return None
