"""From a WSGI environment to the service and back: what both doors share, so that they can't differ."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from mockserver.errors import ApiError, BadRequest, MethodNotAllowed, NotFound
from mockserver.faults.rules import BROKEN
from mockserver.journal.log import head_bytes
from mockserver.profile.keys import Key
from mockserver.service.answer import Answer
from mockserver.service.assembly import Mock
from mockserver.service.body import body_too_large
from mockserver.service.operations import ROUTES
from mockserver.service.request import Head, Request
from mockserver.service.routes import match_route, shown_url
from mockserver.settings import KEPT_HEADS, LONGEST_KEPT_HEAD
from mockserver.state.clock import stopwatch
from mockserver.state.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from mockserver.journal.lines import LogLines

_log = logging.getLogger("mockserver.requests")
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_NO_CONTENT = HTTPStatus.NO_CONTENT.value
_SEEN_HOSTS = 100
_LONGEST_LENGTH = 16
_TELLING = frozenset(("REQUEST_METHOD", "RAW_URI", "REQUEST_URI", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE"))
_HEADERS = {
    "HTTP_AUTHORIZATION": "authorization",
    "CONTENT_TYPE": "content-type",
    "HTTP_ACCEPT": "accept",
    "HTTP_ACCEPT_CHARSET": "accept-charset",
    "HTTP_X_REQUESTED_WITH": "x-requested-with",
    "HTTP_X_MOCK_NAMESPACE": "x-mock-namespace",
    "HTTP_X_MOCK_FAULT": "x-mock-fault",
    "HTTP_PREFER": "prefer",
    "HTTP_HOST": "host",
    "HTTP_USER_AGENT": "user-agent",
}


def raw_target(environ: Mapping[str, Any]) -> str:
    """Return path and query of the request target as sent; a gateway that hides it loses what %2F says."""
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is not None and target[:7].lower() == "http://":  # what a proxy is asked, as other gateways pass it on
        target = f"/{target[7:].partition('/')[2]}"
    if target is None:
        query = environ.get("QUERY_STRING")
        path = environ.get("PATH_INFO", "").encode("latin-1", "replace").decode("utf-8", "replace")
        target = f"{path}?{query}" if query else path
    return str(target)


def read_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the request's headers by lower-case name, those that the service reads first."""
    keys = _header_keys(tuple(environ))
    return dict(zip(keys.values(), map(environ.__getitem__, keys), strict=True))


@lru_cache(maxsize=64)
def _header_keys(names: tuple[str, ...]) -> dict[str, str]:
    """Return which names of an environment are headers, and how those are called; clients send the same ones again."""
    others = (name for name in names if name.startswith("HTTP_"))
    known = {key: name for key, name in _HEADERS.items() if key in names}
    return known | {name: name[5:].lower().replace("_", "-") for name in others if name not in known}


def sent_head(environ: Mapping[str, Any]) -> Hashable:
    """Return what tells one head from another."""
    telling = _telling(tuple(environ))
    return telling, telling(environ)


@lru_cache(maxsize=64)
def _telling(names: tuple[str, ...]) -> itemgetter[Any]:
    # Two heads whose names differ get two of these; a client sends the same names again and again.
    return itemgetter(*(name for name in names if name[:5] == "HTTP_" or name in _TELLING))


