"""A small client of the API that signs its requests: for tests of a mock's state, and of other clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from mockserver.service.routes import profile_target
from mockserver.testing.response import Response, send

__tracebackhide__ = True  # a failing test's report ends at the test's own line

TIMEOUT_S: Final = 10.0


class Client:
    """Sends requests of one user of one client; safe in threads, for it holds no connection.

    `authorize` returns the value of the Authorization header, for each request anew.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        authorize: Callable[[], str],
        headers: Mapping[str, str],
        timeout_s: float = TIMEOUT_S,
        ca: Path | None = None,
    ) -> None:
        self.url = url
        self.client_id = client_id
        self.timeout_s = timeout_s
        self._authorize = authorize
        self._ca = ca
        self._headers = dict(headers)

    def patch(
        self,
        alternate_id_type: str,
        alternate_id: str,
        operations: Sequence[Any] | str | bytes,
        *,
        accept: str = "application/json",
        content_type: str = "application/json",
        headers: Mapping[str, str | None] | None = None,
    ) -> Response:
        """Patch a profile; operations given as text or bytes are sent as they are, right or wrong.

        A header that is None is left out, as in `headers={"Authorization": None}`.
        """
        body = operations if isinstance(operations, (str, bytes)) else json.dumps(operations)
        own = {"Accept": accept, "Content-Type": content_type}
        target = profile_target(self.client_id, alternate_id_type, alternate_id)
        return self.request("PATCH", target, body, headers={**own, **(headers or {})})

    def create(self, profile: Mapping[str, Any]) -> Response:
        """Create a profile; the answer's JSON has its ProfileId."""
        return self._call("POST", "Profile", profile)

    def read(self, *name: str | int) -> Response:
        """Read a profile by its ProfileId, or by alternate id type and alternate id."""
        if len(name) == 1:
            return self._call("GET", f"Profile/{name[0]}")
        kind, identifier = map(str, name)
        return self.request("GET", profile_target(self.client_id, kind, identifier))

    def deactivate(self, profile_id: int, reason: str | None = None) -> Response:
        """Hide a profile from everything but its ProfileId."""
        return self._call("POST", f"Profile/{profile_id}/Deactivate", None if reason is None else {"Reason": reason})

    def activate(self, profile_id: int) -> Response:
        """Bring a profile back."""
        return self._call("POST", f"Profile/{profile_id}/Activate")

    def delete(self, profile_id: int) -> Response:
        """Delete a profile for good."""
        return self._call("DELETE", f"Profile/{profile_id}")

    def add_consent(self, profile_id: int, *consents: Mapping[str, Any]) -> Response:
        """Add consents, each with ConsentType, ConsentVersion, Locale and ConsentStatus as a number."""
        return self._call("POST", f"Consents/{profile_id}", {"Consents": consents})

    def tags(self) -> Response:
        """Count the profiles with each tag."""
        return self._call("GET", "Tags")

    def _call(self, method: str, path: str, document: Any = None) -> Response:
        body = None if document is None else json.dumps(document)
        headers = {"Content-Type": None if body is None else "application/json", "Accept": "application/json"}
        return self.request(method, f"/{quote(self.client_id, safe='~')}/{path}", body, headers=headers)

    def request(
        self,
        method: str,
        target: str,
        body: str | bytes | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
    ) -> Response:
        """Send any request, signed; `target` is the path and query exactly as they are to go over the wire."""
        given = {name.title(): value for name, value in (headers or {}).items()}
        if "Authorization" not in given:
            given["Authorization"] = self._authorize()
        sent = {name: value for name, value in {**self._headers, **given}.items() if value is not None}
        data = body.encode() if isinstance(body, str) else body
        return send(self.url, method, target, sent, data, self.timeout_s, self._ca)
