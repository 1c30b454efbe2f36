"""The library's behaviour, row by row: each row of the recorded table is a named test over the runs that showed it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mockserver.errors import ApiError, MalformedBody
from mockserver.formats.json_read import read_patch
from mockserver.patch.apply import apply_patch
from mockserver.patch.dialect import LIBRARY
from mockserver.profile.members import MemberTree
from tests.conftest import VECTORS

RUNS: dict[str, dict[str, Any]] = {
    run["id"]: run
    for name in ("patch_vectors.jsonl", "patch_vectors_2.jsonl")
    for line in (VECTORS / name).read_text(encoding="utf-8").split("\n")[:-1]
    for run in [json.loads(line)]
}

# Row -> the recorded runs that show it. A name ending in * stands for all runs of that area.
ROWS: dict[str, str] = {
    "O1 operation in other case or with spaces": "op-name-002 op-name-004 op-name-006",
    "O2 a missing operation is an add": "members-001 members-041",
    "O3 operations by number": "op-name-014 op-name-015 op-name-018 op-name-035 op-name-036 op-name-039",
    "O4 unknown operations are refused": "op-name-007 op-name-009 op-name-010 op-name-011 op-name-019 op-name-044",
    "O5 other 32-bit numbers do nothing": "op-name-020 op-name-021 op-name-022",
    "O6 names joined by commas are OR-ed, numbers are not": "op-name-027 op-name-028 op-name-029 op-name-031 "
    "op-name-032 o2-d-b-*",
    "O7 member names in other case": "members-022 members-032 members-033 members-034",
    "O8 of duplicate names the last wins": "members-028 members-029 members-030 members-031",
    "O9 extra members are ignored": "members-024 members-025 members-026 remove-022",
    "O10 a missing path throws": "members-002 members-003 members-004 members-005 members-006 members-007",
    "O11 a path or operation of another type becomes text": "members-008 members-009 op-name-040",
    "O12 a path or operation that is an object or array is refused": "members-010 members-011 op-name-041",
    "O13 a missing value is null": "members-012 members-014 members-016 members-017 members-018 members-019 test-086",
    "O14 a $ref operation is null": "members-039",
    "O15 a container where metadata should be derails the reader": "o2-d-d-001 o2-d-d-005 o2-d-d-015 "
    "o2-d-d-021 o2-d-d-023 o2-d-f-042",
    "P1 no leading slash": "path-005 path-nested-001",
    "P2 empty segments are dropped": "path-006 path-007 path-008 path-nested-002",
    "P3 a trailing slash names the list": "index-remove-017",
    "P4 the whole document is not found": "path-001 test-083 path-add-001",
    "P5 a lone slash is not found": "path-002",
    "P6 members in other case": "path-010 path-nested-016 path-add-006",
    "P7 unknown members are never created": "path-nested-025 path-nested-026 path-nested-027 path-nested-034",
    "P8 bad escapes": "path-027 path-028 path-029 path-030",
    "P9 nothing else is decoded": "path-014 path-016 path-026 path-039 path-040 path-041 path-044",
    "P10 below a scalar": "path-021 path-022 path-023",
    "P11 lengths and read-only members are unknown to the library": "length-002 basic-007 basic-025",
    "N1 a null on the way": "path-nested-020 remove-026 index-empty-011 test-076 o2-d-g-*",
    "A1 indices with zeros, sign, spaces, NUL": "index-replace-008 index-replace-010 index-replace-011 "
    "index-replace-019 index-replace-022 index-traverse-004",
    "A2 a dash appends": "index-add-005",
    "A3 a dash is the last element": "index-remove-005 index-replace-005 move-copy-004",
    "A4 a dash in a test or an empty list throws": "index-test-005 index-empty-001 index-empty-002 index-empty-003 "
    "o2-d-c-*",
    "A5 a dash in the middle": "index-traverse-001",
    "A6 the length appends": "index-add-003",
    "A7 out of bounds": "index-add-004 index-add-006 index-replace-020",
    "A8 not an index": "index-add-015 index-remove-013 index-remove-021",
    "A9 indices shift": "shift-*",
    "R1 a removed member is null, false or 0": "remove-001 remove-002 remove-003 remove-006 remove-018",
    "R2 removing twice": "remove-025 remove-023",
    "R3 removing a collection": "remove-013 remove-026 remove-028",
    "C1 values that can't be converted": "conv-object-001 conv-long-043 conv-list-011",
    "C2 booleans from text": "conv-bool-004 conv-bool-006 conv-bool-008 conv-bool-009 conv-bool-002",
    "C3 booleans from numbers": "conv-bool-016 conv-bool-022 conv-bool-033",
    "C4 integers from text": "conv-long-009 conv-long-012 conv-long-013 conv-long-014 conv-long-002",
    "C5 integers from floats": "conv-long-022 conv-long-023 conv-long-024 conv-long-026 conv-long-031",
    "C6 integers from booleans": "conv-long-038 conv-long-039",
    "C7 text from numbers": "conv-string-018 conv-string-027 conv-string-033 conv-string-036 conv-string-037 "
    "o2-d-z-016",
    "C8 text from booleans": "conv-string-038",
    "C9 text from objects": "conv-string-041 conv-string-043",
    "C10 null": "conv-bool-040 conv-long-040 conv-object-005 conv-list-005 conv-item-004",
    "C11 empty text into objects and lists": "conv-object-002 conv-list-002",
    "C12 objects, lists and items don't mix": "conv-list-020 conv-item-007 conv-object-015 conv-item-001",
    "C13 unknown members are dropped": "conv-object-012 conv-list-018",
    "C14 members of values in other case": "conv-object-008 conv-list-019",
    "C15 members left out become null, false or 0": "conv-object-007 conv-list-013 basic-052",
    "C16 dates are formatted anew": "conv-string-053 conv-string-054 conv-string-056 conv-string-058 custom-field-001",
    "C17 Microsoft's dates": "conv-string-060 conv-string-061 o2-d-d-020 o2-d-e-* o2-d-e2-* o2-d-z-002 "
    "o2-d-z-006 o2-d-z-009",
    "C18 lone surrogates": "unicode-017 unicode-018",
    "C19 references and metadata": "conv-object-018 conv-object-019 conv-object-020 o2-d-f-*",
    "C20 constructors and undefined in a message": "o2-d-n-* o2-d-u-*",
    "C21 values that move and copy find are of their class": "o2-d-a-*",
    "T1 a test converts first": "test-003 test-006 test-013 test-015 test-028 test-029 test-033",
    "T2 members missing where null": "test-046 test-047 test-048",
    "T3 members missing where not null": "test-049",
    "T4 text is compared exactly": "test-021 test-022 test-041",
    "T5 dates in another form": "test-068 test-072",
    "T6 the order of a list": "test-054",
    "T7 null against booleans and integers": "test-008",
    "T8 what a failing test says": "test-021 test-049 test-061 test-036",
    "M1 it stops at the first failure": "atomic-*",
    "M3 elements that are no objects": "document-016 document-017 document-019 document-021 document-023",
    "move and copy": "move-copy-*",
    "D1 no document": "document-001 document-002 document-003 document-004 document-005",
    "D2 an empty list": "document-006",
    "D3 not a list": "document-008 document-011 document-025 document-027 document-028",
    "D4 null elements and holes": "document-013 document-014 document-015 document-037 document-038",
    "D5 anything after the end": "document-030 document-031 document-032",
    "D6 comments, quotes, commas, line ends": "document-033 document-035 document-036 document-039 document-040 "
    "document-044 document-052",
    "D7 other numbers and names": "conv-long-066 conv-long-067 document-062 document-063 conv-string-062 "
    "conv-string-065",
    "D8 what no reader takes": "document-046 document-049 document-050 document-061",
    "D9 too deep, too large": "document-059 document-064",
}


def runs_of(names: str) -> Iterator[dict[str, Any]]:
    for name in names.split():
        if name.endswith("*"):
            yield from (run for key, run in RUNS.items() if key.startswith(name[:-1]))
        else:
            yield RUNS[name]


def outcome(run: dict[str, Any], base: bytes, tree: MemberTree) -> tuple[int, Any]:
    """Apply one recorded body as a checking action does: (200, profile) or (status, error body)."""
    try:
        operations = read_patch(run["body"].encode("utf-8", "surrogatepass"), charset=None)
        if operations is None:
            return 400, {"Message": "operations is null"}
        profile = apply_patch(operations, orjson.loads(base), tree, LIBRARY)
    except MalformedBody as refusal:
        state = {key: ["An error has occurred."] for key in refusal.model_state}
        return 400, {"Message": refusal.message, "ModelState": state}
    except ApiError as refusal:
        return refusal.status, {"Message": refusal.message}
    profile.pop("ReasonCode", None)
    return 200, profile


def expected(run: dict[str, Any]) -> tuple[int, Any]:
    if run["outcome"] == "ok":
        return 200, run["profile"]
    return run["status_if_checked"], json.loads(run["http_body_if_checked"])


@pytest.mark.parametrize("row", ROWS)
def test_row(row: str, base_profile: bytes, tree: MemberTree) -> None:
    """The recorded runs of one row come out as recorded."""
    runs = list(runs_of(ROWS[row]))
    assert runs
    for run in runs:
        assert outcome(run, base_profile, tree) == expected(run), run["id"]


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_recorded_run(run: dict[str, Any], base_profile: bytes, tree: MemberTree) -> None:
    """Every recorded run comes out as recorded: status, message, and the profile with its members in order."""
    status, document = outcome(run, base_profile, tree)
    assert (status, document) == expected(run)
    if status == 200:
        assert list(document) == list(run["profile"])
