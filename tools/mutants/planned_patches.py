"""Wrong servers as wrappers: how operations, indices, names and values are read and applied."""

from __future__ import annotations

import re
from typing import Any

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import at, changed, entering, operations_of, read, refusal, with_operations

PATCHES: list[Mutant] = []
planned = entering(PATCHES)


@planned("M23-add-appends", "add at an index appends")
def _(request: Request, right: Server) -> Response:
    def append(row: dict[str, Any]) -> dict[str, Any]:
        inserts = row.get("op") == "add" and at(row, r"^/[A-Za-z]+/\d+$")
        return {**row, "path": re.sub(r"\d+$", "-", row["path"])} if inserts else row

    return right(changed(request, append))


@planned("M24-add-overwrites", "add at an index overwrites the entry there")
def _(request: Request, right: Server) -> Response:
    def overwrite(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "op": "replace"} if row.get("op") == "add" and at(row, r"^/[A-Za-z]+/\d+$") else row

    return right(changed(request, overwrite))


@planned("M25-dash-prepends", "add at - puts the entry first")
def _(request: Request, right: Server) -> Response:
    def prepend(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "path": row["path"][:-1] + "0"} if row.get("op") == "add" and row["path"].endswith("/-") else row

    return right(changed(request, prepend))


@planned("M26-replace-inserts", "replace of an entry inserts it")
def _(request: Request, right: Server) -> Response:
    def insert(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "op": "add"} if row.get("op") == "replace" and at(row, r"^/[A-Za-z]+/\d+$") else row

    return right(changed(request, insert))


@planned("M27-remove-does-nothing-to-members", "remove of a member does nothing")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: None if row.get("op") == "remove" and not at(row, r"\d+$") else row))


@planned("M28-remove-nulls-entries", "remove of an entry leaves null in its place")
def _(request: Request, right: Server) -> Response:
    def null(row: dict[str, Any]) -> dict[str, Any]:
        gone = row.get("op") == "remove" and at(row, r"^/[A-Za-z]+/\d+$")
        return {"op": "replace", "path": row["path"], "value": None} if gone else row

    return right(changed(request, null))


@planned("M29-remove-empties-collections", "remove of a collection leaves it empty, not null")
def _(request: Request, right: Server) -> Response:
    lists = r"^/(Addresses|PhoneNumbers|AlternateIds|Emails|Groups|ProfileTags|CustomFields)/?$"

    def empty(row: dict[str, Any]) -> dict[str, Any]:
        gone = row.get("op") == "remove" and at(row, lists)
        return {"op": "replace", "path": row["path"], "value": []} if gone else row

    return right(changed(request, empty))


@planned("M30-tests-pass", "test always passes")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: None if row.get("op") == "test" else row))


@planned("M31-test-as-replace", "test stores its value")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: {**row, "op": "replace"} if row.get("op") == "test" else row))


@planned("M32-negative-index", "a negative index counts from the end")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: {**row, "path": re.sub(r"/-1$", "/-", row["path"])}))


@planned("M33-index-beyond-appends", "add beyond the end appends")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status == 400 and b"out of bounds" in response.body:
        far = changed(
            request, lambda row: {**row, "path": re.sub(r"/\d+$", "/-", row["path"])} if row.get("op") == "add" else row
        )
        return right(far)
    return response


@planned("M34-descending-removes", "removes are applied with the highest index first, however they were sent")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    if operations and all(row.get("op") == "remove" for row in operations):
        return right(with_operations(request, sorted(operations, key=lambda row: row["path"], reverse=True)))
    return right(request)


@planned("M35-operations-reversed", "operations are applied last first")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    return right(with_operations(request, operations[::-1]) if operations else request)


@planned("M36-first-operation-only", "only the first operation is applied")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    return right(with_operations(request, operations[:1]) if operations else request)


