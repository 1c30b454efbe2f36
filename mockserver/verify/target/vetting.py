"""May this call be sent to a real target? Judged by the bytes of the request, not by what its author meant.

The judgement errs on the side of refusal: a body counts as harmless only if no reader, however lenient, could find an
operation in it that changes something.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote

from mockserver.verify.calls import Call, Key, by_profile_id, quoted
from mockserver.verify.contract import Contract, Shape
from mockserver.verify.pointers import unescaped
from mockserver.verify.target.targets import Target

# Whatever is not sent by one of these counts as writing.
_READING = ("GET", "HEAD", "OPTIONS")
# The first three turn a PATCH into another method, the last hides from us what the body says.
_DISGUISES = frozenset({"x-http-method-override", "x-http-method", "x-method-override", "content-encoding"})
# Words that keep a body which we can't read from being sent; a backslash could spell any of them.
_DELICATE = (b"alternateids", b"isactive", b"profileid", b"consents", b"edited", b"reasoncode", b"\\")
_NOT_BACK = "an inactive profile is found by its ProfileId alone: operations must name patchProfile and activateProfile"
_TAKES_THE_ID = "the operation could take away the id that the profile is found by"
EVERYTHING = ""


NO_LEAVE = "it could change the profile, which takes --write"


class Leave(NamedTuple):
    """What may be changed: `why_not` says why nothing, and is empty where something may.

    `members` are those of the contract at the top of a profile, by their names in small letters. `shown` is the profile
    of the call as it was last read, by which an index of AlternateIds is understood.
    """

    why_not: str = NO_LEAVE
    members: Mapping[str, Shape] = MappingProxyType({})
    shown: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, contract: Contract, *, write: bool) -> Leave:
        """Return the leave that the user gave."""
        members = {name.lower(): shape for name, shape in contract.profile.members.items()}
        return cls("" if write else NO_LEAVE, members)

    @property
    def read_only(self) -> frozenset[str]:
        """The members that the page calls read-only."""
        return frozenset(name for name, shape in self.members.items() if shape.read_only)

    def half_shown(self) -> Iterator[str]:
        """Yield the members that are shown without something they may hold: put back as shown, it would be lost."""
        shown = self.shown or {}
        nulls = _shows_nulls(shown)
        for name, value in shown.items():
            if (shape := self.members.get(name.lower())) and _lacks(value, shape, nulls=nulls):
                yield name.lower()


def could_change(call: Call) -> bool:
    """Say whether a 200 could have changed the profile."""
    if call.method in _READING:
        return False
    return call.may_change or call.method != "PATCH" or not _harmless(call.body)


def touched(call: Call) -> tuple[str, ...]:
    """Return JSON pointers, names in small letters, that cover all that a call may change; "" is the whole profile.

    A patch that adds or removes an entry touches its collection; Deactivate and Activate touch one flag.
    """
    if call.method == "POST":
        return ("/isactive",)
    operations = _operations(call.body, among_others=True)
    if operations is None:
        return (EVERYTHING,)
    return tuple(pointer for operation in operations for pointer in _touched_by(operation))


def refusal(call: Call, target: Target, leave: Leave) -> str | None:
    """Return why a call may not be sent to a target, None if it may; a mock takes everything."""
    if target.mock:
        return None
    listed, changes = call.key in target.keys, could_change(call)
    if listed and changes and leave.why_not:
        return leave.why_not
    if not listed and call.key not in target.absent:
        return "the target does not list this profile"
    if any(name.lower() in _DISGUISES for name, _ in call.headers):
        return "a header makes the request another one than it seems"
    name = operation_of(call, leave.shown)
    if reason := _operation_refusal(call, name, target):
        return reason
    if not changes or call.method != "PATCH":
        return None if listed or not changes else "the profile is listed as absent"
    return _write_refusal(call, target, leave) if listed else "the profile is listed as absent"


def operation_of(call: Call, shown: Mapping[str, Any] | None) -> str:
    """Return the operation that a call asks for: "" is the PATCH by alternate id, "?" whatever is none beyond doubt.

    A ProfileId counts only if it is that of the profile as it was shown.
    """
    if call.path is None or _same_place(call.path, call.key):
        return {"PATCH": "", "GET": "readProfileByAlternateId", "HEAD": "", "OPTIONS": ""}.get(call.method, "?")
    place = by_profile_id(call.key, (shown or {}).get("ProfileId"))
    known = {
        ("PATCH", place): "patchProfile",
        ("GET", place): "readProfile",
        ("POST", f"{place}/Deactivate"): "deactivateProfile",
        ("POST", f"{place}/Activate"): "activateProfile",
        ("GET", f"/{quoted(call.key)[0]}/Tags"): "readTags",
    }
    return known.get((call.method, call.path), "?")


def _operation_refusal(call: Call, name: str, target: Target) -> str:
    if not name or name in target.operations:
        return _NOT_BACK if name == "deactivateProfile" and not _can_activate(target, name) else ""
    if name.startswith("readProfile"):
        return "" if target.reads == "get" else 'the target may not have that GET (reads = "get" allows it)'
    if name != "?":
        return f'the target may not have it, or its owner not want it (operations = ["{name}"] allows it)'
    if call.method in ("PATCH", *_READING):
        return "the path does not name the listed profile beyond doubt"
    return f"{call.method} may be another operation of the real system"


def _can_activate(target: Target, by: str) -> bool:
    """Say whether a profile that a case makes inactive can be read and brought back: by its ProfileId alone."""
    needed = {"patchProfile", "activateProfile"} if by == "deactivateProfile" else {"patchProfile"}
    return needed <= set(target.operations)


def _write_refusal(call: Call, target: Target, leave: Leave) -> str | None:
    operations = _operations(call.body)
    if operations is None:
        # What such a body means is up to the server; the restore copes, but not with everything.
        harmful = _harmful(call, leave.half_shown())
        return "the body can't be read, so that it might change what can't be restored" if harmful else None
    ids_known = True
    for operation in operations:
        segments = _segments(_folded(operation).get("path"))
        if _name(operation) == "test":
            continue
        if not segments:
            return "an operation on the whole profile could replace it"
        if reason := _member_refusal(operation, segments[0], target, leave):
            return reason
        if segments[0] == "alternateids":
            appends = _name(operation) == "add" and len(segments) == 2
            if not appends and not (ids_known and _spares_the_key(segments, target, leave.shown)):
                return _TAKES_THE_ID
            ids_known = False
        if _segments(_folded(operation).get("from"))[:1] == ["alternateids"]:
            return _TAKES_THE_ID
    return None


def _member_refusal(operation: Mapping[str, Any], name: str, target: Target, leave: Leave) -> str | None:
    current = leave.shown
    if name == "isactive" and not _stays_active(operation, current):
        if not target.may_deactivate:
            return "a patch may not be able to activate the profile again (may_deactivate = true allows it)"
        if not _can_activate(target, "patch"):
            return _NOT_BACK
    if name in leave.members and current is not None and name not in map(str.lower, current):
        return "the target does not show this member, so that a change could not be seen"
    if name in leave.half_shown():
        return "the target does not show all that this member holds, so that it could not be put back as it was"
    if name in leave.read_only and not target.try_read_only:
        return "a read-only member may not be restorable (try_read_only = true allows it)"
    return None


def _stays_active(operation: Mapping[str, Any], current: Mapping[str, Any] | None) -> bool:
    sets = _name(operation) in ("add", "replace") and operation.get("value") is True
    return sets and (current or {}).get("IsActive") is True


def _harmful(call: Call, hidden: Iterable[str]) -> bool:
    text = call.body.replace(b"\0", b"").lower()
    return any(word in text for word in (*_DELICATE, *(name.encode() for name in hidden)))


def _shows_nulls(value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(item is None or _shows_nulls(item) for item in items)


def _lacks(value: Any, shape: Shape, *, nulls: bool) -> bool:
    """Say whether a value lacks a member of the contract that may hold something.

    A server that shows no null at all may leave out what is null; a flag or a number never is.
    """
    if isinstance(value, list) and shape.item is not None:
        return any(_lacks(entry, shape.item, nulls=nulls) for entry in value)
    if not isinstance(value, Mapping):
        return False
    shown = {name.lower(): item for name, item in value.items()}
    for name, member in shape.members.items():
        if name.lower() in shown:
            if _lacks(shown[name.lower()], member, nulls=nulls):
                return True
        elif member.returned and (nulls or member.kind in ("boolean", "integer")):
            return True
    return False


def _spares_the_key(segments: list[str], target: Target, current: Mapping[str, Any] | None) -> bool:
    entries = (current or {}).get("AlternateIds")
    if len(segments) < 2 or not segments[1].isdecimal() or not isinstance(entries, list):
        return False
    index = int(segments[1])
    entry = entries[index] if index < len(entries) else None
    named = {(kind.lower(), identifier.lower()) for _, kind, identifier in target.keys}
    if not isinstance(entry, Mapping):
        return True
    return (_lower(entry, "AlternateIdType"), _lower(entry, "AlternateId")) not in named


def _lower(entry: Mapping[str, Any], name: str) -> str:
    return str(entry.get(name)).lower()


def _harmless(body: bytes) -> bool:
    operations = _operations(body)
    if operations is not None:
        return all(row.get("op") == "test" and set(row) <= {"op", "path", "value"} for row in operations)
    # No operation comes without a path (library: its absence throws). \u could spell the word in another way, and
    # UTF-16 puts a zero byte between its letters.
    text = body.replace(b"\0", b"").lower()
    return b"path" not in text and b"\\u" not in text and b"&#" not in text


def _operations(body: bytes, *, among_others: bool = False) -> list[dict[str, Any]] | None:
    """Return the operations of a body, None if it has other elements, which `among_others` leaves out, or none."""
    try:
        document = json.loads(body.decode("utf-8"), object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list):
        return None
    operations = [element for element in document if isinstance(element, dict)]
    others = [element for element in document if not isinstance(element, dict)]
    # In a list within the list a lenient reader might find operations.
    return operations if not others or (among_others and list not in map(type, others)) else None


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _folded(operation: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in operation.items()}


def _name(operation: Mapping[str, Any]) -> str:
    # Numbers, missing names and other spellings are left as they are: none of them equals a name that is let pass.
    return str(_folded(operation).get("op", ""))


def _segments(path: Any) -> list[str]:
    if path is None:
        return []
    return [unescaped(part).strip().lower() for part in str(path).split("/") if part]


def _touched_by(operation: Mapping[str, Any]) -> Iterator[str]:
    name, folded = _name(operation), _folded(operation)
    if name == "test":
        return
    segments = _segments(folded.get("path"))
    last = segments[-1] if segments else ""
    if name != "replace" and (last == "-" or last.lstrip("+-0 ").isdecimal() or last.strip("+-0 ") == ""):
        segments = segments[:-1]
    yield "".join(f"/{segment}" for segment in segments)
    if "from" in folded:
        yield EVERYTHING


def _same_place(path: str, key: Key) -> bool:
    """Say whether a path is the key's own, but for letter case of the fixed words and a slash at the end."""
    if any(sign in path for sign in "?#;\\") or "%2f" in path.lower() or "%5c" in path.lower():
        return False
    parts = [unquote(part) for part in path.removesuffix("/").split("/")]
    own = ["", key[0], "profile", "alternateidtype", key[1], "alternateid", key[2]]
    fixed = (0, 2, 3, 5)
    return len(parts) == len(own) and all(
        (part.lower() if place in fixed else part) == own[place] for place, part in enumerate(parts)
    )
