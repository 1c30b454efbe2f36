"""What the control surface offers: the list at /__admin, its OpenAPI document, and the way back from a wrong URL.

All of it is made from the routes themselves: a view's docstring is the sentence that its users read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

import orjson
from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed, NotFound

from mockserver import __version__
from mockserver.nearest import likeness, nearest_name
from mockserver.package import shipped
from mockserver.service.assembly import load_contract
from mockserver.service.door import VendorDoor
from mockserver.web.api import vendor_response
from mockserver.web.guard import admin_error, json_response

Values: TypeAlias = Mapping[str, Sequence[str]]
"""What may stand for a name in a path's braces, where only some words may."""

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
    "status": "health",
    "stats": "metrics",
    "time": "clock",
    "dry-run": "try",
}
# Names in a path's braces, as its users call them.
_SHOWN: Final = {"kind": "type", "identifier": "id", "fault_id": "id", "exchange_id": "id", "report_id": "id"}
_LONGEST: Final = 200


class Endpoint(NamedTuple):
    """One thing that can be asked for."""

    method: str
    path: str
    summary: str

    @property
    def parameters(self) -> list[str]:
        """The names in its path's braces."""
        return re.findall(r"{(\w+)}", self.path)

    def json(self, values: Values) -> dict[str, Any]:
        """Return it as a row of the list."""
        own = {name: values[name] for name in self.parameters if name in values}
        return {**self._asdict(), "values": own} if own else self._asdict()


def register(admin: Blueprint, door: VendorDoor, values: Values) -> None:
    """Add the routes, and the answers to wrong ones."""
    _refusals(admin, door)

    @admin.get(_PREFIX, strict_slashes=False)
    def index() -> Response:
        """List every endpoint of the control surface."""
        # One endpoint a line, for people who ask with curl.
        rows = b",\n".join(orjson.dumps(endpoint.json(values)) for endpoint in endpoints())
        head = orjson.dumps({"version": __version__, "worlds": _WORLDS}).removesuffix(b"}")
        return Response(head + b',"endpoints":[\n' + rows + b"\n]}\n", content_type="application/json")

    @admin.get("/__admin/openapi.json")
    def own_contract() -> Response:
        """Show the control surface as an OpenAPI document, with schemas of every body and answer."""
        return json_response(_openapi(door.mock.contract))


def endpoints() -> list[Endpoint]:
    """Return what the running application's control surface offers, in the order of its registration."""
    return [
        Endpoint(method, _template(rule.rule), _summary(rule.endpoint))
        for rule in current_app.url_map.iter_rules()
        if rule.endpoint.startswith(("admin.", "workbench."))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def _template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: f"{{{_SHOWN.get(found[1], found[1])}}}", rule)


def _summary(endpoint: str) -> str:
    return inspect.getdoc(current_app.view_functions[endpoint]) or ""


def _openapi(contract: Mapping[str, Any]) -> dict[str, Any]:
    """Return the control surface's document with each view's sentence, and with the contract's schemas of profiles."""
    document = load_contract(shipped("contracts") / "control-surface.yaml")
    document["info"]["version"] = __version__
    summaries = {(endpoint.path, endpoint.method.lower()): endpoint.summary for endpoint in endpoints()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["summary"] = summaries[path, method]
    document["components"]["schemas"] |= contract["components"]["schemas"]
    text = orjson.dumps(document).replace(b"openapi.yaml#/", b"#/")
    return cast("dict[str, Any]", orjson.loads(text))


def _refusals(admin: Blueprint, door: VendorDoor) -> None:
    @admin.app_errorhandler(NotFound)
    def no_such_path(problem: NotFound) -> Response:
        if not request.path.startswith(f"{_PREFIX}/"):
            return vendor_response(door)
        near = nearest(request.path)
        hint = f"{f'did you mean {near}? ' if near else ''}GET {_PREFIX} lists every endpoint"
        return admin_error(404, f"the control surface has no {request.path[:_LONGEST]}", hint)

    @admin.app_errorhandler(MethodNotAllowed)
    def no_such_method(problem: MethodNotAllowed) -> Response:
        if not request.path.startswith(_PREFIX) and request.path not in {endpoint.path for endpoint in endpoints()}:
            return vendor_response(door)
        allowed = ", ".join(sorted(set(problem.valid_methods or ()) - {"HEAD", "OPTIONS"}))
        response = admin_error(405, f"{request.path[:_LONGEST]} does not take {request.method}", f"it takes {allowed}")
        response.headers["Allow"] = allowed
        return response


def nearest(path: str) -> str:
    """Return the endpoint whose path is most like a wrong one, with its methods; "" if none is like it."""
    wanted = _words(path[:_LONGEST].lower())
    methods: dict[str, list[str]] = {}
    for endpoint in endpoints():
        methods.setdefault(endpoint.path, []).append(endpoint.method)
    known = {name: name for name in (_words(template)[0] for template in methods)} | _ALIASES
    near = nearest_name(wanted[0], known)
    if near is None:
        return ""
    wanted[0] = known[near]
    best = max(methods, key=lambda template: _likeness(template, wanted))
    return f"{best} ({', '.join(sorted(methods[best]))})"


def _words(path: str) -> list[str]:
    return path.removeprefix(_PREFIX).strip("/").split("/")


def _likeness(template: str, wanted: Sequence[str]) -> tuple[float, float]:
    """Compare the first words, then all of both; a name in braces is like whatever was sent in its place."""
    parts = _words(template)
    filled = [
        wanted[index] if part.startswith("{") and index < len(wanted) else part for index, part in enumerate(parts)
    ]
    return likeness(wanted[0], filled[0]), likeness("/".join(wanted), "/".join(filled))
