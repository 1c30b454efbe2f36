"""More wrong servers as wrappers: what a subtle fault of authorization, addressing, formats or refusals looks like.

Each once passed the whole verification, made by a small change of the serving source.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from mockserver.verify.authorization import SCHEME, authorization
from mockserver.verify.calls import Account
from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import (
    JSON,
    ROLES,
    client_of,
    entering,
    in_xml,
    is_xml,
    operations_of,
    refusal,
    signed,
    with_headers,
    with_operations,
)

HTTP: list[Mutant] = []
planned = entering(HTTP)
_HEADER = re.compile(
    r"(?P<scheme>\S+) +Credential=(?P<user>.+)/(?P<timestamp>\S+) +Signature=(?P<signature>[^ ,]*)(.*)"
)


def with_authorization(request: Request, value: str) -> Request:
    return request._replace(headers={**request.headers, "authorization": value})


def parts_of(request: Request) -> dict[str, str]:
    """Return the parts of a header that is more or less well-formed; empty if it is none."""
    found = _HEADER.fullmatch(request.headers.get("authorization", "").strip())
    return found.groupdict() if found else {}


def signature_of(request: Request, account: Account) -> str:
    """Return the signature that the header should have if the account signed it."""
    parts = parts_of(request)
    how = {"scheme": parts["scheme"], "user": parts["user"], "timestamp": parts["timestamp"], "header": "{signature}"}
    return authorization(account, client_of(request), datetime.now(UTC), how)


def in_narrow_xml(response: Response, pattern: str, by: str) -> Response:
    """Return a successful XML answer in UTF-8 with a replacement made in it."""
    return response if "utf-16" in response.headers.get("content-type", "") else in_xml(response, pattern, by)


# -- authorization ----------------------------------------------------------------------------------------------------


@planned("H01-signature-in-any-case", "letter case doesn't matter in a signature")
def _(request: Request, right: Server) -> Response:
    ours, parts = ROLES.editors.get(client_of(request)), parts_of(request)
    if ours is None or parts.get("user") != ours.user_id or parts["scheme"] != SCHEME:
        return right(request)
    same = signature_of(request, ours).lower() == parts["signature"].lower()
    return right(signed(request) if same else request)


@planned("H02-signature-without-padding", "a signature may lack its padding")
def _(request: Request, right: Server) -> Response:
    header = request.headers.get("authorization", "")
    lacking = re.search(r"HMAC-SHA256 .*Signature=[A-Za-z0-9+/]{43}$", header)
    return right(with_authorization(request, f"{header}=") if lacking else request)


@planned("H03-text-after-the-signature", "what follows the signature is ignored")
def _(request: Request, right: Server) -> Response:
    header = request.headers.get("authorization", "")
    return right(with_authorization(request, re.sub(r"(Signature=[^ ,]+)[ ,].*", r"\1", header)))


@planned("H04-key-of-another-user", "the key of any user of the account will do")
def _(request: Request, right: Server) -> Response:
    client, parts = client_of(request), parts_of(request)
    others = [roles[client] for roles in (ROLES.editors, ROLES.readers) if client in roles]
    fits = parts.get("scheme") == SCHEME and any(parts["signature"] == signature_of(request, other) for other in others)
    known = parts and parts["user"] in [other.user_id for other in others]
    return right(signed(request) if fits and known else request)


@planned("H05-user-in-any-case", "letter case doesn't matter in a user's id")
def _(request: Request, right: Server) -> Response:
    ours, parts = ROLES.editors.get(client_of(request)), parts_of(request)
    if not parts or ours is None or parts["user"] == ours.user_id or parts["user"].lower() != ours.user_id:
        return right(request)
    header = request.headers["authorization"].replace(parts["user"], ours.user_id)
    return right(with_authorization(request, header))


@planned("H06-scheme-in-mixed-case", "the scheme is known in capitals and in small letters only")
def _(request: Request, right: Server) -> Response:
    scheme = request.headers.get("authorization", "").partition(" ")[0]
    mixed = scheme.lower().startswith("pnauth") and not (scheme.isupper() or scheme.islower())
    return right(with_authorization(request, "Digest x") if mixed else request)


@planned("H07-a-minute-of-the-future", "a timestamp may lie a minute in the future")
def _(request: Request, right: Server) -> Response:
    try:
        issued = datetime.fromisoformat(parts_of(request)["timestamp"])
        near = timedelta() < issued - datetime.now(UTC) < timedelta(minutes=1)
    except (KeyError, ValueError, TypeError):
        near = False
    return right(signed(request) if near else request)


@planned("H08-a-date-is-a-timestamp", "a date without a time is a timestamp")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    dated = re.fullmatch(r"\d{4}-\d\d-\d\d|\d{8}T\d{6}Z", parts_of(request).get("timestamp", ""))
    too_old = b"The difference between the issued timestamp and the current time is too large"
    wrong = re.sub(rb'(?<="Message":")[^"]*', too_old, response.body)
    return response._replace(body=wrong) if dated and response.status == 401 else response


@planned("H09-profile-before-permission", "a user without the permission learns which profiles there are")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return right(signed(request)) if response.status == 403 and "NO-SUCH" in request.target else response


@planned("H10-body-before-permission", "a user without the permission is told what is wrong with the body")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return (
        refusal(400)
        if response.status == 403 and operations_of(request) is None and request.body != b"[]"
        else response
    )


@planned("H11-any-grant", "any grant_type but password gets a token")
def _(request: Request, right: Server) -> Response:
    body = re.sub(rb"grant_type=(?!password)[^&]+", b"grant_type=client_credentials", request.body)
    return right(request._replace(body=body) if "/oauth/" in request.target else request)


@planned("H12-repeated-parameters", "the first of a repeated parameter of the token endpoint counts")
def _(request: Request, right: Server) -> Response:
    once = request.body.replace(b"&grant_type=client_credentials", b"")
    return right(request._replace(body=once) if "/oauth/" in request.target else request)


# -- addresses and methods --------------------------------------------------------------------------------------------


@planned("H13-leading-slashes", "slashes at the beginning are one slash")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(target=re.sub("^/+", "/", request.target)))


@planned("H14-decoded-twice", "an id is decoded twice")
def _(request: Request, right: Server) -> Response:
    return right(
        request._replace(target=re.sub("%25([0-9A-F]{2})", lambda found: unquote(f"%{found[1]}"), request.target))
    )


@planned("H15-ids-trimmed", "spaces around an id are taken off")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(target=re.sub("(?<=/)%20(?=[^/])|(?<=[^/])%20$", "", request.target)))


@planned("H16-method-override", "X-HTTP-Method-Override changes the method")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(method=request.headers.get("x-http-method-override", request.method)))


@planned("H17-405-anywhere", "other methods are not allowed on URLs that don't exist")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status != 404 or request.method == "PATCH":
        return response
    return with_headers(
        refusal(405, f"The requested resource does not support http method '{request.method}'."), allow="PATCH"
    )


@planned("H18-shown-as-sent", "the URL in a refusal is shown as it was sent")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    sent = re.sub(rb"(?<=http://)([^/]+)/[^']*", rb"\1" + request.target.encode().replace(b"\\", rb"\\"), response.body)
    return response._replace(body=sent) if b"No HTTP resource" in response.body else response


@planned("H19-profile-before-body", "an unknown profile is noticed before a malformed body")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status not in (400, 415) or request.method != "PATCH":
        return response
    empty = right(request._replace(body=b"[]", headers={**request.headers, "content-type": JSON, "accept": JSON}))
    return empty if empty.status == 404 else response


@planned("H20-entries-without-a-name", "an entry of AlternateIds that is null makes the server fail")
def _(request: Request, right: Server) -> Response:
    rows = operations_of(request) or []
    null = any(row["path"].startswith("/AlternateIds/") and row.get("value", 0) is None for row in rows)
    return refusal(500, "An error has occurred.") if null and right(request).status == 200 else right(request)


# -- formats ----------------------------------------------------------------------------------------------------------


@planned("H21-media-type-in-small-letters", "the refusal of a Content-Type shows it in small letters")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if response.status != 415:
        return response
    return response._replace(body=re.sub(rb"'[^']+/[^']+'", lambda found: found[0].lower(), response.body))


@planned("H22-greater-than-unescaped", "> stands in XML as it is")
def _(request: Request, right: Server) -> Response:
    return in_narrow_xml(right(request), "&gt;", ">")


@planned("H23-zero-is-empty", "a number that is 0 is an empty element")
def _(request: Request, right: Server) -> Response:
    return in_narrow_xml(right(request), ">0</PhoneNumberNumeric>", "></PhoneNumberNumeric>")


@planned("H24-line-separators", "line separators stand in JSON as they are")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return (
        response if is_xml(response) else response._replace(body=response.body.replace(rb"\u2028", "\u2028".encode()))
    )


@planned("H25-error-detail", "a refusal tells of the exception")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    wide = "utf-16" in response.headers.get("content-type", "")
    if response.status < 400 or is_xml(response) or wide or not response.body:
        return response
    error: dict[str, Any] = {**json.loads(response.body), "ExceptionType": "System.Exception"}
    return response._replace(body=json.dumps(error, separators=(",", ":")).encode())


@planned("H26-xml-texts-trimmed", "texts of XML operations lose the spaces around them")
def _(request: Request, right: Server) -> Response:
    return right(
        request._replace(body=re.sub(rb"<value>[ ]*([^<]*?)[ ]*</value>", rb"<value>\1</value>", request.body))
    )


@planned("H27-bad-bytes-replaced", "bytes that are not UTF-8 are replaced")
def _(request: Request, right: Server) -> Response:
    wide = "utf-16" in request.headers.get("content-type", "") or request.body[:2] in (b"\xff\xfe", b"\xfe\xff")
    return right(request if wide else request._replace(body=request.body.decode("utf-8", "replace").encode()))


@planned("H28-utf-16-needs-a-mark", "a body in UTF-16 is read only if it has a byte order mark")
def _(request: Request, right: Server) -> Response:
    wide = "utf-16" in request.headers.get("content-type", "") and b"\0" in request.body
    return right(request) if not wide or request.body[:2] == b"\xff\xfe" else right(with_operations(request, {}))
