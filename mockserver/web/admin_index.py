"""What the control surface offers: the list at /__admin, its OpenAPI outline, and the way back from a wrong URL.

All of it is made from the routes themselves: a view's docstring is the sentence that its users read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

import orjson
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from mockserver import __version__
from mockserver.web.admin_guard import admin_error, json_response
from mockserver.web.api import vendor_response
from mockserver.web.vendor import VendorDoor

RESET_PARTS: Final = ("profiles", "faults", "journal")
_VALUES: Final[Mapping[str, Sequence[str]]] = {"part": RESET_PARTS}
_PREFIX: Final = "/__admin"
_WORLDS: Final = "X-Mock-Namespace: NAME or ?namespace=NAME names the world that is meant, ?all=true every world"
# What the same thing is called elsewhere.
_ALIASES: Final = {
    "journal": "requests",
    "log": "requests",
    "history": "requests",
    "worlds": "namespaces",
    "world": "namespaces",
    "config": "settings",
    "state": "profiles",
    "users": "profiles",
    "time": "clock",
    "dry-run": "try",
}
_LIKE: Final = 0.6


class Endpoint(NamedTuple):
    """One thing that can be asked for."""

    method: str
    path: str
    summary: str

    @property
    def parameters(self) -> list[str]:
        """The names in its path's braces."""
        return re.findall(r"{(\w+)}", self.path)

    def json(self) -> dict[str, Any]:
        """Return it as a row of the list."""
        row: dict[str, Any] = {"method": self.method, "path": self.path, "summary": self.summary}
        values = {name: _VALUES[name] for name in self.parameters if name in _VALUES}
        return {**row, "values": values} if values else row


def register(admin: Blueprint, door: VendorDoor) -> None:
    """Add the routes, and the answers to wrong ones."""
    _lists(admin)
    _refusals(admin, door)


def _lists(admin: Blueprint) -> None:
    @admin.get(_PREFIX, strict_slashes=False)
    def index() -> Response:
        """List every endpoint of the control surface."""
        # One endpoint a line, for people who ask with curl.
        rows = b",\n".join(orjson.dumps(endpoint.json()) for endpoint in endpoints())
        head = orjson.dumps({"version": __version__, "worlds": _WORLDS}).removesuffix(b"}")
        return Response(head + b',"endpoints":[\n' + rows + b"\n]}\n", content_type="application/json")

    @admin.get("/__admin/openapi.json")
    def own_contract() -> Response:
        """Show an OpenAPI outline of the control surface."""
        return json_response(admin_openapi())


def endpoints() -> list[Endpoint]:
    """Return what the running application's control surface offers, in the order of its registration."""
    return [
        Endpoint(method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), _summary(rule.endpoint))
        for rule in current_app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _summary(endpoint: str) -> str:
    return inspect.getdoc(current_app.view_functions[endpoint]) or ""


def admin_openapi() -> dict[str, Any]:
    """Return an OpenAPI outline of the control surface."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints():
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    title = "Control surface of the MyPreferences mock server"
    return {"openapi": "3.1.0", "info": {"title": title, "version": __version__}, "paths": paths}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    name = re.sub(r"\W", "", endpoint.path.strip("/").replace("/", "_"))
    return {
        "operationId": f"{endpoint.method.lower()}_{name}",
        "summary": endpoint.summary,
        "parameters": [_parameter(name) for name in endpoint.parameters],
        "responses": {"200": {"description": "Done."}, "default": {"description": "Refused, with the reason."}},
    }


def _parameter(name: str) -> dict[str, Any]:
    values = {"enum": list(_VALUES[name])} if name in _VALUES else {}
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **values}}


def _refusals(admin: Blueprint, door: VendorDoor) -> None:
    @admin.app_errorhandler(NotFound)
    def no_such_path(problem: NotFound) -> Response:
        if not request.path.startswith(f"{_PREFIX}/"):
            return vendor_response(door)
        near = nearest(request.path)
        hint = f"{f'did you mean {near}? ' if near else ''}GET {_PREFIX} lists every endpoint"
        return admin_error(404, f"the control surface has no {request.path[:200]}", hint)

    @admin.app_errorhandler(MethodNotAllowed)
    def no_such_method(problem: MethodNotAllowed) -> Response:
        allowed = [endpoint.method for endpoint in endpoints() if _leads_to(endpoint.path, request.path)]
        if not allowed:
            return vendor_response(door)
        listed = ", ".join(sorted(set(allowed)))
        response = admin_error(405, f"{request.path[:200]} does not take {request.method}", f"it takes {listed}")
        response.headers["Allow"] = listed
        return response


def _leads_to(template: str, path: str) -> bool:
    # An alternate id, the one name that may hold slashes, comes last.
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template).replace(r"\{identifier\}", ".+"))
    return re.fullmatch(pattern, path.rstrip("/")) is not None


def nearest(path: str) -> str:
    """Return the endpoint whose path is most like a wrong one, with its methods; "" if none is like it."""
    wanted = [_ALIASES.get(part.lower(), part) for part in path[:200].removeprefix(_PREFIX).strip("/").split("/")]
    methods: dict[str, list[str]] = {}
    for endpoint in endpoints():
        methods.setdefault(endpoint.path, []).append(endpoint.method)
    filled = {template: _filled(template, wanted) for template in methods if template != _PREFIX}
    best = max(filled, key=lambda template: _likeness(wanted, filled[template]))
    if _likeness(wanted, filled[best]) < _LIKE:
        return ""
    prefix = f"{_PREFIX}/" if best.startswith(_PREFIX) else "/"
    return f"{prefix}{'/'.join(filled[best])} ({', '.join(methods[best])})"


def _filled(template: str, wanted: Sequence[str]) -> list[str]:
    """Return a path's parts, those in braces as they were sent."""
    parts = template.removeprefix(_PREFIX).strip("/").split("/")
    return [
        wanted[index] if part.startswith("{") and index < len(wanted) else part for index, part in enumerate(parts)
    ]


def _likeness(wanted: Sequence[str], parts: Sequence[str]) -> float:
    return SequenceMatcher(None, "/".join(wanted).lower(), "/".join(parts).lower(), autojunk=False).ratio()
