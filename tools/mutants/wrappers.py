"""Wrapping a right server, so that it becomes a wrong one: what such a wrapper reads, changes and answers.

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

ROLES = read_fixtures(FIXTURES)
JSON = "application/json"


def entering(mutants: list[Mutant]) -> Callable[..., Callable[[Wrong], Wrong]]:
    """Return the decorator that enters wrong servers into a list."""

    def planned(name: str, title: str, dialect: str = "vendor") -> Callable[[Wrong], Wrong]:
        def enter(wrong: Wrong) -> Wrong:
            mutants.append(Mutant(name, title, wrong=wrong, dialect=dialect))
            return wrong

        return enter

    return planned


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
    """Return the request with each operation changed; None from `change` leaves one out.

    One that stays as it is keeps its bytes, too.
    """
    operations = operations_of(request)
    if operations is None:
        return request
    other = [row for row in map(change, operations) if row is not None]
    return request if other == operations else with_operations(request, other)


def with_header(request: Request, name: str, value: str) -> Request:
    """Return the request with another value of a header."""
    return request._replace(headers={**request.headers, name: value})


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
    return with_header(request, "authorization", value)


def read(request: Request, right: Server) -> dict[str, Any] | None:
    """Return the profile as the right server has it now."""
    plain = {**request.headers, "content-type": JSON, "accept": JSON}
    answer = right(request._replace(headers=plain, body=b"[]"))
    return json.loads(answer.body) if answer.status == 200 else None


def at(row: Mapping[str, Any], pattern: str) -> bool:
    """Tell whether an operation is at a path of this form."""
    return bool(re.search(pattern, row["path"]))