class VendorDoor:
    """Answers everything on the vendor's side of the server: its operations, and 404 and 405 in its words."""

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.pure = mock.settings.pure
        self.max_body = mock.settings.max_body
        self.offered = mock.settings.operations
        self.allowed_hosts = allowed_hosts(mock.settings.host, mock.settings.allowed_hosts)
        self._seen_hosts: set[str] = set()
        self._heads: dict[Hashable, Head] = {}
        self._lines: LogLines | None = None

    def answer(self, environ: WSGIEnvironment, head: Head | None = None) -> Answer:
        """Answer one request; never raises, but for a bug in reading its head, which the gateway then answers."""
        started = stopwatch()
        head, world = head or self.head(environ), None
        try:
            if not self.host_allowed(head.headers.get("host")):
                raise host_refusal(head.headers.get("host"))
            world = self.world(head.headers, head.route.world, head.route.key)
            if head.operation is None:
                raise self._no_operation(head, environ)
            answer = self.mock.service.answer(Request(head, self._body(environ)), world)
        except ApiError as refusal:
            answer = self.mock.service.refuse_early(refusal, head, world or self.mock.worlds.default)
        except Exception:
            answer = self.mock.service.bug(head.form)
        self._account(answer, head, started)
        return answer

    def refuse(self, refusal: ApiError, environ: Mapping[str, Any]) -> Answer:
        """Answer a request that the server can't take, as far as it is known."""
        started, world = stopwatch(), self.mock.worlds.default
        head = self._read_head(environ)
        with suppress(ApiError):
            world = self.world(head.headers, head.route.world, head.route.key)
        answer = self.mock.service.refuse_early(refusal, head, world)
        self._account(answer, head, started)
        return answer

    def head(self, environ: Mapping[str, Any]) -> Head:
        """Return the head of a request; within a second a client's signature stays the same, and so may the head.

        The mock's own server keeps equal heads and lets it be noted there; for other gateways it is kept here.
        """
        notes: dict[Hashable, Head] | None = environ.get("mockserver.head")
        # What a head's notes say holds for one service; another comes when fixtures are read again.
        sent: Hashable = self.mock.service.mark
        kept, most = notes, 1
        if kept is None:
            sent, kept, most = (sent, sent_head(environ)), self._heads, KEPT_HEADS
        if (known := kept.get(sent)) is not None:
            return known
        head = self._read_head(environ)
        short = notes is not None or head_bytes(head.target, head.headers.items()) <= LONGEST_KEPT_HEAD
        if head.operation is not None and short:
            if len(kept) >= most:
                kept.clear()
            kept[sent] = head
        return head

    def _read_head(self, environ: Mapping[str, Any]) -> Head:
        method, target, headers = environ["REQUEST_METHOD"], raw_target(environ), read_headers(environ)
        slashes = self.mock.service.policy.dialect.follows_page
        route = match_route(target, slashes_in_ids=slashes, offered=self.offered)
        return Head(method, target, headers, route)

    def _no_operation(self, head: Head, environ: Mapping[str, Any]) -> ApiError:
        if head.route.operations:
            return method_refusal(head.method, ", ".join(head.route.operations))
        url = shown_url(environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "localhost"), head.target)
        return NotFound(
            f"No HTTP resource was found that matches the request URI '{url}'.",
            rule="route-unknown",
            hint=f"The route is {' or '.join(ROUTES[self.offered])}.",
        )

    def world(self, headers: Mapping[str, str], suffix: str | None, key: Key | None = None) -> World:
        """Return the world that the request asks for, by header first, then by the clientId's suffix."""
        name = None if self.pure else headers.get("x-mock-namespace") or suffix
        return self.mock.worlds.serve(name, key)

    def _body(self, environ: Mapping[str, Any]) -> bytes:
        stream = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        if length:
            size = int(length) if length.isascii() and length.isdigit() and len(length) < _LONGEST_LENGTH else -1
            if size < 0:
                raise BadRequest("The request is invalid.", rule="content-length-invalid", hint="Send a whole number.")
            if size > self.max_body:
                raise body_too_large(size, self.max_body)
            return bytes(stream.read(size))
        if environ.get("HTTP_TRANSFER_ENCODING"):
            body = bytes(stream.read(self.max_body + 1))
            if len(body) > self.max_body:
                raise body_too_large(None, self.max_body)
            return body
        return b""

    def host_allowed(self, host: str | None) -> bool:
        """Tell whether the Host header names this server; a page that rebinds its name to us sends its own."""
        if host is None or host in self._seen_hosts or "*" in self.allowed_hosts:
            return True
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
        allowed = name.lower().strip("[]") in self.allowed_hosts
        if allowed and len(self._seen_hosts) < _SEEN_HOSTS:
            self._seen_hosts.add(host)
        return allowed

    def _account(self, answer: Answer, head: Head, started: float) -> None:
        story, ended = answer.story, stopwatch()
        seconds = ended - started
        operation = head.operation.name if head.operation is not None else ""
        broken = answer.delivery is not None and answer.delivery.connection in BROKEN
        self.mock.metrics.observe(0 if broken else answer.status, story.reason, seconds, answer.fault, ended, operation)
        if story.refusal:
            self.mock.metrics.note_bound(story.refusal)
        if answer.exchange is not None:
            # Imported with the first line: what writes them need not be there at the start.
            from mockserver.journal.lines import LogLines

            self._lines = self._lines or LogLines(self.mock.tree)
            if self.mock.settings.log_format == "json":
                line = orjson.dumps(self._lines.row(answer.exchange)).decode()
            else:
                line = self._lines.text(answer.exchange)
            # Here too: `serve` alone redacts what its handler writes; elsewhere the log is another's, such as pytest's.
            _log.info("%s", self.mock.service.secrets.text(line))


def method_refusal(method: str, allowed: str) -> MethodNotAllowed:
    """Return the 405 of the stack, OPTIONS and HEAD included (library)."""
    return MethodNotAllowed(
        f"The requested resource does not support http method '{method}'.",
        rule="method-not-allowed",
        headers={"Allow": allowed},
        hint=f"Send {allowed}.",
    )


class HostNotAllowed(ApiError):
    """The Host header names another server."""

    status = 421


def host_refusal(host: str | None) -> HostNotAllowed:
    """Return the refusal of a foreign Host header."""
    return HostNotAllowed(
        "The request was sent to a host that this server does not answer for.",
        rule="host-not-allowed",
        why=f"Host {str(host)[:100]!r} is not allowed.",
        hint="Start with --allowed-hosts NAME if this name is really yours, or if the mock is to be its proxy.",
    )


def allowed_hosts(bound: str, extra: Iterable[str]) -> frozenset[str]:
    """Return the names that Host may hold: loopback's, the bound address, and what the settings add."""
    return frozenset({"localhost", "127.0.0.1", "::1", bound.lower(), *(name.lower() for name in extra)})


def respond(answer: Answer, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Hand an answer to the gateway, and to the server how a fault wants it delivered."""
    if answer.delivery is not None:
        environ["mockserver.effect"] = answer.delivery
    status = _STATUS_LINES.get(answer.status) or f"{answer.status} Unknown"
    if environ["REQUEST_METHOD"] == "HEAD":  # its texts name the method: another length than that of GET
        start_response(status, answer.headers)
        return [b""]
    length = [] if answer.status == _NO_CONTENT else [("Content-Length", str(len(answer.body)))]
    start_response(status, answer.headers + length)
    return [answer.body]
