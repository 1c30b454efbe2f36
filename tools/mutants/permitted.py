"""Right servers that differ from the mock in what is theirs to choose: verification must stay quiet about them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import entering, is_xml, with_headers

PERMITTED: list[Mutant] = []
permitted = entering(PERMITTED)
_requests = count(1)


def rewritten(
    response: Response, write: Callable[[Any], str], change: Callable[[Any], Any] = lambda body: body
) -> Response:
    """Return a JSON answer written in another way, in the encoding that it has."""
    content_type = response.headers.get("content-type", "")
    if not response.body or is_xml(response) or "json" not in content_type:
        return response
    encoding = "utf-16" if "utf-16" in content_type else "utf-8"
    text = write(change(json.loads(response.body)))
    return response._replace(body=text.encode(encoding))


def plainly(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def in_order(value: Any, order: Callable[[list[str]], list[str]]) -> Any:
    """Return a JSON value with the members of its objects in another order."""
    if isinstance(value, list):
        return [in_order(item, order) for item in value]
    return {name: in_order(value[name], order) for name in order(list(value))} if isinstance(value, dict) else value


@permitted("P01-order-reversed", "members stand in the reverse order")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), plainly, lambda body: in_order(body, lambda names: names[::-1]))


@permitted("P02-order-alphabetical", "members stand in alphabetical order")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), plainly, lambda body: in_order(body, sorted))


@permitted("P03-indented", "JSON is indented")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), lambda body: json.dumps(body, ensure_ascii=False, indent=2))


@permitted("P04-blanks", "blanks stand behind colons and commas, a line end behind all")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), lambda body: json.dumps(body, ensure_ascii=False) + "\n")


@permitted("P05-escapes-beyond-ascii", "characters beyond ASCII are escaped")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), lambda body: json.dumps(body, separators=(",", ":")))


@permitted("P06-escapes-of-markup", "slashes and marks of HTML are escaped")
def _(request: Request, right: Server) -> Response:
    marks: dict[str, str | int | None] = {"/": r"\/", "<": r"\u003c", ">": r"\u003E", "&": r"\u0026", "'": r"\u0027"}
    return rewritten(right(request), lambda body: plainly(body).translate(str.maketrans(marks)))


@permitted("P07-no-escapes-of-separators", "line and paragraph separators stand as they are")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), plainly)


@permitted("P08-message-detail", "refusals say more for developers")
def _(request: Request, right: Server) -> Response:
    detail = {"MessageDetail": "More about it."}
    return rewritten(
        right(request), plainly, lambda body: body | detail if "Message" in body and "ProfileId" not in body else body
    )


@permitted("P09-message-last", "the message of a refusal stands behind the places")
def _(request: Request, right: Server) -> Response:
    return rewritten(right(request), plainly, lambda body: dict(sorted(body.items(), reverse=True)))


@permitted("P10-headers-of-iis", "answers name the software")
def _(request: Request, right: Server) -> Response:
    named = {"server": "Microsoft-IIS/10.0", "x_powered_by": "ASP.NET", "x_aspnet_version": "4.0.30319"}
    return with_headers(right(request), **named)


@permitted("P11-headers-of-a-proxy", "a proxy adds headers of its own")
def _(request: Request, right: Server) -> Response:
    return with_headers(right(request), via="1.1 proxy", x_cache="MISS", vary="Accept, Accept-Charset", age="0")


@permitted("P12-request-id", "each answer has a number")
def _(request: Request, right: Server) -> Response:
    return with_headers(right(request), x_request_id=f"{next(_requests):032x}")


@permitted("P13-etag", "answers have an ETag and a date")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return with_headers(response, etag=f'W/"{len(response.body)}"', last_modified="Wed, 01 May 2024 10:00:00 GMT")


@permitted("P14-security-headers", "answers have the headers that scanners ask for")
def _(request: Request, right: Server) -> Response:
    wanted = {"strict_transport_security": "max-age=63072000", "x_content_type_options": "nosniff"}
    return with_headers(right(request), **wanted, content_security_policy="default-src 'none'")


@permitted("P15-charset-in-capitals", "the charset is written in capitals")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return with_headers(response, content_type=response.headers.get("content-type", "").replace("utf", "UTF"))


@permitted("P16-charset-without-a-blank", "no blank stands before the charset")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    return with_headers(response, content_type=response.headers.get("content-type", "").replace("; ", ";"))


@permitted("P17-charset-in-quotes", "the charset stands in quotes")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    media_type, _, charset = response.headers.get("content-type", "").partition("charset=")
    return with_headers(response, content_type=f'{media_type}charset="{charset}"')


@permitted("P18-late", "now and then an answer comes late")
def _(request: Request, right: Server) -> Response:
    if next(_requests) % 100 == 0:
        time.sleep(0.02)
    return right(request)


@permitted("P19-details-of-exceptions", "refusals show where they arose, as servers that are set to do so")
def _(request: Request, right: Server) -> Response:
    details = {"ExceptionMessage": "Why.", "ExceptionType": "System.Exception", "StackTrace": None}
    return rewritten(right(request), plainly, lambda body: body | details if list(body) == ["Message"] else body)


@permitted("P20-empty-elements", "no blank stands at the end of an empty element of XML")
def _(request: Request, right: Server) -> Response:
    response = right(request)
    if not is_xml(response) or "utf-16" in response.headers["content-type"]:
        return response
    return response._replace(body=response.body.replace(b" />", b"/>"))
