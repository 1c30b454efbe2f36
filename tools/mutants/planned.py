"""Wrong servers, each with one realistic fault, as wrappers around the right one.

A wrapper sees requests and answers only, so that no change of the serving side can make it stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from mockserver.verify.authorization import authorization
from mockserver.verify.mock_bench import read_fixtures
from tools.mutants.harness import FIXTURES, Mutant, Request, Response, Server, Wrong

PLANNED: list[Mutant] = []
ROLES = read_fixtures(FIXTURES).roles
JSON = "application/json"


def planned(
    name: str, title: str, dialect: str = "vendor", *, into: list[Mutant] | None = None
) -> Callable[[Wrong], Wrong]:
    """Enter a wrong server into a list, PLANNED if no other is named."""

    def enter(wrong: Wrong) -> Wrong:
        (PLANNED if into is None else into).append(Mutant(name, title, wrong=wrong, dialect=dialect))
        return wrong

    return enter


# -- tools ------------------------------------------------------------------------------------------------------------


def operations_of(request: Request) -> list[Any] | None:
    """Return the operations of a plain JSON body."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    good = isinstance(body, list) and all(isinstance(row, dict) and isinstance(row.get("path"), str) for row in body)
    return body if good and body else None


def with_operations(request: Request, operations: Any) -> Request:
    """Return the request with another document."""
    return request._replace(body=json.dumps(operations).encode())


def changed(request: Request, change: Callable[[dict[str, Any]], Any]) -> Request:
    """Return the request with each operation changed; None from `change` leaves one out."""
    operations = operations_of(request)
    if operations is None:
        return request
    return with_operations(request, [row for row in map(change, operations) if row is not None])


def with_headers(response: Response, **headers: str | None) -> Response:
    """Return the answer with headers set, or taken away by None."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {**response.headers, **names}
    return response._replace(headers={name: value for name, value in merged.items() if value is not None})


def media_type(response: Response) -> str:
    """Return the answer's media type."""
    return response.headers.get("content-type", "").partition(";")[0]


def is_xml(response: Response) -> bool:
    return media_type(response).endswith("/xml")


def in_xml(response: Response, pattern: str, by: Any) -> Response:
    """Return a successful XML answer with a replacement made in it."""
    if response.status != 200 or not is_xml(response):
        return response
    return response._replace(body=re.sub(pattern, by, response.body.decode("utf-8", "replace")).encode())


def in_profile(response: Response, change: Callable[[dict[str, Any]], Any]) -> Response:
    """Return a successful JSON answer with the profile changed."""
    if response.status != 200 or is_xml(response) or "utf-16" in response.headers.get("content-type", ""):
        return response
    profile = json.loads(response.body)
    change(profile)
    return response._replace(body=json.dumps(profile, ensure_ascii=False).encode())


def refusal(status: int, message: str = "The request is invalid.") -> Response:
    headers = {
        "content-type": f"{JSON}; charset=utf-8",
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
    }
    return Response(status, headers, json.dumps({"Message": message}).encode())


def client_of(request: Request) -> str:
    return request.target.removeprefix("/Profiles").split("/")[1]


def signed(request: Request, **how: Any) -> Request:
    """Return the request with a good signature of the account's editor."""
    from datetime import UTC, datetime

    account = ROLES.editors.get(client_of(request))
    if account is None:
        return request
    value = authorization(account, client_of(request), datetime.now(UTC), how)
    return request._replace(headers={**request.headers, "authorization": value})


def read(request: Request, right: Server) -> dict[str, Any] | None:
    """Return the profile as the right server has it now."""
    plain = {**request.headers, "content-type": JSON, "accept": JSON}
    answer = right(request._replace(headers=plain, body=b"[]"))
    return json.loads(answer.body) if answer.status == 200 else None


# -- media types and negotiation --------------------------------------------------------------------------------------


@planned("M01-text-json-refused", "text/json is no request format")
def _(request: Request, right: Server) -> Response:
    return refusal(415) if request.headers.get("content-type", "").startswith("text/json") else right(request)


@planned("M02-answer-always-json", "the answer's Content-Type is always application/json")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response if is_xml(response) else with_headers(response, content_type=f"{JSON}; charset=utf-8")


@planned("M03-accept-ignored", "Accept is ignored")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(headers={k: v for k, v in request.headers.items() if k != "accept"}))