@planned("M37-merge-objects", "replace of an object merges")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    if (
        operations
        and len(operations) == 1
        and operations[0]["path"] == "/CustomerName"
        and operations[0].get("op") == "replace"
    ):
        value = operations[0].get("value")
        if isinstance(value, dict):
            rows = [{"op": "replace", "path": f"/CustomerName/{name}", "value": item} for name, item in value.items()]
            return right(with_operations(request, rows))
    return right(request)


@planned("M38-move-ignored", "move and copy are answered with 200 and do nothing")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: None if str(row.get("op")).lower() in ("move", "copy") else row))


@planned("M39-copy-applied", "copy is applied")
def _(request: Request, right: Server) -> Response:
    operations, profile = operations_of(request), None
    if operations and any(row.get("op") == "copy" for row in operations):
        profile = read(request, right)
    if not operations or profile is None:
        return right(request)

    def copy_value(row: dict[str, Any]) -> dict[str, Any]:
        if row.get("op") != "copy":
            return row
        value: Any = profile
        for part in row["from"].split("/")[1:]:
            value = value[int(part)] if isinstance(value, list) else value.get(part)
        return {"op": "add", "path": row["path"], "value": value}

    try:
        return right(with_operations(request, [copy_value(row) for row in operations]))
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return right(request)


@planned("M40-unknown-op-ignored", "an unknown operation does nothing")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status == 400 and b"Invalid JsonPatch operation" in response.body:
        return right(with_operations(request, []))
    return response


@planned("M41-unknown-path-ignored", "an operation on an unknown member does nothing")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status == 400 and b"was not found" in response.body:
        return right(with_operations(request, []))
    return response


# -- conversion -------------------------------------------------------------------------------------------------------


@planned("M42-no-conversion", "a text is no flag")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request) or []
    flags = [row for row in operations if row["path"].endswith(("Active", "Confirmed", "Preferences"))]
    return refusal(400) if any(isinstance(row.get("value"), str) for row in flags) else right(request)


@planned("M43-yes-is-true", "yes and 1 are true")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: {**row, "value": "true"} if row.get("value") in ("yes", "1") else row))


@planned("M44-null-flag-is-false", "null is false")
def _(request: Request, right: Server) -> Response:
    def false(row: dict[str, Any]) -> dict[str, Any]:
        flag = row["path"].endswith(("Active", "Confirmed", "Preferences")) and "value" in row and row["value"] is None
        return {**row, "value": False} if flag and row.get("op") != "remove" else row

    return right(changed(request, false))


@planned("M45-empty-text-is-null", "an empty text is stored as null")
def _(request: Request, right: Server) -> Response:
    return right(
        changed(
            request, lambda row: {**row, "value": None} if row.get("value") == "" and row.get("op") != "test" else row
        )
    )


@planned("M46-texts-are-trimmed", "texts lose the spaces around them")
def _(request: Request, right: Server) -> Response:
    def trimmed(row: dict[str, Any]) -> dict[str, Any]:
        value = row.get("value")
        return {**row, "value": value.strip()} if isinstance(value, str) and row.get("op") != "test" else row

    return right(changed(request, trimmed))


@planned("M47-large-numbers-lose-digits", "numbers are doubles")
def _(request: Request, right: Server) -> Response:
    def double(row: dict[str, Any]) -> dict[str, Any]:
        value = row.get("value")
        if not isinstance(value, int) or not 2**53 < abs(value) < 2**63:
            return row
        return {**row, "value": int(float(value)) - (value > 0) * 1024}

    return right(changed(request, double))


# -- case rules, Edited, defaults, profiles ---------------------------------------------------------------------------


@planned("M86-paths-case-sensitive", "a member's name in another letter case is unknown")
def _(request: Request, right: Server) -> Response:
    lower = any(re.match(r"/[a-z]|/[A-Z]{2}", row["path"]) for row in operations_of(request) or [])
    return refusal(400) if lower else right(request)


@planned("M87-op-case-sensitive", "ADD is no operation")
def _(request: Request, right: Server) -> Response:
    upper = any(str(row.get("op")).isupper() for row in operations_of(request) or [])
    return refusal(400) if upper else right(request)
