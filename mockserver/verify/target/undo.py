"""What to send so that a profile is as it was: own differences and inverse patches, without move and copy.

Every patch begins with `test` operations on what it is about to change, so that it is refused as a whole when somebody
else got there first. What somebody else changed is found by comparing with what our own last answer showed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from mockserver.verify.differences import MISSING
from mockserver.verify.pointers import holder_of, pointer_to, value_at

Operation = dict[str, Any]


class Change(NamedTuple):
    """One difference: at `pointer`, counted in the present profile, is `found`; `wanted` should be there.

    `entry` is an index for a whole entry of a collection that is too much (`wanted` is MISSING, `pointer` leads to it)
    or missing (`found` is MISSING, `pointer` leads to its collection).
    """

    pointer: str
    found: Any
    wanted: Any
    entry: int | None = None

    @property
    def is_missing_entry(self) -> bool:
        """Whether a collection lacks an entry."""
        return self.entry is not None and self.found is MISSING

    @property
    def place(self) -> str:
        """Where the change shows, for people."""
        return f"{self.pointer}/{self.entry}" if self.is_missing_entry else self.pointer


def canonical(value: Any) -> str:
    """Return a text that is equal for equal JSON values only: true is not 1."""
    return json.dumps(value, sort_keys=True)


def without_stamp(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Return the profile without the stamp of its last change: the run's own, which nobody can take back.

    Before its first change a profile may have none.
    """
    edited = profile.get("Edited", MISSING)
    if edited is None:
        return {**profile, "Edited": {}}
    if not isinstance(edited, dict):
        return dict(profile)
    kept = {name: value for name, value in edited.items() if name not in ("ModifiedDate", "ModifiedBy")}
    return {**profile, "Edited": kept}


def lasting_differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the changes that make `found` what is `wanted`, but for stamps.

    A server may write all of Edited anew with a change: what then says the same as the stamp is part of it.
    """
    edited = found.get("Edited")
    stamps = edited if isinstance(edited, dict) else {}
    when = stamps.get("ModifiedDate")
    anew = (when, stamps.get("ModifiedBy")) if when and stamps.get("CreateDate") == when else ()
    for change in differences(without_stamp(wanted), without_stamp(found)):
        stamp = change.found in anew or (change.found is None and change.wanted is MISSING)
        if not (stamp and change.pointer.startswith("/Edited/")):
            yield change


def differences(wanted: Any, found: Any, pointer: str = "") -> Iterator[Change]:
    """Yield the fewest changes that make `found` what is `wanted`; entries of a collection are aligned."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in {**found, **wanted}:
            here = f"{pointer}{pointer_to([name])}"
            yield from differences(wanted.get(name, MISSING), found.get(name, MISSING), here)
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _entries(wanted, found, pointer)
    elif wanted is MISSING or found is MISSING or canonical(wanted) != canonical(found):
        yield Change(pointer, found, wanted)


def _entries(wanted: list[Any], found: list[Any], pointer: str) -> Iterator[Change]:
    texts = [canonical(item) for item in found], [canonical(item) for item in wanted]
    blocks = SequenceMatcher(None, *texts, autojunk=False).get_opcodes()
    equal = sum(left_end - left for tag, left, left_end, _, _ in blocks if tag == "equal")
    edits = len(found) + len(wanted) - 2 * equal
    if len(wanted) == len(found) and sum(map(str.__ne__, *texts)) < edits:
        blocks = [("replace", 0, len(found), 0, len(wanted))]
    for tag, left, left_end, right, right_end in blocks:
        if tag == "equal":
            continue
        both = min(left_end - left, right_end - right)
        for offset in range(both):
            yield from differences(wanted[right + offset], found[left + offset], f"{pointer}/{left + offset}")
        for index in range(left + both, left_end):
            yield Change(f"{pointer}/{index}", found[index], MISSING, index)
        for index in range(right + both, right_end):
            yield Change(pointer, MISSING, wanted[index], index)


def ours(changes: Sequence[Change], touched: Sequence[str], foreign: Sequence[Change]) -> list[Change]:
    """Return the changes that this run made: below or above what it touched, and not changed by others since.

    `touched` are pointers in small letters, "" for the whole profile.
    """
    mine = [change for change in changes if any(_covered(change, pointer) for pointer in touched)]
    return unmoved(mine, foreign)


def unmoved(changes: Sequence[Change], meanwhile: Sequence[Change]) -> list[Change]:
    """Return the changes that none of those that happened meanwhile has to do with."""
    return [change for change in changes if not any(_overlap(change, other) for other in meanwhile)]


def _covered(change: Change, touched: str) -> bool:
    pointer = change.pointer.lower()
    return f"{pointer}/".startswith(f"{touched}/") if change.is_missing_entry else related(pointer, touched)


