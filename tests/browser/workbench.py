"""One tab with the workbench of one server, and the server's clients beside it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Request, TimeoutError

from mockserver.auth.signing import issued_now, sign
from mockserver.server.server import Server

ID = "C-000417"
_TARGET = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/{}"
USER, SECRET = "editor@acme.example", "editor-test-key"


class Workbench:
    """What a person does and sees in the tab, and what an application sends meanwhile."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server, self.url = page, server, f"http://127.0.0.1:{server.port}"
        self.problems: list[str] = []
        self.expected: tuple[str, ...] = ()

    @contextmanager
    def watched(self) -> Iterator[Workbench]:
        """Watch the tab, which must be quiet to the end: no console error and no request to another origin."""
        heard: dict[Any, Any] = {
            "console": self._on_console, "pageerror": self._on_error, "request": self._on_request,
        }  # fmt: skip
        for event, listener in heard.items():
            self.page.on(event, listener)
        yield self
        for event, listener in heard.items():
            self.page.remove_listener(event, listener)
        self.must_be_quiet()

    def _on_error(self, error: Error) -> None:
        self.problems.append(f"page error: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text} {message.location['url']}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.problems.append(f"another origin: {request.url}")

    def must_be_quiet(self) -> None:
        """Fail if there was a problem that the test does not expect."""
        unexpected = [problem for problem in self.problems if not any(text in problem for text in self.expected)]
        assert not unexpected, "\n".join(unexpected)

    def open(self, hash_: str = "") -> Workbench:
        """Open the page at an address."""
        self.page.goto(f"{self.url}/__admin/ui{hash_}")
        return self

    def go(self, hash_: str) -> Workbench:
        """Follow a link within the page."""
        self.page.evaluate("hash => { location.hash = hash }", hash_)
        return self

    # -- what is on the page -------------------------------------------------------------------------------------------

    def see(self, text: str, within: str = "body") -> Locator:
        """Wait until a text is seen."""
        found = self.page.locator(within).get_by_text(text).first
        found.wait_for()
        return found

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def button(self, name: str, within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("button", name=name).first

    def press_and_be_sure(self, name: str, within: str = "body") -> None:
        """Press a button that asks back, and say yes; anew where the question is gone before, as on a slow machine."""
        for _ in range(10):
            self.button(name, within).click()
            with suppress(TimeoutError):
                return self.button("Sure?", within).click(timeout=2500)
        raise AssertionError(f"{name} never asked back")

    def rows(self, count: int) -> Locator:
        """Wait until the list of requests has so many rows."""
        self.page.wait_for_function("n => document.querySelectorAll('tr[data-id]').length === n", arg=count)
        return self.page.locator("tr[data-id]")

    # -- what an application does --------------------------------------------------------------------------------------

    def patch(self, body: Any, identifier: str = ID, *, signed: bool = True, **headers: str) -> int:
        """Send a PATCH as an application would; the status."""
        sent = {"Content-Type": "application/json-patch+json"}
        if signed:
            sent["Authorization"] = sign("ACME01", USER, SECRET, issued_now(datetime.now(UTC)))
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send("PATCH", _TARGET.format(quote(identifier, safe="")), data, sent)[0]

    def flood(self, count: int) -> None:
        """Send unsigned requests over one connection."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=10)
        for _ in range(count):
            connection.request("PATCH", _TARGET.format(ID), b"[]", {"Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    def admin(self, method: str, path: str, document: Any = None, **headers: str) -> Any:
        """Ask the control surface; the answer's JSON."""
        data = None if document is None else json.dumps(document).encode()
        sent = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return json.loads(self._send(method, f"/__admin/{path}", data, sent)[1])

    def _send(self, method: str, target: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + target, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()


def replace(path: str = "/CustomerType", value: Any = "Gold") -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}
