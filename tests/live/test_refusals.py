"""What the connection refuses of the whole mock, and what a proxy asks: words, headers, reasons and journal."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest

from mockserver.commands.running import make_server
from mockserver.journal.view import absolute_url
from mockserver.server.server import Server
from mockserver.service.assembly import Mock
from tests.live.raw_client import Answer, Client

TARGET = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
LIMIT = 1000
NO_CACHE = {"cache-control": "no-cache", "pragma": "no-cache", "expires": "-1"}


def head(*lines: str, start: str = f"PATCH {TARGET} HTTP/1.1", host: str = "localhost") -> bytes:
    return "\r\n".join([start, f"Host: {host}", *lines, "", ""]).encode("latin-1")


@pytest.fixture
def ask(make_mock: Callable[..., Mock]) -> Callable[..., tuple[Answer, Mock]]:
    """Ask a mock of its own over a socket; settings as keywords."""

    def ask(data: bytes, *, bodiless: bool = False, **settings: object) -> tuple[Answer, Mock]:
        mock = make_mock(port=0, max_body=LIMIT, **settings)
        with make_server(mock) as server, Client(server) as client:
            client.send(data)
            return client.answer(bodiless=bodiless), mock

    return ask


REFUSED = {
    "no-http": (b"\x00\x01\x02\r\n\r\n", 400, "http-invalid", "-"),
    "two-hosts": (head("Host: b"), 400, "http-invalid", TARGET),
    "fragment": (head(start="GET /x#y HTTP/1.1"), 400, "http-invalid", "/x#y"),
    "header": (head("X-A: " + "b" * 70_000), 431, "header-too-large", TARGET),
    "endless-header": (head()[:-2] + b"X-A: " + b"b" * 140_000, 431, "header-too-large", TARGET),
    "endless-body": (head("Content-Length: 99999999"), 413, "body-too-large", TARGET),
    "chunks": (head("Transfer-Encoding: chunked") + b"1001\r\n" + b"x" * 0x1001, 413, "body-too-large", TARGET),
}


@pytest.mark.parametrize(("data", "status", "reason", "target"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_of_the_connection_is_like_any_other(
    ask: Callable[..., tuple[Answer, Mock]], data: bytes, status: int, reason: str, target: str
) -> None:
    """It has the vendor's headers, its reason, and an entry in the journal under its id."""
    answer, mock = ask(data)
    assert (answer.status, answer.headers["x-mock-explain"], answer.headers["connection"]) == (status, reason, "close")
    assert NO_CACHE.items() <= answer.headers.items()
    assert "x-content-type-options" not in answer.headers
    assert "Message" in json.loads(answer.body)
    (entry,) = mock.worlds.default.journal
    assert (entry.id, entry.status, entry.target) == (answer.headers["x-mock-request-id"], status, target)
    [(counted, number)] = mock.metrics.requests.items()
    assert (*counted[:2], number) == (status, reason, 1)


@pytest.mark.parametrize("data", [case[0] for case in REFUSED.values()], ids=REFUSED)
def test_pure_refusals_say_nothing_of_the_mock(ask: Callable[..., tuple[Answer, Mock]], data: bytes) -> None:
    answer, _ = ask(data, pure=True)
    assert NO_CACHE.items() <= answer.headers.items()
    assert not [name for name in answer.headers if name.startswith("x-mock")]


