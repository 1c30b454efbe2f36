"""A WSGI application that does nothing, on the mock's own server: what is left is the cost of HTTP."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from mockserver.server.server import Server


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer `{}` without reading the request."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


if __name__ == "__main__":
    Server(app, port=int(sys.argv[1])).serve()
