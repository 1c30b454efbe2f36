"""Wrong servers in the calls around the PATCH: in what they share with it, and in the life of a profile."""
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

_HIDDEN = "if self.policy.hides_inactive and call.key[1] != BY_PROFILE_ID:"
_AROUND = "service/neighbours.py"
_STALE_READ = "        body = call.profiles.read(call.key)\n"

LIFE: list[Edit] = [
    # -- reading
    Edit("L-get-shows-inactive", "GET by alternate id shows an inactive profile", _AROUND, _HIDDEN, "if False:"),
    Edit("L-get-hides-from-all", "an inactive profile is found by nothing", _AROUND,
         _HIDDEN, "if self.policy.hides_inactive:"),
    Edit("L-patch-shows-inactive", "PATCH by alternate id finds an inactive profile", "service/service.py",
         "if not active and self.policy.hides_inactive and route.profile_id is None:", "if False:"),
    Edit("L-patch-hides-from-all", "PATCH by ProfileId does not find an inactive profile", "service/service.py",
         "if not active and self.policy.hides_inactive and route.profile_id is None:",
         "if not active and self.policy.hides_inactive:"),
    Edit("L-stale-read", "GET shows what it showed before a write", _AROUND,
         _STALE_READ, "        body = _SHOWN.setdefault((id(call.profiles), call.key), call.profiles.read(call.key))\n",
         extra="\n_SHOWN: dict = {}\n"),
    Edit("L-stale-read-by-id", "GET by ProfileId shows what it showed before a write", _AROUND,
         _STALE_READ,
         "        body = call.profiles.read(call.key)\n"
         "        if call.key[1] == BY_PROFILE_ID and body is not None:\n"
         "            body = _SHOWN.setdefault((id(call.profiles), call.key), body)\n",
         extra="\n_SHOWN: dict = {}\n"),
    # -- deactivate and activate
    Edit("L-activate-keeps-reason", "Activate keeps the reason", _AROUND,
         "profile.update(IsActive=active, ReasonCode=reason)\n            if reason is None:\n                del profile[\"ReasonCode\"]",
         "profile.update(IsActive=active, ReasonCode=reason or profile.reach(\"ReasonCode\"))"),
    Edit("L-deactivate-forgets-reason", "Deactivate forgets the reason", _AROUND,
         'active=False, reason=given.get("Reason"))', "active=False, reason=None)"),
    Edit("L-deactivate-does-nothing", "Deactivate only answers", _AROUND,
         "profile.update(IsActive=active, ReasonCode=reason)", "profile.update(ReasonCode=reason)"),
    Edit("L-activate-deactivates", "Activate makes inactive", _AROUND,
         '"profile-activated", active=True', '"profile-activated", active=False'),
    Edit("L-life-not-stamped", "Deactivate and Activate leave the stamp alone", _AROUND,
         'profile["Edited"] = stamped(profile.reach("Edited"), self.tree, call.now, call.user)\n            return Changed(fitting(profile.write(), self.policy))\n\n        return Outcome(200, done',
         'return Changed(fitting(profile.write(), self.policy))\n\n        return Outcome(200, done'),
    Edit("L-life-204", "Deactivate and Activate answer 204", _AROUND, "return Outcome(200, done", "return Outcome(204, done"),
    Edit("L-reason-unbounded", "a reason may have any length", _AROUND,
         'refuse_too_long(given, self.tree.documents["ReasonCode"], "/Reason")', "pass"),
    # -- delete
    Edit("L-delete-200", "DELETE answers 200", _AROUND, "return Outcome(204,", "return Outcome(200,"),
    Edit("L-delete-does-nothing", "DELETE only answers", _AROUND,
         "before = call.profiles.delete(call.key)", "before = call.profiles.read(call.key)"),
    Edit("L-delete-of-nobody", "DELETE of nobody is answered as any other", _AROUND,
         "if before is None:\n            raise profile_unknown()\n        return Outcome(204,", "return Outcome(204,"),
    # -- create
    Edit("L-create-reuses-an-id", "a new profile gets the ProfileId of a deleted one", "state/profiles.py",
         "for slot in count(overlay.next_slot):", "for slot in count(fixtures):"),
    Edit("L-create-over-another", "a new profile takes an alternate id over", "state/profiles.py",
         "if (owner := self._slot(overlay, key)) is not None and owner != slot:",
         "if (owner := self._slot(overlay, key)) is not None and owner != slot and self._body(overlay, slot):"),
    Edit("L-create-200", "create answers 200", _AROUND, "return Outcome(201, \"profile-created\"", "return Outcome(200, \"profile-created\""),
    Edit("L-create-nowhere", "create does not say where the profile is", _AROUND, "headers=[location]", "headers=[]"),
    Edit("L-create-elsewhere", "create says that the profile is where it was sent to", _AROUND,
         'f"{place}/{profile[\'ProfileId\']}"', 'place'),
    Edit("L-create-without-defaults", "a new profile lacks the account's defaults", _AROUND,
         "complete(given, self.tree.root, account_defaults(call.client))", "complete(given, self.tree.root, {})"),
    Edit("L-create-takes-consents", "consents of a new profile are dropped without a word", _AROUND,
         'member.name == "Consents" and value:', 'member.name == "Consents" and False:'),
    Edit("L-create-strictly", "create reads strict JSON alone", "formats/json_read.py",
         "    return read_object_leniently(body, utf_16=utf_16, depth_limit=DEPTH_LIMIT), False",
         "    raise MalformedBody([\"operations\"], rule=\"body-not-json\", why=\"\")",
         extra="\nfrom mockserver.errors import MalformedBody\n"),
    Edit("L-create-reads-dates", "create writes a text anew that looks like a date", _AROUND,
         "convert(value, member, dates=None)", "convert(value, member)"),
    Edit("L-create-exact-names", "create knows members by their exact names alone", _AROUND,
         "            member = self.tree.root.find(name)", "            member = self.tree.root.members.get(name)"),
    # -- consents
    Edit("L-consent-by-name-in-json", "a consent's status is taken by name in JSON", "service/consents.py",
         "if by_name and value in STATUSES:", "if value in STATUSES:"),
    Edit("L-consent-number-in-xml", "a consent's status is a number in XML too", "service/consents.py",
         "if by_name and value in STATUSES:", "if by_name and str(value).isdecimal():\n        return STATUSES[int(value) - 1]\n    if by_name and value in STATUSES:"),
    Edit("L-consent-from-zero", "a consent's status counts from 0", "service/consents.py",
         "return STATUSES[value - 1]", "return STATUSES[value % 4]"),
    Edit("L-consent-any-length", "a consent's texts may have any length", "service/consents.py",
         "    refuse_too_long(read, member, here)\n", ""),
    Edit("L-consents-replaced", "new consents take the place of the old ones", _AROUND,
         '[*(profile.reach("Consents") or ()), *rows]', "rows"),
    Edit("L-consent-stamp", "a consent does not say who added it", _AROUND,
         '{**template, **consent, "Edited": edited}', "{**template, **consent}"),
    # -- tags, methods, permissions
    Edit("L-tags-of-all", "Tags counts the profiles of every account", _AROUND, "if key[0] == client:", "if key:"),
    Edit("L-tags-by-entry", "Tags counts each tag once", _AROUND, '"Count": counts[name]}', '"Count": 1}'),
    Edit("L-allow-lies", "Allow is always PATCH", "service/door.py", '", ".join(head.route.operations)', '"PATCH"'),
    Edit("L-allow-first", "Allow tells one method of each route", "service/door.py",
         '", ".join(head.route.operations)', "next(iter(head.route.operations))"),
    Edit("L-anybody-deletes", "DELETE needs no permission but reading", "service/operations.py",
         '"profile:delete", "delete"', '"profile:read", "delete"'),
    Edit("L-anybody-creates", "create needs no permission but reading", "service/operations.py",
         '"profile:create", "create"', '"profile:read", "create"'),
]  # fmt: skip
