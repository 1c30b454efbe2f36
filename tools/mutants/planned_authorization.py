"""Wrong servers as wrappers: who may do what, and what the refusals say."""

from __future__ import annotations

import re

from tools.mutants.harness import Mutant, Request, Response, Server
from tools.mutants.wrappers import ROLES, client_of, entering, signed, with_headers

AUTHORIZATION: list[Mutant] = []
planned = entering(AUTHORIZATION)


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
