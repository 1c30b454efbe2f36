"""Wrong servers that are right about the PATCH by alternate id, and wrong where another call shares what it does."""
# ruff: noqa: E501 - an edit is as wide as the source that it changes

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from typing import Any
from urllib.parse import quote, unquote

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.source import Edit
from tools.mutants.wrappers import (
    changed,
    entering,
    is_xml,
    operations_of,
    read,
    refusal,
    signed,
    with_header,
    with_headers,
    with_operations,
)

ALL_CALLS: list[Mutant] = []
planned = entering(ALL_CALLS)
_BY_ID = re.compile(r"/Profile/[^/?]+(?:/(?:De)?[Aa]ctivate)?/?(?:\?.*)?$")


def by_number(request: Request) -> bool:
    """Say whether a request names its profile by ProfileId."""
    return bool(_BY_ID.search(request.target)) and "AlternateIdType" not in request.target


@planned("A-add-of-an-object-that", "add of an object that is there adds to it")
def _(request: Request, right: Server) -> Response:
    operations = operations_of(request)
    if not operations or len(operations) != 1 or operations[0].get("op") != "add":
        return right(request)
    name, value = operations[0]["path"].strip("/"), operations[0].get("value")
    held = (read(request, right) or {}).get(name) if isinstance(value, dict) else None
    return right(
        with_operations(request, [operations[0] | {"value": held | value}]) if isinstance(held, dict) else request
    )


@planned("A-get-by-profileid-goes-by", "GET by ProfileId goes by the first type of Accept")
def _(request: Request, right: Server) -> Response:
    accept = request.headers.get("accept", "")
    if request.method == "GET" and by_number(request) and "," in accept:
        return right(with_header(request, "accept", accept.partition(",")[0].partition(";")[0]))
    return right(request)


@planned("A-get-by-alternate-id-knows", "GET by alternate id knows no Accept-Charset")
def _(request: Request, right: Server) -> Response:
    if request.method != "GET" or "AlternateIdType" not in request.target:
        return right(request)
    return right(request._replace(headers={k: v for k, v in request.headers.items() if k != "accept-charset"}))


@planned("A-tags-says-text-xml-as", "Tags says text/xml as application/xml")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    if "/Tags" in request.target and answer.headers.get("content-type", "").startswith("text/xml"):
        return with_headers(answer, content_type=answer.headers["content-type"].replace("text/", "application/"))
    return answer


@planned("A-a-create-of-malformed-json", "a create of malformed JSON is a 500")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    bad = answer.status == 400 and request.target.rstrip("/").endswith("/Profile") and request.body[:1] in (b"{", b"[")
    if bad:
        try:
            json.loads(request.body)
        except ValueError:
            return refusal(500, "An error has occurred.")
    return answer


@planned("A-delete-takes-a-signature-of", "DELETE takes a signature of any age")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    if request.method == "DELETE" and answer.status == 401 and b"too large" in answer.body.replace(b"\0", b""):
        return right(signed(request))
    return answer


@planned("A-a-refusal-of-get-by", "a refusal of GET by ProfileId comes in JSON alone")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    if request.method == "GET" and by_number(request) and answer.status >= 400 and answer.status != 405:
        return right(with_header(request, "accept", "application/json"))
    return answer


@planned("A-deactivates-401-always-says-that", "Deactivate's 401 always says that it is unable to authenticate")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    if answer.status == 401 and request.target.endswith("/Deactivate") and not is_xml(answer):
        return answer._replace(body=b'{"Message":"Unable to authenticate request"}')
    return answer


@planned("A-patch-by-profileid-reads-xml", "PATCH by ProfileId reads XML without its operations")
def _(request: Request, right: Server) -> Response:
    xml = request.method == "PATCH" and by_number(request) and b"<Operations>" in request.body
    return (
        right(request._replace(body=re.sub(rb"<Operations>.*</Operations>", b"", request.body, flags=re.S)))
        if xml
        else right(request)
    )


@planned("A-consents-of-a-profile-that", "consents of a profile that is not there are a 201")
def _(request: Request, right: Server) -> Response:
    answer = right(request)
    return (
        Response(201, {k: v for k, v in answer.headers.items() if k != "content-type"}, b"")
        if answer.status == 404 and "/Consents/" in request.target
        else answer
    )


@planned("A-dots-at-the-end-of", "dots at the end of an id are dropped")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(target=re.sub(r"(?<=[^/.])\.+$", "", request.target)))


@planned("A-letters-with-accents-are-one", "letters with accents are one with those without in ids")
def _(request: Request, right: Server) -> Response:
    head, slash, last = request.target.rpartition("/")
    plain = "".join(c for c in unicodedata.normalize("NFD", unquote(last)) if not unicodedata.combining(c))
    answer = right(request)
    return (
        right(request._replace(target=f"{head}{slash}{quote(plain)}"))
        if answer.status == 404 and plain != unquote(last)
        else answer
    )


