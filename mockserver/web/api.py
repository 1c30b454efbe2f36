"""The vendor's surface in Flask; nothing here that the vendor does not have."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from mockserver.service.door import VendorDoor, respond
from mockserver.service.operations import BASE_PATHS, ROUTES


def vendor_api(door: VendorDoor) -> Blueprint:
    """Return the blueprint of the vendor's operations.

    Flask decodes %2F and minds letter case, the vendor's stack does not: so the door reads the raw URL itself, and
    whatever no route matches is given to `vendor_response` as well.
    """
    api = Blueprint("vendor", __name__)

    def view(**values: str) -> Response:
        return vendor_response(door)

    for route, operations in ROUTES[door.offered].items():
        for base in BASE_PATHS:
            rule = base + re.sub(r"{(\w+)}", r"<\1>", route)
            for method, operation in operations.items():
                api.add_url_rule(rule, operation.name, view, methods=[method])
    return api


def vendor_response(door: VendorDoor) -> Response:
    """Answer the present request as the vendor would, also with its 404 and 405."""
    response = Response()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> object:
        response.status = status
        response.headers.clear()
        response.headers.extend(headers)
        return lambda _: None

    response.set_data(b"".join(respond(door.answer(request.environ), request.environ, start_response)))  # type: ignore[arg-type]
    return response
