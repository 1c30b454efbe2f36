"""Wrong servers as wrappers: what tidies, counts, keeps or compares only almost rightly."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import (
    at,
    changed,
    entering,
    in_profile,
    is_xml,
    operations_of,
    read,
    refusal,
    with_header,
    with_operations,
)

SUBTLE: list[Mutant] = []
planned = entering(SUBTLE)


def tidied(request: Request, tidy: Callable[[str], str], where: str = "") -> Request:
    """Return the request with each text of its values tidied, at paths of a form."""

    def of(value: Any) -> Any:
        if isinstance(value, str):
            return tidy(value)
        if isinstance(value, list):
            return [of(item) for item in value]
        return {name: of(item) for name, item in value.items()} if isinstance(value, dict) else value

    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"value": of(row["value"])} if "value" in row and re.search(where, row["path"]) else row

    return changed(request, change)


@planned("T01-no-zeros-in-front", "a text of digits loses its zeros")
def _(request: Request, right: Server) -> Response:
    return right(
        tidied(request, lambda text: text.lstrip("0") if text.isdigit() and len(text) > 3 else text, "PostalCode")
    )


@planned("T02-no-mark-in-front", "a byte order mark in front of a text is dropped")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: text.removeprefix("\ufeff")))


@planned("T03-no-zero-width", "characters without a width are dropped")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: text.replace("\u200b", ""), "Address"))


@planned("T04-locales-canonical", "a locale is written in its usual spelling")
def _(request: Request, right: Server) -> Response:
    def canonical(text: str) -> str:
        return re.sub(
            r"^([a-z]{2})[-_]([a-z]{2})$", lambda match: f"{match[1].lower()}-{match[2].upper()}", text, flags=re.I
        )

    return right(tidied(request, canonical, "DefaultLocale"))


@planned("T05-composed", "texts of custom fields are brought into form C")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: unicodedata.normalize("NFC", text), "CustomFields"))


@planned("T06-blanks-trimmed-in-groups", "texts of groups are trimmed")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, str.strip, "Groups/0"))


@planned("T07-long-texts-cut", "texts of entries are cut after 4000 characters")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: text[:4000], "Addresses"))


@planned("T08-large-texts-cut", "texts are cut after 65535 characters")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: text[:65535]))


@planned("T09-collections-cut", "a collection keeps a hundred entries")
def _(request: Request, right: Server) -> Response:
    def cut(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"value": row["value"][:100]} if isinstance(row.get("value"), list) else row

    return right(changed(request, cut))


@planned("T10-ten-operations", "operations beyond the tenth are ignored")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    many = operations and len(operations) > 10 and all(row.get("op") == "add" for row in operations)
    return right(with_operations(request, (operations or [])[:10]) if many else request)


@planned("T11-trimmed-before-counted", "blanks at the ends don't count towards a limit")
def _(request: Request, right: Server) -> Response:
    return right(tidied(request, lambda text: text.strip() if len(text) > 15 else text, "DefaultLocale"))


@planned("T12-composed-before-counted", "a mark doesn't count towards a limit")
def _(request: Request, right: Server) -> Response:
    return right(
        tidied(request, lambda text: unicodedata.normalize("NFC", text) if len(text) > 15 else text, "DefaultLocale")
    )


def _through_a_double(value: Any) -> Any:
    return int(float(value)) if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 else value


@planned("T13-tests-as-doubles", "a test compares whole numbers as doubles")
def _(request: Request, right: Server) -> Response:
    operations, profile = operations_of(request), None
    if operations and len(operations) == 1 and operations[0].get("op") == "test" and "Numeric" in operations[0]["path"]:
        profile = read(request, right)
    if profile is None or not operations:
        return right(request)
    held = (profile["PhoneNumbers"] or [{}])[0].get("PhoneNumberNumeric")
    same = isinstance(held, int) and _through_a_double(held) == _through_a_double(operations[0].get("value"))
    return right(with_operations(request, [operations[0] | {"value": held}]) if same else request)


@planned("T14-octal-indices", "an index with a zero in front is octal")
def _(request: Request, right: Server) -> Response:
    def octal(row: dict[str, Any]) -> dict[str, Any]:
        path = re.sub(r"/0+([0-7]+)(?=/|$)", lambda match: f"/{int(match[1], 8)}", row["path"])
        return row | {"path": path}

    return right(changed(request, octal))


@planned("T15-ids-composed", "an id in a URL is brought into form C")
def _(request: Request, right: Server) -> Response:
    plain = unicodedata.normalize("NFC", unquote(request.target))
    other = quote(plain, safe="/%?&=") if plain != unquote(request.target) else request.target
    return right(request._replace(target=other))


@planned("T16-semicolon-ends-an-id", "what follows a semicolon in an id is a parameter")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(target=re.sub(r"(?<=x)%3By$", "", request.target)))


@planned("T17-ids-without-zeros", "an id of digits is read as a number")
def _(request: Request, right: Server) -> Response:
    if "/Number/" not in request.target:
        return right(request)
    return right(
        request._replace(target=re.sub(r"/0+7$", "/007", re.sub(r"AlternateId/7$", "AlternateId/007", request.target)))
    )


@planned("T18-value-unique-without-type", "an id's value is taken for all types")
def _(request: Request, right: Server) -> Response:
    taken = b'"AlternateIdType": "Two"' in request.body and b'"AlternateId": "same"' in request.body
    return refusal(400) if taken and b'"add"' in request.body else right(request)


@planned("T19-secrets-by-their-start", "a secret in the body may be longer")
def _(request: Request, right: Server) -> Response:
    body = re.sub(rb"(client_secret=.*-0001)[^&]*", rb"\1", request.body)
    return right(request._replace(body=body) if "/oauth/" in request.target else request)


@planned("T20-refusals-in-utf-8-only", "a 404 comes in UTF-8 whatever is asked for")
def _(request: Request, right: Server) -> Response:
    headers = {name: value for name, value in request.headers.items() if name != "accept-charset"}
    answer = right(request)
    return right(request._replace(headers=headers)) if answer.status == 404 else answer


@planned("T21-xml-comments-end-a-text", "a comment in a text of XML ends it")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(body=re.sub(rb"(<value>[^<]+)<!--.*?-->[^<]*", rb"\1", request.body)))


@planned("T22-cdata-dropped", "CDATA sections of XML are dropped")
def _(request: Request, right: Server) -> Response:
    xml = request.body.startswith(b"<")
    return right(request._replace(body=re.sub(rb"<!\[CDATA\[.*?\]\]>", b"", request.body)) if xml else request)


@planned("T23-fortieth-change-lost", "after forty changes a profile changes no more")
def _(request: Request, right: Server, seen: dict[tuple[str, str], int] = {}) -> Response:  # noqa: B006
    where = (request.target, request.headers.get("x-mock-namespace", ""))
    if operations_of(request):
        seen[where] = seen.get(where, 0) + 1
    return right(request._replace(body=b"[]") if seen.get(where, 0) > 40 and operations_of(request) else request)


@planned("T24-xml-texts-trimmed", "texts in answers in XML are trimmed")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if not is_xml(response) or b"LastName> " not in response.body:
        return response
    return response._replace(body=re.sub(rb"(<LastName>)\s+|\s+(</LastName>)", rb"\1\2", response.body))


@planned("T25-stamps-by-the-minute", "stamps know no seconds")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return response._replace(body=re.sub(rb"(\d\d:\d\d):\d\d\.\d+Z", rb"\1:00Z", response.body))


@planned("T26-no-stamps", "a change leaves no time")
def _(request: Request, right: Server) -> Response:
    def change(profile: dict[str, Any]) -> None:
        if profile.get("Edited"):
            profile["Edited"]["ModifiedDate"] = None

    return in_profile(right(request), change)


@planned("T27-appends-get-lost", "entries that are appended at the same time overwrite one another")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    if not operations or any((row.get("op"), row["path"]) != ("add", "/ProfileTags/-") for row in operations):
        return right(request)
    profile = read(request, right)
    if profile is None or profile["ProfileTags"] is None:
        return right(request)
    time.sleep(0.005)
    tags = [*profile["ProfileTags"], *(row.get("value") for row in operations)]
    return right(with_operations(request, [{"op": "replace", "path": "/ProfileTags", "value": tags}]))


@planned("T28-connections-remember", "over a connection that wrote nothing a profile is as it was there before")
def _(request: Request, right: Server, seen: dict[tuple[str, ...], Response] = {}) -> Response:  # noqa: B006
    where = (str(request.connection), request.target, request.headers.get("x-mock-namespace", ""))
    if request.body != b"[]" or not request.connection:
        seen.pop(where, None)
        return right(request)
    return seen.setdefault((*where, request.headers.get("accept", "")), right(request))


@planned("T29-one-of-a-packet", "of the requests of one packet only the first does what it says")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(body=b"[]") if request.place and operations_of(request) else request)


@planned("T30-trailing-comma-refused", "a comma after the last operation is an error")
def _(request: Request, right: Server) -> Response:
    return refusal(400) if re.search(rb"\},\s*\]\s*$", request.body) else right(request)


@planned("T31-media-types-as-spelled", "a Content-Type all in capitals is not known")
def _(request: Request, right: Server) -> Response:
    kind = request.headers.get("content-type", "")
    return right(with_header(request, "content-type", "text/plain") if kind.isupper() else request)


@planned("T32-quality-of-one-digit", "of a quality in Accept one decimal is read")
def _(request: Request, right: Server) -> Response:
    accept = request.headers.get("accept", "")
    return right(with_header(request, "accept", re.sub(r"(q=0\.\d)\d+", r"\1", accept)) if accept else request)


@planned("T33-conditional-reads", "a reading under If-None-Match is answered with 304")
def _(request: Request, right: Server) -> Response:
    return Response(304, {}, b"") if request.method == "GET" and "if-none-match" in request.headers else right(request)


@planned("T34-conditional-writes", "a change under If-Match is answered with 412")
def _(request: Request, right: Server) -> Response:
    return refusal(412) if "if-match" in request.headers else right(request)


@planned("T35-six-decimals", "a timestamp with more than six decimals is none")
def _(request: Request, right: Server) -> Response:
    value = re.sub(r"\.\d{7,}", ".", request.headers.get("authorization", ""))
    return right(with_header(request, "authorization", value) if value else request)


@planned("T36-own-id-once", "an alternate id that the profile has already is refused")
def _(request: Request, right: Server) -> Response:
    profile, operations = None, operations_of(request)
    if operations and operations[0].get("op") == "add" and at(operations[0], "^/AlternateIds/"):
        profile = read(request, right)
    value = operations[0].get("value") if operations else None
    if profile is None or not isinstance(value, dict):
        return right(request)
    own = [{str(text).lower() for text in entry.values()} for entry in profile["AlternateIds"] or () if entry]
    return refusal(400) if {str(text).lower() for text in value.values()} in own else right(request)


@planned("T37-profile-ids-as-texts", "a ProfileId with zeros in front is another one")
def _(request: Request, right: Server) -> Response:
    return refusal(404) if re.search(r"/Profile/0\d", request.target) else right(request)


@planned("T38-groups-grow", "an index beyond the end of Groups appends")
def _(request: Request, right: Server) -> Response:
    def grow(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"path": "/Groups/-"} if row.get("op") == "add" and at(row, r"^/Groups/[2-9]$") else row

    return right(changed(request, grow))


@planned("T39-names-without-case", "a test of a part of the name doesn't look at letter case")
def _(request: Request, right: Server) -> Response:
    operations, held = operations_of(request) or [], None
    alone = operations[0] if len(operations) == 1 else {"path": ""}
    if alone.get("op") == "test" and at(alone, "^/CustomerName/"):
        held = ((read(request, right) or {}).get("CustomerName") or {}).get(alone["path"][14:])
    same = held and str(alone.get("value")).lower() == held.lower()
    return right(with_operations(request, []) if same else request)


@planned("T40-first-reason-kept", "an inactive profile keeps the reason that it was given first")
def _(request: Request, right: Server, seen: dict[tuple[str, str], bytes] = {}) -> Response:  # noqa: B006
    if not request.target.endswith("/Deactivate") or not request.body:
        return right(request)
    where = (request.target, request.headers.get("x-mock-namespace", ""))
    return right(request._replace(body=seen.setdefault(where, request.body)))