def test_one_limit_for_bodies_whoever_refuses(ask: Callable[..., tuple[Answer, Mock]]) -> None:
    """Just too large for the service, too large for the connection, and without a length: one answer."""
    seen = []
    for framing, body in [("Content-Length: 1001", b"x" * 1001), ("Content-Length: 9999", b""),
                          ("Transfer-Encoding: chunked", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"),
                          ("Transfer-Encoding: chunked", b"270f\r\n" + b"x" * 9999)]:  # fmt: skip
        answer, mock = ask(head(framing, "X-Mock-Namespace: mine") + body)
        world = mock.worlds.get("mine")
        (entry,) = world.journal
        changing = {"date", "x-mock-request-id", "connection"}
        headers = {name: value for name, value in answer.headers.items() if name not in changing}
        seen.append((answer.status, headers, answer.body, entry.story.reason, entry.story.hint(mock.tree)))
    assert seen == [seen[0]] * 4
    assert json.loads(seen[0][2]) == {"Message": "The request entity is too large."}


@pytest.mark.parametrize("length", [4001, 9999])
def test_the_control_surface_has_one_bound(ask: Callable[..., tuple[Answer, Mock]], length: int) -> None:
    """Four times as much as the API takes; its refusal names the bound."""
    start = "POST /__admin/faults HTTP/1.1"
    answer, _ = ask(head(f"Content-Length: {length}", "Content-Type: application/json", start=start) + b"x" * length)
    document = json.loads(answer.body)
    assert (answer.status, document["reason"]) == (413, "body-too-large")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "4000 bytes" in document["error"]
    assert "--max-body" in document["hint"]
    answer, _ = ask(head("Content-Length: 3001", "Content-Type: application/json", start=start) + b"x" * 3001)
    assert (answer.status, "not JSON" in answer.body.decode()) == (400, True)


def test_the_token_endpoint_has_the_limit_of_the_api(ask: Callable[..., tuple[Answer, Mock]]) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    answer, _ = ask(head("Content-Length: 1001", form, start="POST /oauth/token HTTP/1.1") + b"a=" + b"x" * 999)
    assert (answer.status, json.loads(answer.body)) == (413, {"Message": "The request entity is too large."})


PROXIED = {
    "own-name": (f"http://localhost{TARGET}", 200, "patch-applied"),
    "own-name-in-capitals": (f"HTTP://LOCALHOST:80{TARGET}", 200, "patch-applied"),
    "allowed-name": (f"http://api.vendor.example/Profiles{TARGET}", 200, "patch-applied"),
    "foreign-name": (f"http://other.example{TARGET}", 421, "host-not-allowed"),
    "no-such-route": ("http://localhost/nothing?a=b", 404, "route-unknown"),
}


@pytest.mark.parametrize(("target", "status", "reason"), PROXIED.values(), ids=PROXIED)
def test_a_proxy_request_is_routed_by_its_path(
    ask: Callable[..., tuple[Answer, Mock]], target: str, status: int, reason: str
) -> None:
    """For a name that is allowed; the journal and messages show one target, the path."""
    body = b'[{"op":"replace","path":"/CustomerType","value":"Prospect"}]'
    lines = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    request = head(*lines, start=f"PATCH {target} HTTP/1.1", host="ignored.example") + body
    answer, mock = ask(request, allowed_hosts=("api.vendor.example",))
    assert (answer.status, answer.headers["x-mock-explain"]) == (status, reason)
    (entry,) = mock.worlds.default.journal
    assert entry.target == "/" + target[7:].partition("/")[2]
    if status == 404:
        assert "'http://localhost/nothing?a=b'" in json.loads(answer.body)["Message"]
    if status == 421:
        assert "--allowed-hosts" in entry.story.hint(mock.tree)


def test_what_could_not_be_read_has_a_url_in_a_har(ask: Callable[..., tuple[Answer, Mock]]) -> None:
    _, mock = ask(b"\x00\r\n\r\n")
    (entry,) = mock.worlds.default.journal
    assert absolute_url(entry, "http://localhost/") == "http://localhost/"


def test_asterisk_is_the_server_as_a_whole(ask: Callable[..., tuple[Answer, Mock]]) -> None:
    answer, mock = ask(head(start="OPTIONS * HTTP/1.1"))
    assert (answer.status, "'http://localhost/'" in json.loads(answer.body)["Message"]) == (404, True)
    assert [entry.target for entry in mock.worlds.default.journal] == ["/"]


@pytest.mark.parametrize("method", ["patch", "Patch", "pATCH"])
def test_a_method_in_any_letter_case(ask: Callable[..., tuple[Answer, Mock]], method: str) -> None:
    lines = ["Content-Type: application/json", "Content-Length: 2"]
    answer, mock = ask(head(*lines, start=f"{method} {TARGET} HTTP/1.1") + b"[]")
    assert (answer.status, answer.headers["x-mock-explain"]) == (200, "patch-empty")
    assert [entry.method for entry in mock.worlds.default.journal] == ["PATCH"]


@pytest.mark.parametrize(
    "path", [TARGET, "/nothing", "/oauth/token", "/__admin/reset", "/__admin/nothing", "/__admin/version", "/metrics"]
)
def test_head_states_no_other_length_than_get(ask: Callable[..., tuple[Answer, Mock]], path: str) -> None:
    get, _ = ask(head(start=f"GET {path} HTTP/1.1"))
    answer, _ = ask(head(start=f"HEAD {path} HTTP/1.1"), bodiless=True)
    assert answer.status == (405 if path == TARGET else get.status)  # the vendor's stack knows no HEAD
    assert answer.headers.get("content-length") in (None, get.headers["content-length"])


@pytest.mark.parametrize(
    "data", [head("Host: b", start="HEAD /x HTTP/1.1"), head("X: " + "b" * 70_000, start="HEAD / HTTP/1.1")]
)
def test_refused_head_has_no_body(make_mock: Callable[..., Mock], data: bytes) -> None:
    with make_server(make_mock(port=0)) as server, Client(server) as client:
        client.send(data)
        assert client.answer(bodiless=True).status in (400, 431)
        assert client.rest() == b""


WORDS = {
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "http:// instead of https://"),
    "path-beyond-ascii": (b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encode it"),
    "query-in-latin-1": (b"GET /x?caf\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", "percent-encode it"),
}


@pytest.mark.parametrize(("data", "words"), WORDS.values(), ids=WORDS)
def test_plain_words(ask: Callable[..., tuple[Answer, Mock]], data: bytes, words: str) -> None:
    answer, _ = ask(data)
    assert (answer.status, words in json.loads(answer.body)["Message"]) == (400, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_an_encoded_body_is_named_as_that(ask: Callable[..., tuple[Answer, Mock]], coding: str) -> None:
    """It is read as it is (assumed); if that fails, the story says why."""
    lines = [f"Content-Encoding: {coding}", "Content-Type: application/json", "Content-Length: 4"]
    answer, mock = ask(head(*lines) + b"\x1f\x8b\x08\x00")
    (entry,) = mock.worlds.default.journal
    assert (answer.status, answer.headers["x-mock-explain"]) == (400, "body-bad-encoding")
    assert "Content-Encoding" in entry.story.sentence(mock.tree)
    assert "Content-Encoding" in entry.story.hint(mock.tree)


def test_a_client_that_left_leaves_no_warnings(
    serve_mock: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    """However much of what it asked is still to be answered."""
    server = serve_mock(log="all")
    caplog.clear()
    for data in (head(start="GET /x HTTP/1.1") * 300, b"\x00" * 50, head("Content-Length: 5")):
        with Client(server) as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.send(data)
    with Client(server) as client:
        assert client.ask(head(start="GET /x HTTP/1.1")).status == 404
    assert [record.message for record in caplog.records if record.name != "mockserver.requests"] == []


def test_localhost_is_both_families(make_mock: Callable[..., Mock]) -> None:
    """A client that tries ::1 first finds the server there; Ctrl-C and stop end both."""
    with make_server(make_mock(port=0, host="localhost")) as server:
        try:
            with socket.create_server(("::1", 0), family=socket.AF_INET6):
                families = ["127.0.0.1", "::1"]
        except OSError:
            families = ["127.0.0.1"]
        for address in families:
            with socket.create_connection((address, server.port), timeout=10) as connection:
                connection.sendall(head("Connection: close", start="GET /__admin/version HTTP/1.1"))
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        assert server.url == f"http://127.0.0.1:{server.port}"
