"""The story of an answer: one sentence on what happened, where, why, how sure we are, and what to write instead.

Sentences are made when someone reads them, from facts that the request left; a request pays only for the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from mockserver.errors import ApiError
from mockserver.nearest import nearest_name
from mockserver.profile.conformance import KIND_WORDS, problems
from mockserver.profile.members import MemberTree, member_at
from mockserver.story.provenance import RULES, Mark

_WEAKNESS = (Mark.DOCUMENTED, Mark.MOCK, Mark.LIBRARY, Mark.ASSUMED)


class Story(Struct, frozen=True):
    """What a request left behind for people: the reason code, and of a refusal the facts."""

    reason: str
    refusal: ApiError | None = None
    operations: Sequence[Any] | None = None
    rests_on: tuple[str, ...] = ()

    @property
    def provenance(self) -> str:
        """How sure we are of the answer: the weakest mark of the rules that it rests on."""
        if not self.rests_on:
            return RULES[self.reason].mark.value
        return max((RULES[code].mark for code in (self.reason, *self.rests_on)), key=_WEAKNESS.index).value

    @property
    def surprising(self) -> bool:
        """Whether the answer may surprise: a refusal, something tolerated or assumed, a body without effect."""
        return self.refusal is not None or bool(self.rests_on) or self.silent

    @property
    def silent(self) -> bool:
        """Whether a body was read and came to nothing."""
        return self.reason in _SUCCESS_HINTS

    def sentence(self, tree: MemberTree) -> str:
        """Return the whole story as text."""
        rule, refusal, advice = RULES[self.reason], self.refusal, self.hint(tree)
        if refusal is None:
            basis = "".join(f" It rests on: {RULES[code].statement} [{RULES[code].mark}]" for code in self.rests_on)
            told = f"{rule.statement} [{rule.mark}]{basis}"
        else:
            why = f"{_where(refusal, self.operations)}{refusal.why or refusal.message or rule.statement}"
            told = f"{why} ({rule.code}: {rule.statement}) [{rule.mark}]"
        return f"{told} {advice}" if advice else told

    def hint(self, tree: MemberTree) -> str:
        """Return what to write instead, or nothing where we have no good advice."""
        if self.refusal is None:
            return _SUCCESS_HINTS.get(self.reason) or _doubtful_value(self.operations or (), tree, self.rests_on)
        return self.refusal.hint or _hint(self.refusal, self.operations or (), tree)


def advice(reason: str) -> str | None:
    """Return what to do about a refusal of that reason, whatever was sent; None where we have no good advice."""
    text = _ADVICE.get(reason) or _SUCCESS_HINTS.get(reason)
    return text.format(path="the member", parent="its parent") if text else None


def _where(refusal: ApiError, operations: Sequence[Any] | None) -> str:
    index = refusal.operation
    if index is None or operations is None or index >= len(operations):
        return ""
    operation = operations[index]
    if not isinstance(operation, Mapping):
        return f"Operation {index}: "
    name, path = operation.get("op", "add"), operation.get("path")
    return f"Operation {index} ({name} {path if path is not None else 'without a path'}): "


def _hint(refusal: ApiError, operations: Sequence[Any], tree: MemberTree) -> str:
    path = refusal.path or ""
    if refusal.rule == "path-member-unknown":
        return _did_you_mean(path, tree)
    if refusal.rule == "index-out-of-bounds" and (advice := _ascending_removes(refusal, operations)):
        return advice
    if refusal.rule == "index-not-a-number" and "/-/" in path:
        return "- is only possible at the end of a path: name the element by its index."
    if refusal.rule == "value-not-convertible" and (member := member_at(path, tree.root)):
        return f"Send {KIND_WORDS[member.kind]}{' or null' if member.nullable else ''} for {path}."
    return _ADVICE.get(refusal.rule, "").format(path=path, parent=path.rsplit("/", 1)[0])


# A success that may surprise: the body was not empty, and nothing was applied.
_SUCCESS_HINTS = {
    "form-without-operations": "The body was read as a form, as curl -d sends it: add "
    "Content-Type: application/json-patch+json.",
    "xml-without-operations": "The XML held no operation; put them into an <Operations> element.",
}


def _doubtful_value(operations: Sequence[Any], tree: MemberTree, rests_on: Sequence[str]) -> str:
    """Name the first thing in a value that the conversion dropped or changed."""
    if "tolerated-value" not in rests_on:
        return ""
    for operation in operations:
        path = operation.get("path") if isinstance(operation, Mapping) else None
        member = member_at(path, tree.root) if isinstance(path, str) else None
        for problem in problems(operation.get("value"), member) if member is not None else ():
            return f"In the value for {path}: {problem.path} {problem.text}; {problem.hint}"
    return ""


_ADVICE = {
    "op-not-supported": "Send an add with the value, and a remove for the old place.",
    "op-unknown": "Use add, replace, remove or test.",
    "path-missing": "Give each operation a path such as /CustomerType.",
    "operation-null": "Take the null (or the stray comma) out of the list.",
    "path-escape-invalid": "Write ~0 for ~ and ~1 for / inside a name.",
    "path-below-null": "The member above is null: first add it, e.g. an object or an empty list at {parent}.",
    "index-not-a-number": "Use an index from 0, or - to append.",
    "index-out-of-bounds": "Indices start at 0; use - to append.",
    "index-dash-on-empty": "The list is empty: add to it instead.",
    "test-at-dash": "Name the element to test by its index.",
    "test-failed": "Read the profile first (an empty patch [] answers with it) and test for its current value.",
    "member-read-only": "Take this operation out; a test on the member is allowed.",
    "value-too-long": "Shorten the value.",
    "body-null": "Send a JSON array of operations; [] is the smallest.",
    "alternate-id-taken": "Use another id, or remove it from the other profile first.",
    "profile-unknown": "GET /__admin/profiles lists what there is.",
    "client-unknown": "GET /__admin/profiles lists the clients that there are.",
}


def _did_you_mean(path: str, tree: MemberTree) -> str:
    near = nearest_path(path, tree)
    return f"Did you mean {near}?" if near else f"The profile's members are {', '.join(tree.root.members)}."


def nearest_path(path: str, tree: MemberTree) -> str | None:
    """Return the nearest path of the contract, with the indices of the path that was sent."""
    segments = [segment for segment in path.split("/") if segment]
    indices = [s for s in segments if s.isdigit() or s == "-"]
    wanted = "/" + "/".join("*" if s.isdigit() or s == "-" else s for s in segments)
    suggestion = nearest_name(wanted, tree.paths()) or _same_last_name(segments, tree.paths())
    if suggestion is None:
        return None
    for index in indices:
        suggestion = suggestion.replace("*", index, 1)
    return suggestion.replace("*", "0")


def _same_last_name(segments: Sequence[str], paths: Iterable[str]) -> str | None:
    last = segments[-1].lower() if segments else ""
    return next((path for path in paths if last and path.rpartition("/")[2].lower() == last), None)


def _ascending_removes(refusal: ApiError, operations: Sequence[Any]) -> str:
    """Recognise removes sent in ascending order, which the page's own note warns of."""
    parent = (refusal.path or "").rsplit("/", 1)[0]
    removed = [_index_below(parent, op) for op in operations[: (refusal.operation or 0) + 1]]
    indices = [index for index in removed if index is not None]
    if len(indices) < 2 or indices == sorted(indices, reverse=True):
        return ""
    every = [i for op in operations if (i := _index_below(parent, op)) is not None]
    order = ", ".join(str(index) for index in sorted(set(every), reverse=True))
    return (
        "You removed indices in ascending order: after the first, the others have moved; "
        f"send {order} (the page asks for descending order)."
    )


def _index_below(parent: str, operation: Any) -> int | None:
    if not isinstance(operation, Mapping) or str(operation.get("op")).strip().lower() != "remove":
        return None
    above, _, last = str(operation.get("path")).rpartition("/")
    return int(last) if above.lower() == parent.lower() and last.isascii() and last.isdigit() else None
