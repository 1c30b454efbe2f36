"""Wrong servers as wrappers: media types, negotiation and XML."""

from __future__ import annotations

import re

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import JSON, entering, in_xml, is_xml, media_type, refusal, with_headers

FORMATS: list[Mutant] = []
planned = entering(FORMATS)


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
