"""The control surface of a running mock, seen from one world."""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from mockserver.errors import UsageError
from mockserver.testing.response import send

__tracebackhide__ = True  # a failing test's report ends at the test's own line

TIMEOUT_S = 30.0
_ADMIN = "/__admin"


class Control:
    """Calls /__admin for one world; `world` None is the default one."""

    def __init__(self, url: str, world: str | None, token: str | None) -> None:
        self.url = url
        self.world = world
        self._headers = {"Content-Type": "application/json"}
        if world is not None:
            self._headers["X-Mock-Namespace"] = world
        if token is not None:
            self._headers["X-Mock-Admin-Token"] = token

    def __call__(self, method: str, *path: str, document: Any = None, query: str = "", allow: int = 200) -> Any:
        """Return the answer's JSON; raise UsageError with what the server says of a failure that is not allowed."""
        target = _ADMIN + "".join(f"/{quote(part, safe='')}" for part in path) + query
        body = None if document is None else json.dumps(document).encode()
        try:
            answer = send(self.url, method, target, self._headers, body, TIMEOUT_S)
        except (OSError, HTTPException) as problem:
            hint = "start one with `mockserver serve`, or name the address of one that runs"
            raise UsageError(f"can't reach the mock server: {problem}", place=self.url, hint=hint) from problem
        if answer.status < 300 or answer.status == allow:
            return answer.json()
        raise _refusal(answer.status, answer.text, target)


def _refusal(status: int, text: str, target: str) -> UsageError:
    try:
        told = json.loads(text)
        return UsageError(told["error"], hint=told["hint"])
    except (ValueError, KeyError, TypeError):
        return UsageError(f"the server answered {status} to {target}", hint="does a MyPreferences mock listen there?")
