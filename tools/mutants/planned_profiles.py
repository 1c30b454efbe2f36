"""Wrong servers as wrappers: what is stored, stamped, left out and protected in a profile."""

from __future__ import annotations

import re
from typing import Any

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import (
    at,
    changed,
    client_of,
    entering,
    in_profile,
    operations_of,
    read,
    refusal,
    signed,
    with_operations,
)

PROFILES: list[Mutant] = []
planned = entering(PROFILES)


# -- atomicity, persistence, aliasing ---------------------------------------------------------------------------------


@planned("M48-not-atomic", "operations before a failing one stay applied")
def _(request: Request, right: Server) -> Response:
    operations, response = operations_of(request), right(request)
    if operations and response.status == 400:
        for row in operations:
            if right(with_operations(request, [row])).status != 200:
                break
    return response


@planned("M49-nothing-is-stored", "the answer shows the change, later reads don't")
def _(request: Request, right: Server) -> Response:
    world = request.headers.get("x-mock-namespace", "")
    elsewhere = {**request.headers, "x-mock-namespace": f"{world}-lost"} if request.body != b"[]" else request.headers
    return right(request._replace(headers=elsewhere))


@planned("M50-answer-of-before", "the answer shows the profile as it was before the change")
def _(request: Request, right: Server) -> Response:
    before = right(request._replace(body=b"[]")) if operations_of(request) else None
    response = right(request)
    return before if before is not None and before.status == 200 == response.status else response


@planned("M51-worlds-are-one", "all namespaces share one state")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(headers={k: v for k, v in request.headers.items() if k != "x-mock-namespace"}))


@planned("M52-neighbour-changes-too", "a change of CustomerType reaches another profile as well")
def _(request: Request, right: Server) -> Response:
    response, operations = right(request), operations_of(request)
    if response.status == 200 and operations and any(row["path"] == "/CustomerType" for row in operations):
        rows = [row for row in operations if row["path"] == "/CustomerType" and row.get("op") != "test"]
        right(with_operations(request._replace(target=request.target.replace("C-000417", "C-000001")), rows))
    return response


@planned("M53-clients-share-ids", "one account reaches another's profile by the same id")
def _(request: Request, right: Server) -> Response:
    if client_of(request) == "GLOBEX" and "C-000417" in request.target:
        return right(signed(request._replace(target=request.target.replace("GLOBEX", "ACME01"))))
    return right(request)


@planned("M54-every-other-write-is-lost", "a second write to a profile is lost")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    profile = read(request, right) if operations else None
    stamped = profile is not None and str((profile.get("Edited") or {}).get("ModifiedDate", "")) > "2026"
    return right(request._replace(body=b"[]") if stamped else request)


# -- read-only members and lengths ------------------------------------------------------------------------------------


def skipping(request: Request, right: Server, pattern: str) -> Response:
    """Answer as if writes to some members were fine, and did nothing."""
    response = right(request)
    if response.status == 400 and b"could not be updated" in response.body:
        return right(changed(request, lambda row: None if at(row, pattern) and row.get("op") != "test" else row))
    return response