@planned("M04-accept-json-patch-as-json", "application/json-patch+json in Accept is answered with application/json")
def _(request: Request, right: Server) -> Response:
    accept = request.headers.get("accept", "").replace("json-patch+json", "json")
    return right(request._replace(headers={**request.headers, **({"accept": accept} if accept else {})}))


@planned("M05-no-charset", "Content-Type lacks its charset")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return with_headers(response, content_type=media_type(response)) if response.body else response


@planned("M06-text-plain-accepted", "a body of text/plain is read as JSON")
def _(request: Request, right: Server) -> Response:
    kind = request.headers.get("content-type", "")
    return right(
        request._replace(headers={**request.headers, "content-type": JSON}) if "text/plain" in kind else request
    )


@planned("M07-missing-content-type-accepted", "a body without a Content-Type is read as JSON")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(headers={"content-type": JSON, **request.headers}))


@planned("M08-406", "an Accept that names nothing known is refused with 406")
def _(request: Request, right: Server) -> Response:
    return refusal(406) if request.headers.get("accept") in ("text/html", "application/pdf") else right(request)


@planned("M09-quality-ignored", "qualities in Accept are ignored")
def _(request: Request, right: Server) -> Response:
    accept = re.sub(r";\s*q=[0-9.]+", "", request.headers.get("accept", ""))
    return right(request._replace(headers={**request.headers, **({"accept": accept} if accept else {})}))


@planned("M10-errors-always-json", "refusals are JSON whatever Accept says")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return right(request._replace(headers={**request.headers, "accept": JSON})) if response.status >= 400 else response


# -- authorization ----------------------------------------------------------------------------------------------------


@planned("M11-no-authorization", "no credentials are needed")
def _(request: Request, right: Server) -> Response:
    return right(request if "authorization" in request.headers else signed(request))


@planned("M12-signature-unchecked", "any signature will do")
def _(request: Request, right: Server) -> Response:
    header = request.headers.get("authorization", "")
    ours = ROLES.editors.get(client_of(request))
    fits = ours is not None and f"Credential={ours.user_id}/" in header and "Signature=" in header
    return right(
        signed(request, timestamp=header.split(f"{ours.user_id}/")[1].split(" ")[0]) if fits and ours else request
    )


@planned("M13-403-for-401", "wrong credentials are answered with 403")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(status=403) if response.status == 401 else response


@planned("M14-401-for-403", "a missing permission is answered with 401")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(status=401) if response.status == 403 else response


@planned("M15-permission-unchecked", "readers may write")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return right(signed(request)) if response.status == 403 else response


@planned("M16-old-timestamps", "a timestamp never gets too old")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return right(signed(request)) if b"The difference between" in response.body else response


@planned("M17-future-timestamps", "a timestamp may lie in the future")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    well_formed = re.search(r"/20\d\d-(0\d|1[012])-\d\dT\d\d:", request.headers.get("authorization", ""))
    return right(signed(request)) if b"ISO 8601" in response.body and well_formed else response


@planned("M18-sha256-only", "SHA384 and SHA512 are unknown")
def _(request: Request, right: Server) -> Response:
    header = request.headers.get("authorization", "")
    return right(request._replace(headers={**request.headers, "authorization": re.sub("SHA(384|512)", "MD5", header)}))


@planned("M19-challenge-missing", "a 401 lacks WWW-Authenticate")
def _(request: Request, right: Server) -> Response:
    return with_headers(right(request), www_authenticate=None)


@planned("M20-scheme-case", "the scheme is compared letter by letter")
def _(request: Request, right: Server) -> Response:
    header = request.headers.get("authorization", "")
    upper = header.startswith(("PNAUTHINFO3", "Bearer", "Basic")) or not header
    return right(request if upper else request._replace(headers={**request.headers, "authorization": "Digest x"}))


@planned("M21-one-401-text", "every 401 has the same text")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    body = re.sub(rb'(?<="Message":")[^"]*', b"Unauthorized", response.body)
    return response._replace(body=body) if response.status == 401 else response


@planned("M22-other-client", "a signature for one account opens another")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    header = request.headers.get("authorization", "")
    return right(signed(request)) if response.status == 401 and "Bearer" in header else response


# -- operations and indices -------------------------------------------------------------------------------------------


def _at(row: Mapping[str, Any], pattern: str) -> bool:
    return bool(re.search(pattern, row["path"]))


