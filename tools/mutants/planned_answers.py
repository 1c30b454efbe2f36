"""Wrong servers as wrappers: statuses, shapes and headers of answers, methods and routes."""

from __future__ import annotations

import re

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import JSON, entering, operations_of, refusal, with_headers

ANSWERS: list[Mutant] = []
planned = entering(ANSWERS)


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
