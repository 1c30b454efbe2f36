"""One HTTP exchange, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__tracebackhide__ = True  # a failing test's report ends at the test's own line

_SHOWN = 300


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """An answer; header names are looked up in any letter case."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(self.headers.get_content_charset("utf-8"), "replace")

    @property
    def reason(self) -> str | None:
        """The stable code of what the mock did and why (X-Mock-Explain), such as `patch-applied`."""
        return self.headers["X-Mock-Explain"]

    @property
    def provenance(self) -> str | None:
        """How sure it is that the real API would do so (X-Mock-Provenance)."""
        return self.headers["X-Mock-Provenance"]

    @property
    def fault(self) -> str | None:
        """The planned fault that struck, as `<rule>#<n>`."""
        return self.headers["X-Mock-Fault"]

    def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        text = self.text
        return f"<Response {self.status} {self.reason}: {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}>"


def send(
    base_url: str,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout_s: float,
    ca: Path | None = None,
) -> Response:
    """Send one request on a connection of its own, which makes every caller safe in any thread.

    A broken connection raises what http.client raises: ConnectionError, HTTPException or TimeoutError; a certificate
    that neither `ca` nor, without one, this machine trusts, ssl.SSLCertVerificationError.
    """
    parts = urlsplit(base_url)
    with closing(_connection(parts.scheme, parts.netloc, timeout_s, ca)) as connection:
        # As bytes, for http.client would refuse a user's name that is not Latin-1.
        encoded: dict[str, Any] = {name: value.encode() for name, value in headers.items()}
        connection.request(method, parts.path.rstrip("/") + target, body, encoded)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())


def _connection(scheme: str, host: str, timeout_s: float, ca: Path | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, timeout=timeout_s, context=ssl.create_default_context(cafile=ca))
    return HTTPConnection(host, timeout=timeout_s)
