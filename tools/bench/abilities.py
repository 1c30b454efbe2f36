"""What a server does of the mock's work: asked before it is measured, so that the page claims only what was seen."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable
from typing import Final

import orjson

from tools.bench import signed_patch
from tools.bench.server_process import Reply

_LOOK: Final = b"[]"
_NO_OPERATION: Final = orjson.dumps([{"op": "explode", "path": "/CustomerType"}])
_WRONG: Final = "PNAUTHINFO3-HMAC-SHA256 Credential=editor@acme.example/2020-01-01T00:00:00Z Signature=d3Jvbmc="


def _send(port: int, body: bytes, **headers: str | None) -> Reply:
    sent = signed_patch.headers() | {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        known = {name: value for name, value in sent.items() if value is not None}
        connection.request("PATCH", signed_patch.PATH, body, known)
        response = connection.getresponse()
        return Reply(response.status, response.read())


def _refuses(body: bytes, **headers: str | None) -> Callable[[int], bool]:
    return lambda port: _send(port, body, **headers).status >= 400


def _shows(port: int) -> bool:
    return b"Prospect 5" in _send(port, signed_patch.BODIES[5]).body


def _keeps(port: int) -> bool:
    _send(port, signed_patch.BODIES[6])
    return b"Prospect 6" in _send(port, _LOOK).body


_GOOD: Final = signed_patch.BODIES[0]
QUESTIONS: Final[dict[str, Callable[[int], bool]]] = {
    "refuses a request without Authorization": _refuses(_GOOD, Authorization=None),
    "refuses a wrong signature": _refuses(_GOOD, Authorization=_WRONG),
    "refuses another Content-Type": _refuses(_GOOD, Content_Type="text/plain"),
    "refuses an unknown operation": _refuses(_NO_OPERATION),
    "answers with the change": _shows,
    "keeps it": _keeps,
}


def asked(port: int) -> list[bool]:
    """Return how a server does with each of the questions."""
    return [question(port) for question in QUESTIONS.values()]
