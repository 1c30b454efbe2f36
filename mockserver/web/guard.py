"""Who may use the control surface, and how it says no."""

from __future__ import annotations

import hmac
import json
import re
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request

from mockserver.auth.tokens import bearer_token
from mockserver.errors import ApiError, Forbidden, Unauthorized, UnsupportedMediaType, UsageError
from mockserver.nearest import did_you_mean
from mockserver.service.assembly import Mock
from mockserver.state.world import World

_MOST_DIGITS = 18
_NUMBER = re.compile(f"[0-9]{{1,{_MOST_DIGITS}}}")
_MOST_CONTAINERS = 200_000  # are read in one go, while nobody else is answered: about 15 ms
TOKEN_HEADER = "X-Mock-Admin-Token"  # noqa: S105 - a header's name


# What any of the control surface's routes reads of a query.
_PARAMETERS = ("all", "changed", "dry", "limit", "n", "namespace", "offset", "q", "since", "view", "wait")
_JSON_TYPES = ("application/json", "application/json-patch+json")


class AdminRefusal(ApiError):
    """The control surface can't do what it was asked."""

    def __init__(self, status: int, problem: str, hint: str = "") -> None:
        super().__init__(problem, rule="admin-request-invalid", why=problem, hint=hint)
        self.status = status  # type: ignore[misc]


def json_response(document: Any, status: int = 200) -> Response:
    """Return JSON; no CORS header is ever added."""
    try:
        body = orjson.dumps(document)
    except TypeError:
        # What was sent may hold what JSON can't carry: a number of forty digits is near enough as a fraction.
        text = json.dumps(document, ensure_ascii=False, default=repr).encode("utf-8", "replace")
        body = orjson.dumps(json.loads(text, parse_int=_whole, parse_constant=lambda _: None))
    return Response(body, status, content_type="application/json")


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def admin_error(status: int, problem: str, hint: str = "", rule: str = "admin-request-invalid") -> Response:
    """Return a refusal of the control surface: what is wrong and what to write instead."""
    return json_response({"error": problem, "hint": hint, "reason": rule, "errors": [{"title": problem}]}, status)


def guard(mock: Mock) -> None:
    """Raise for a request that another site's page, or somebody without the token, could have sent."""
    if not same_origin():
        raise Forbidden(
            "refused",
            rule="origin-not-allowed",
            why="a page of another origin may not use the control surface",
            hint="use a client that sends no Origin header, or a page served by this server",
        )
    if mock.admin_token is not None and not _has_token(mock.admin_token):
        raise Unauthorized(
            "refused",
            rule="admin-token-missing",
            why="the control surface needs its token",
            hint=f"send {TOKEN_HEADER}: <token>; the server printed it at start and wrote it to the ready file",
        )
    _refuse_unknown_parameters()
    if request.get_data(cache=True) and request.mimetype not in _JSON_TYPES and not _plain_json():
        raise UnsupportedMediaType(
            "refused",
            rule="admin-request-invalid",
            why=f"the control surface reads JSON, not {request.mimetype or 'an unnamed type'}",
            hint="send Content-Type: application/json",
        )


def _refuse_unknown_parameters() -> None:
    """Raise for a query parameter that would have no effect; what asks for metrics or contracts may send its own."""
    for name in request.args if request.path.startswith("/__admin/") else ():
        if name not in _PARAMETERS:
            hint = did_you_mean(name, _PARAMETERS, f"the parameters are {', '.join(_PARAMETERS)}")
            raise AdminRefusal(422, f"there is no query parameter {name[:40]!r}", hint)


def _plain_json() -> bool:
    """Tell whether JSON without its type comes from no browser, as by `curl -d`: a page could send that unasked."""
    if any(name == "Origin" or name.startswith("Sec-Fetch-") for name in request.headers.keys()):  # noqa: SIM118
        return False
    try:
        orjson.loads(request.get_data(cache=True))
    except orjson.JSONDecodeError:
        return False
    return True


def same_origin() -> bool:
    """Tell whether a request comes from a page of this server, or from no page at all."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    return origin == f"{request.scheme}://{request.host}"


def _has_token(token: str) -> bool:
    given = request.headers.get(TOKEN_HEADER) or bearer_token(request.headers.get("Authorization")) or ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def body_json() -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty one."""
    document = _any_json()
    if isinstance(document, dict):
        return document
    raise AdminRefusal(400, "a JSON object { } was expected", "send object { }")


def body_json_or_text() -> dict[str, Any] | str:
    """Return the request's JSON object, or its text if it is a JSON string."""
    document = _any_json()
    return document if isinstance(document, str) else body_json()


def _any_json() -> Any:
    data = request.get_data(cache=True)
    if not data:
        return {}
    if data.count(b"{") + data.count(b"[") > _MOST_CONTAINERS:
        raise AdminRefusal(413, f"the document has more than {_MOST_CONTAINERS} objects and lists", "send less")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise AdminRefusal(400, f"not JSON: {problem}", "send a JSON document") from problem


def whole_number(name: str, least: int = 0, most: int = 0) -> int | None:
    """Return a parameter of the request as a whole number, None if it is absent; raise AdminRefusal. `most` 0: any."""
    text = request.args.get(name)
    if text is None:
        return None
    if not re.fullmatch(_NUMBER, text) or not least <= int(text) <= (most or int(text)):
        hint = f"write a number from {least} to {most}" if most else "write a whole number"
        raise AdminRefusal(422, f"{name} is {text[:40]!r}", hint)
    return int(text)


def flag(name: str) -> bool:
    """Tell whether a parameter of the request is true; raise AdminRefusal for what is neither that nor false."""
    return choice(name, "false", "true") == "true"


def choice(name: str, *values: str) -> str:
    """Return a parameter of the request in small letters, the first value if it is absent; raise AdminRefusal."""
    text = request.args.get(name, values[0])
    if text.lower() not in values:
        raise AdminRefusal(422, f"{name} is {text[:40]!r}", f"write {' or '.join(reversed(values))}")
    return text.lower()


def chosen_worlds(mock: Mock) -> list[World]:
    """Return the request's world, or every world under ?all=true."""
    return mock.worlds.all() if flag("all") else [chosen_world(mock)]


def chosen_world(mock: Mock) -> World:
    """Return the world named by X-Mock-Namespace or ?namespace=, else the default one."""
    if mock.settings.pure:
        return mock.worlds.default
    return mock.worlds.get(request.headers.get("X-Mock-Namespace") or request.args.get("namespace") or None)


def usage_error(problem: UsageError) -> Response:
    """Answer with a problem that a command would print."""
    return admin_error(422, told(problem), problem.hint)


def told(problem: UsageError) -> str:
    """Return what is wrong, after the place where it is."""
    return f"{problem.place}: {problem.problem}" if problem.place else problem.problem


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def with_proper_phrase(response: Response) -> Response:
    """Write the status line as RFC 9110 does, 400 Bad Request, where Werkzeug writes it in capitals."""
    if response.status.isupper() and response.status_code in _PHRASES:
        response.status = f"{response.status_code} {_PHRASES[response.status_code]}"
    return response