@planned("M55-profile-id-write-ignored", "a write to ProfileId is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return skipping(request, right, r"(?i)^/profileid")


@planned("M56-edited-write-ignored", "a write below Edited is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return skipping(request, right, r"(?i)^/edited/")


@planned("M57-consents-write-ignored", "a write to Consents is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return skipping(request, right, r"^/Consents")


@planned("M58-read-only-untestable", "a test of a read-only member is refused")
def _(request: Request, right: Server) -> Response:
    rows = operations_of(request) or []
    return refusal(400) if any(at(row, "^/(ProfileId|Edited|Consents)") for row in rows) else right(request)


@planned("M59-length-off-by-one", "a text of one character more than the limit is accepted, and cut")
def _(request: Request, right: Server) -> Response:
    limits = {"/DefaultLocale": 15, "/CustomerType": 100}

    def cut(row: dict[str, Any]) -> dict[str, Any]:
        limit, value = limits.get(row["path"]), row.get("value")
        long = limit and isinstance(value, str) and len(value) == limit + 1 and row.get("op") != "test"
        return {**row, "value": value[:limit]} if long and value else row

    return right(changed(request, cut))


@planned("M60-length-too-short", "a text of exactly the limit is refused")
def _(request: Request, right: Server) -> Response:
    rows = operations_of(request) or []
    return (
        refusal(400)
        if any(row["path"] == "/DefaultLocale" and len(str(row.get("value"))) == 15 for row in rows)
        else right(request)
    )


@planned("M61-reason-code-returned", "ReasonCode is returned")
def _(request: Request, right: Server) -> Response:
    return in_profile(right(request), lambda profile: profile.update(ReasonCode=None))


@planned("M88-edited-not-stamped", "Edited stays as it was")
def _(request: Request, right: Server) -> Response:
    old = {"ModifiedDate": "2024-11-05T08:30:00Z", "ModifiedBy": "csr.anna@northwind.example"}
    return in_profile(right(request), lambda profile: (profile.get("Edited") or {}).update(old))


@planned("M89-edited-by-somebody-else", "ModifiedBy is not the user who signed")
def _(request: Request, right: Server) -> Response:
    def system(profile: dict[str, Any]) -> None:
        edited = profile.get("Edited") or {}
        if "@acme" in str(edited.get("ModifiedBy")):
            edited["ModifiedBy"] = "system"

    return in_profile(right(request), system)


@planned("M90-edited-always-stamped", "Edited is stamped by patches that change nothing")
def _(request: Request, right: Server) -> Response:
    def now(profile: dict[str, Any]) -> None:
        (profile.get("Edited") or {}).update(ModifiedDate="2026-01-01T00:00:00Z")

    response = right(request)
    return in_profile(response, now) if operations_of(request) else response


@planned("M91-create-date-changes", "CreateDate changes with each change")
def _(request: Request, right: Server) -> Response:
    def same(profile: dict[str, Any]) -> None:
        edited = profile.get("Edited") or {}
        if str(edited.get("ModifiedDate", "")) > "2026":
            edited["CreateDate"] = edited["ModifiedDate"]

    return in_profile(right(request), same)


@planned("M92-preserve-preferences-default", "PreservePreferences is false if it was never given")
def _(request: Request, right: Server) -> Response:
    def false(profile: dict[str, Any]) -> None:
        if profile.get("ProfileId") == 70012002:
            profile["PreservePreferences"] = False

    return in_profile(right(request), false)


@planned("M93-null-members-left-out", "members that are null are left out of JSON")
def _(request: Request, right: Server) -> Response:
    def drop(profile: dict[str, Any]) -> None:
        for name in [name for name, value in profile.items() if value is None]:
            del profile[name]

    return in_profile(right(request), drop)


@planned("M94-members-sorted", "the members of a JSON answer are sorted")
def _(request: Request, right: Server) -> Response:
    def sort(profile: dict[str, Any]) -> None:
        rows = sorted(profile.items())
        profile.clear()
        profile.update(rows)

    return in_profile(right(request), sort)


@planned("M95-ascii", "letters outside ASCII are lost")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(body=response.body.decode("utf-8", "replace").encode("ascii", "replace"))


@planned("M96-taken-id-accepted", "an id of another profile can be taken")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status == 400 and b"already in use" in response.body:
        return right(with_operations(request, []))
    return response


@planned("M97-new-id-not-found", "an id that was added leads nowhere")
def _(request: Request, right: Server) -> Response:
    return refusal(404) if re.search("verify-[0-9]", request.target, re.IGNORECASE) else right(request)


@planned("M98-empty-document-refused", "a document without operations is refused")
def _(request: Request, right: Server) -> Response:
    return refusal(400) if request.body == b"[]" else right(request)


@planned("M99-rfc-adds-members", "add creates members that the contract lacks", dialect="rfc6902")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    rows = operations_of(request) or []
    unknown = response.status == 400 and any(row["path"] == "/Nickname" and row.get("op") == "add" for row in rows)
    return right(with_operations(request, [])) if unknown else response


@planned("M100-rfc-lenient", "ADD is an operation", dialect="rfc6902")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: {**row, "op": str(row.get("op")).strip().lower()}))


@planned("M101-library-read-only", "read-only members are refused", dialect="library")
def _(request: Request, right: Server) -> Response:
    rows = operations_of(request) or []
    return refusal(400) if any(at(row, "^/ProfileId") and row.get("op") != "test" for row in rows) else right(request)


@planned("M102-library-stamps", "Edited is stamped", dialect="library")
def _(request: Request, right: Server) -> Response:
    def now(profile: dict[str, Any]) -> None:
        (profile.get("Edited") or {}).update(ModifiedBy="editor@acme.example")

    response = right(request)
    return in_profile(response, now) if operations_of(request) else response