def related(one: str, other: str) -> bool:
    """Say whether one pointer is the other or leads to it."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _overlap(one: Change, other: Change) -> bool:
    if one.is_missing_entry and other.is_missing_entry:
        return one.pointer == other.pointer and canonical(one.wanted) == canonical(other.wanted)
    # An entry that is missing says nothing of its neighbours, only of a collection that is gone as a whole.
    if one.is_missing_entry:
        return f"{one.pointer}/".startswith(f"{other.pointer}/")
    if other.is_missing_entry:
        return f"{other.pointer}/".startswith(f"{one.pointer}/")
    return related(one.pointer, other.pointer)


def inverse_patch(changes: Sequence[Change], found: Mapping[str, Any]) -> list[Operation]:
    """Return one guarded patch: tests, replaces, removes in descending order, then adds in ascending order.

    The vendor asks for descending removes, and for replace before remove (documented).
    """
    removes = [row for row in changes if row.entry is not None and row.wanted is MISSING]
    adds = [row for row in changes if row.is_missing_entry]
    guards = [test for change in changes for test in _guards(change, found)]
    tests = [test for number, test in enumerate(guards) if test not in guards[:number]]
    sets = [_set(row) for row in changes if row.entry is None]
    descending = sorted(removes, key=lambda row: (row.pointer.rpartition("/")[0], -(row.entry or 0)))
    return [*tests, *sets, *({"op": "remove", "path": row.pointer} for row in descending), *_adds(adds, removes, found)]


def coarse_patch(member: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[Operation]:
    """Return a guarded patch that replaces one whole member."""
    patch = {"op": "replace", "path": f"/{member}", "value": wanted.get(member)}
    return [*_whole_tests(f"/{member}", found.get(member)), patch]


def blind_patches(before: Mapping[str, Any], touched: Sequence[str]) -> Iterator[list[Operation]]:
    """Yield a patch for each member that a case touched, guarded only by which profile it is."""
    members = {pointer.split("/")[1] for pointer in touched if pointer}
    for name, value in before.items():
        if name.lower() in members:
            guard = {"op": "test", "path": "/ProfileId", "value": before.get("ProfileId")}
            yield [guard, {"op": "replace", "path": f"/{name}", "value": value}]


def _set(change: Change) -> Operation:
    if change.wanted is MISSING:
        return {"op": "remove", "path": change.pointer}
    return {"op": "add" if change.found is MISSING else "replace", "path": change.pointer, "value": change.wanted}


def _adds(adds: Sequence[Change], removes: Sequence[Change], found: Mapping[str, Any]) -> Iterator[Operation]:
    lengths: dict[str, int] = {}
    for change in sorted(adds, key=lambda row: (row.pointer, row.entry or 0)):
        if change.pointer not in lengths:
            gone = sum(row.pointer.rpartition("/")[0] == change.pointer for row in removes)
            lengths[change.pointer] = len(value_at(found, change.pointer)) - gone
        # Somebody else may have taken entries away, so that the old place is beyond the end.
        index = min(change.entry or 0, lengths[change.pointer])
        lengths[change.pointer] += 1
        yield {"op": "add", "path": f"{change.pointer}/{index}", "value": change.wanted}


def _guards(change: Change, found: Mapping[str, Any]) -> Iterator[Operation]:
    if change.found is not MISSING:
        yield from _whole_tests(change.pointer, change.found)
    elif change.entry is not None:
        entries = value_at(found, change.pointer)
        if not entries:
            yield {"op": "test", "path": change.pointer, "value": []}
        # The neighbours of the gap: with them in place, so is the gap.
        for index in range(max(0, change.entry - 1), min(change.entry + 1, len(entries))):
            yield from leaf_tests(f"{change.pointer}/{index}", entries[index])


def _whole_tests(pointer: str, value: Any) -> Iterator[Operation]:
    """Test all that a replaced value holds; of a collection also its length, which its leaves don't show."""
    if isinstance(value, list):
        yield {"op": "test", "path": pointer, "value": value}
    else:
        yield from leaf_tests(pointer, value)


def leaf_tests(pointer: str, value: Any) -> Iterator[Operation]:
    """Test each scalar by itself: entries may have members that answers don't show, so that whole ones don't match."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaf_tests(f"{pointer}{pointer_to([name])}", item)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaf_tests(f"{pointer}/{index}", item)
    elif value != {}:
        yield {"op": "test", "path": pointer, "value": value}


def applied(profile: Mapping[str, Any], operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the profile as an inverse patch leaves it."""
    result: dict[str, Any] = copy.deepcopy(dict(profile))
    for operation in operations:
        if operation["op"] == "test":
            continue
        holder, name = holder_of(result, operation["path"])
        if operation["op"] == "remove":
            del holder[name]
        elif isinstance(holder, list) and operation["op"] == "add":
            holder.insert(name, operation["value"])
        else:
            holder[name] = operation["value"]
    return result