@planned("A-a-body-that-is-gzipped", "a body that is gzipped is read")
def _(request: Request, right: Server) -> Response:
    if request.headers.get("content-encoding") != "gzip":
        return right(request)
    return right(request._replace(body=gzip.decompress(request.body)))


@planned("A-blanks-at-the-end-of", "blanks at the end of an account are dropped")
def _(request: Request, right: Server) -> Response:
    return right(request._replace(target=re.sub(r"^(/Profiles)?/([^/]+?)(?:%20)+/", r"\1/\2/", request.target)))


@planned("A-deactivate-with-a-form-is", "Deactivate with a form is a 415")
def _(request: Request, right: Server) -> Response:
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return refusal(415) if form and request.target.endswith("/Deactivate") and request.body else right(request)


@planned("A-addresses-are-limited-to-ten", "addresses are limited to ten")
def _(request: Request, right: Server) -> Response:
    def cut(row: dict[str, Any]) -> dict[str, Any]:
        good = isinstance(row.get("value"), list) and row["path"].lower().strip("/") == "addresses"
        return row | {"value": row["value"][:10]} if good else row

    return right(changed(request, cut))


_N, _C, _S = "service/neighbours.py", "service/consents.py", "auth/signing.py"
# Edits of the source that nothing but rules for these calls, or of values at the edge of a kind, can see.
EDGES = [
    Edit("A-type-ends-in-semicolon", "a Content-Type may end in a semicolon", "formats/negotiation.py",
         "    found = _media_type_at(text, _end(_SPACES, text, 0)) if text else None",
         "    text = text.rstrip('; ') if text else text\n    found = _media_type_at(text, _end(_SPACES, text, 0)) if text else None"),
    Edit("A-xml-blank-is-empty", "a text of blanks alone is empty in XML", "formats/xml_read.py",
         '    return node or ""', '    return node.strip(_XML_SPACE) and node if node else ""'),
    Edit("A-scope-in-small-letters", "the account in a scope may be in small letters", "auth/tokens.py",
         "    client = clients.get(client_id) or", "    client = clients.get(client_id) or clients.get(client_id.upper()) or"),
    Edit("A-reason-outlives", "a patch that makes a profile active keeps the reason", "service/life.py",
         '        profile.pop("ReasonCode", None)\n', "        pass\n"),
    Edit("A-nil-operation-is-empty", "an operation of XML that is nil is an empty one", "formats/xml_read.py",
         "    if not isinstance(node, dict) or _is_nil(node):", "    if not isinstance(node, dict):"),
    Edit("A-declared-latin", "a declaration of Latin-1 is fine", "formats/xml_read.py",
         '"utf-8": ("utf-8",)', '"utf-8": ("utf-8", "iso-8859-1")'),
    Edit("A-zone-in-hours", "minutes of an offset mean nothing", _S,
         'return datetime.fromisoformat(timestamp if shape["zone"] else f"{timestamp}Z")',
         'return datetime.fromisoformat(re.sub(r"([+-][0-9]{2}):?[0-9]{2}$", r"\\1:00", timestamp) if shape["zone"] else f"{timestamp}Z")'),
    Edit("A-signature-url-safe", "a signature may be URL-safe Base64", _S,
         "    given = utf8(signature)", "    given = utf8(signature.replace('-', '+').replace('_', '/'))"),
    Edit("A-query-without-profile-id", "a ProfileId in the query means nothing", "service/routes.py",
         "        if name.lower() in names:", "        if name.lower() in names and name.lower() != 'profileid':"),
    Edit("A-consent-status-text", "a consent's status may be the text of its number", _C,
         "    if not by_name and type(value) is int and",
         "    value = int(value) if not by_name and isinstance(value, str) and value.isdecimal() else value\n    if not by_name and type(value) is int and"),
    Edit("A-consent-status-true", "true is a consent's status 1", _C,
         "    if not by_name and type(value) is int and", "    if not by_name and isinstance(value, int) and"),
    Edit("A-tags-without-a-name", "Tags counts tags without a name", _N, "if tag and tag.Name})", "if tag and tag.Name is not None})"),
    Edit("A-xml-without-creator", "a profile from XML has no creator", _N,
         '        profile["Edited"] = stamped_new(self.tree, call.now, call.user)\n',
         '        profile["Edited"] = stamped_new(self.tree, call.now, None if is_xml(call.request.head) else call.user)\n'),
    Edit("A-limit-of-code-points", "a limit counts code points", "profile/conformance.py",
         "limit is not None and text_length(value) > limit", "limit is not None and len(value) > limit"),
    Edit("A-create-takes-a-reason", "create takes a reason", _N,
         "            if member is not None and not member.read_only:",
         "            if member is not None and (not member.read_only or member.name == 'ReasonCode'):"),
    Edit("A-tags-need-more", "reading Tags needs the permission to delete", "service/operations.py",
         '"/{clientId}/Tags", "profile:read"', '"/{clientId}/Tags", "profile:delete"'),
]  # fmt: skip