@planned("M23-add-appends", "add at an index appends")
def _(request: Request, right: Server) -> Response:
    def append(row: dict[str, Any]) -> dict[str, Any]:
        inserts = row.get("op") == "add" and _at(row, r"^/[A-Za-z]+/\d+$")
        return {**row, "path": re.sub(r"\d+$", "-", row["path"])} if inserts else row

    return right(changed(request, append))


@planned("M24-add-overwrites", "add at an index overwrites the entry there")
def _(request: Request, right: Server) -> Response:
    def overwrite(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "op": "replace"} if row.get("op") == "add" and _at(row, r"^/[A-Za-z]+/\d+$") else row

    return right(changed(request, overwrite))


@planned("M25-dash-prepends", "add at - puts the entry first")
def _(request: Request, right: Server) -> Response:
    def prepend(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "path": row["path"][:-1] + "0"} if row.get("op") == "add" and row["path"].endswith("/-") else row

    return right(changed(request, prepend))


@planned("M26-replace-inserts", "replace of an entry inserts it")
def _(request: Request, right: Server) -> Response:
    def insert(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "op": "add"} if row.get("op") == "replace" and _at(row, r"^/[A-Za-z]+/\d+$") else row

    return right(changed(request, insert))


@planned("M27-remove-does-nothing-to-members", "remove of a member does nothing")
def _(request: Request, right: Server) -> Response:
    return right(changed(request, lambda row: None if row.get("op") == "remove" and not _at(row, r"\d+$") else row))


@planned("M28-remove-nulls-entries", "remove of an entry leaves null in its place")
def _(request: Request, right: Server) -> Response:
    def null(row: dict[str, Any]) -> dict[str, Any]:
        gone = row.get("op") == "remove" and _at(row, r"^/[A-Za-z]+/\d+$")
        return {"op": "replace", "path": row["path"], "value": None} if gone else row

    return right(changed(request, null))


@planned("M29-remove-empties-collections", "remove of a collection leaves it empty, not null")
def _(request: Request, right: Server) -> Response:
    lists = r"^/(Addresses|PhoneNumbers|AlternateIds|Emails|Groups|ProfileTags|CustomFields)/?$"

    def empty(row: dict[str, Any]) -> dict[str, Any]:
        gone = row.get("op") == "remove" and _at(row, lists)
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
        large = isinstance(value, int) and not isinstance(value, bool) and 2**53 < abs(value) < 2**63
        return {**row, "value": int(float(value)) - (value > 0) * 1024} if large else row

    return right(changed(request, double))


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


def _skipping(request: Request, right: Server, pattern: str) -> Response:
    """Answer as if writes to some members were fine, and did nothing."""
    response = right(request)
    if response.status == 400 and b"could not be updated" in response.body:
        return right(changed(request, lambda row: None if _at(row, pattern) and row.get("op") != "test" else row))
    return response


@planned("M55-profile-id-write-ignored", "a write to ProfileId is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return _skipping(request, right, r"(?i)^/profileid")


@planned("M56-edited-write-ignored", "a write below Edited is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return _skipping(request, right, r"(?i)^/edited/")


@planned("M57-consents-write-ignored", "a write to Consents is ignored with 200")
def _(request: Request, right: Server) -> Response:
    return _skipping(request, right, r"^/Consents")


@planned("M58-read-only-untestable", "a test of a read-only member is refused")
def _(request: Request, right: Server) -> Response:
    rows = operations_of(request) or []
    return refusal(400) if any(_at(row, "^/(ProfileId|Edited|Consents)") for row in rows) else right(request)


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


# -- XML --------------------------------------------------------------------------------------------------------------


@planned("M62-xml-alphabetical", "a telephone number's elements stand in alphabetical order")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), r"(<IsDefault>\w+</IsDefault>)(<IsActive>\w+</IsActive>)(<IsMobile>)", r"\2\1\3")


@planned("M63-xml-namespace", "the answer's namespace is another one")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), "ProfileServices.REST.Models", "ProfileServices.Models")


@planned("M64-xml-null-left-out", "members that are null are left out of XML")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), r'<\w+ i:nil="true" />', "")


@planned("M65-xml-null-is-empty", "members that are null are empty elements")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), ' i:nil="true"', "")


@planned("M66-xml-group-id", "the XML says GroupId")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), "GroupName>", "GroupId>")


