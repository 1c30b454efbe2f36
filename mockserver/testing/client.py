"""A small client of the API that signs its requests: for tests of a mock's state, and of other clients."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

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
    ) -> None:
        self.url = url
        self.client_id = client_id
        self.timeout_s = timeout_s
        self._authorize = authorize
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
        target = profile_path(self.client_id, alternate_id_type, alternate_id)
        return self.request("PATCH", target, body, headers={**own, **(headers or {})})

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
        return send(self.url, method, target, sent, data, self.timeout_s)


def profile_path(client_id: str, alternate_id_type: str, alternate_id: str) -> str:
    """Return the URL's path for a profile, each part escaped."""
    client, kind, value = (quote(part, safe="~") for part in (client_id, alternate_id_type, alternate_id))
    return f"/{client}/Profile/AlternateIdType/{kind}/AlternateId/{value}"