@planned("M67-xml-root", "the root element is Profile")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), "UserProfile", "Profile")


@planned("M68-xml-python-booleans", "flags are True and False in XML")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), ">(true|false)<", lambda match: f">{match[1].title()}<")


@planned("M69-xml-unescaped-twice", "text is escaped twice")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), "&lt;", "&amp;lt;")


@planned("M70-xml-sample-refused", "the page's XML request sample is refused")
def _(request: Request, right: Server) -> Response:
    return refusal(400) if b"ContractResolver" in request.body else right(request)


@planned("M71-xml-operations-ignored", "operations in XML are ignored")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(body=re.sub(rb"(?s)<Operations>.*</Operations>", b"", request.body)))


@planned("M72-xml-declaration", "XML answers start with a declaration")
def _(request: Request, right: Server) -> Response:
    return in_xml(right(request), "^<UserProfile", '<?xml version="1.0" encoding="utf-8"?><UserProfile')


# -- errors, methods, routes, headers ---------------------------------------------------------------------------------


@planned("M73-error-shape", 'errors are {"error": …}')
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return (
        response._replace(body=response.body.replace(b'"Message"', b'"error"')) if response.status >= 400 else response
    )


@planned("M74-500-for-400", "a failing test is answered with 500")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(status=500) if response.status == 400 and b"not equal" in response.body else response


@planned("M75-422-for-400", "a value that can't be converted is answered with 422")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return (
        response._replace(status=422) if response.status == 400 and b"invalid for target" in response.body else response
    )


@planned("M76-409-for-test", "a failing test is answered with 409")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(status=409) if response.status == 400 and b"not equal" in response.body else response


@planned("M77-400-for-404", "an unknown id is answered with 400")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(status=400) if response.status == 404 else response


@planned("M78-204", "a change is answered with 204 and no body")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return Response(204, {}, b"") if response.status == 200 and operations_of(request) else response


@planned("M79-cacheable", "answers may be cached")
def _(request: Request, right: Server) -> Response:
    return with_headers(right(request), cache_control="max-age=60")


@planned("M80-post-works", "POST does what PATCH does")
def _(request: Request, right: Server) -> Response:
    return right(
        request._replace(method="PATCH") if request.method == "POST" and "/oauth/" not in request.target else request
    )


@planned("M81-allow-missing", "a 405 lacks Allow")
def _(request: Request, right: Server) -> Response:
    return with_headers(right(request), allow=None)


@planned("M82-get-reads", "GET answers with the profile")
def _(request: Request, right: Server) -> Response:
    plain = {**request.headers, "content-type": JSON}
    return right(request._replace(method="PATCH", body=b"[]", headers=plain) if request.method == "GET" else request)


@planned("M83-ids-case-sensitive", "an id in another letter case is unknown")
def _(request: Request, right: Server) -> Response:
    other = re.search(r"/c-0|cRm|alternateid/verify", request.target)
    return refusal(404) if other else right(request)


@planned("M84-base-path-missing", "the route below /Profiles is missing")
def _(request: Request, right: Server) -> Response:
    return refusal(404) if request.target.startswith("/Profiles/") else right(request)


@planned("M85-trailing-slash", "a slash at the end is not found")
def _(request: Request, right: Server) -> Response:
    return refusal(404) if request.target.endswith("/") else right(request)


# -- case rules, Edited, defaults, profiles ---------------------------------------------------------------------------


@planned("M86-paths-case-sensitive", "a member's name in another letter case is unknown")
def _(request: Request, right: Server) -> Response:
    lower = any(re.match(r"/[a-z]|/[A-Z]{2}", row["path"]) for row in operations_of(request) or [])
    return refusal(400) if lower else right(request)


@planned("M87-op-case-sensitive", "ADD is no operation")
def _(request: Request, right: Server) -> Response:
    upper = any(str(row.get("op")).isupper() for row in operations_of(request) or [])
    return refusal(400) if upper else right(request)


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
    return refusal(400) if any(_at(row, "^/ProfileId") and row.get("op") != "test" for row in rows) else right(request)


@planned("M102-library-stamps", "Edited is stamped", dialect="library")
def _(request: Request, right: Server) -> Response:
    def now(profile: dict[str, Any]) -> None:
        (profile.get("Edited") or {}).update(ModifiedBy="editor@acme.example")

    response = right(request)
    return in_profile(response, now) if operations_of(request) else response
