"""The production server over real sockets: requests, limits, time-outs, planned misbehaviour, stopping."""

from __future__ import annotations

import contextlib
import errno
import gc
import http.client
import json
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from wsgiref.validate import validator

import pytest
from flask import Flask, Response, request

from mockserver.errors import UsageError
from mockserver.server.server import Server

TIMEOUT_S = 10
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
Environ = dict[str, Any]


@dataclass
class Effect:
    """What an application plans for its answer."""

    delay_s: float = 0.0
    connection: str | None = None


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A raw connection; every wait on it ends after TIMEOUT_S."""

    def __init__(self, server: Server) -> None:
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
        self.file = self.sock.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.file.close()
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one answer; `bodiless` for what answers HEAD."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        length = 0 if bodiless else int(headers.get("content-length", 0))
        return Answer(status, headers, self.file.read(length))

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def rest(self) -> bytes:
        """Read until the server closes."""
        return self.file.read()


def echo(environ: Environ, start_response: Any) -> list[bytes]:
    """Answer with what arrived."""
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    body = json.dumps({**shown, "body": environ["wsgi.input"].read().decode("latin-1")}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def planned(environ: Environ, start_response: Any) -> list[bytes]:
    """Misbehave as the target says: /KIND, /SECONDS or /SECONDS/KIND; /x is answered at once."""
    words = environ["PATH_INFO"].strip("/").split("/")
    delays = [float(word) for word in words if word[0].isdigit()]
    kinds = [word for word in words if not word[0].isdigit() and word != "x"]
    if delays or kinds:
        environ["mockserver.effect"] = Effect(sum(delays), kinds[0] if kinds else None)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Target", environ["RAW_URI"])])
    return [b"0123456789"]


def get(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: a", *headers, "", ""]).encode("ascii")


def answering(status: str, headers: list[tuple[str, str]], *body: bytes) -> Callable[..., list[bytes]]:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return list(body)

    return app


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers that are stopped after the test."""
    running: list[Server] = []

    def start(app: Any, *, settings: dict[str, float] | None = None, **arguments: Any) -> Server:
        server = Server(app, **arguments)
        for name, value in (settings or {}).items():
            setattr(server, name, value)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


class TestRequests:
    """What reaches the application."""

    def test_environ_is_complete(self, serve: Callable[..., Server]) -> None:
        """The path is decoded the WSGI way, the target is kept as sent, headers carry HTTP_."""
        server = serve(echo)
        with Client(server) as client:
            seen = json.loads(client.ask(get("/caf%C3%A9%2Fb//c?q=%20&r", "X-A:  b c \t", "Content-Type: t/u")).body)
        expected = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/caf\xc3\xa9/b//c",
            "QUERY_STRING": "q=%20&r",
            "RAW_URI": "/caf%C3%A9%2Fb//c?q=%20&r",
            "REQUEST_URI": "/caf%C3%A9%2Fb//c?q=%20&r",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(server.port),
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "a",
            "HTTP_X_A": "b c",
            "CONTENT_TYPE": "t/u",
            "wsgi.url_scheme": "http",
            "body": "",
        }
        assert {key: seen.get(key) for key in expected} == expected
        assert "CONTENT_LENGTH" not in seen

    @pytest.mark.parametrize(
        ("headers", "key", "value"),
        [
            (["Accept: a", "accept: b"], "HTTP_ACCEPT", "a,b"),
            (["Cookie: a=1", "Cookie: b=2"], "HTTP_COOKIE", "a=1; b=2"),
            (["X-A:", "X-A: b"], "HTTP_X_A", ",b"),
            (["X-A: \xa0"], "HTTP_X_A", "\xa0"),
        ],
        ids=["list", "cookies", "empty-first", "no-break-space-stays"],
    )
    def test_repeated_headers_are_joined(
        self, serve: Callable[..., Server], headers: list[str], key: str, value: str
    ) -> None:
        """Fields of one name become one value in order; only spaces and tabs around it go."""
        with Client(serve(echo)) as client:
            data = "\r\n".join(["GET / HTTP/1.1", "Host: a", *headers, "", ""]).encode("latin-1")
            assert json.loads(client.ask(data).body)[key] == value

    @pytest.mark.parametrize("size", [0, 1, 65536, 300_000], ids=str)
    def test_body_with_a_length(self, serve: Callable[..., Server], size: int) -> None:
        """A body arrives whole, over as many reads as it takes."""
        with Client(serve(echo)) as client:
            seen = json.loads(client.ask(get("/", f"Content-Length: {size}", method="PATCH") + b"x" * size).body)
        assert (seen["CONTENT_LENGTH"], seen["body"]) == (str(size), "x" * size)

    def test_body_in_chunks(self, serve: Callable[..., Server]) -> None:
        """The application sees the decoded body and its length."""
        with Client(serve(echo)) as client:
            client.send(get("/", "Transfer-Encoding: chunked", method="PATCH"))
            for chunk in (b"3\r\nabc\r\n", b"A\r\n0123456789\r\n", b"0\r\n\r\n"):
                client.send(chunk)
            seen = json.loads(client.answer().body)
        assert (seen["CONTENT_LENGTH"], seen["body"]) == ("13", "abc0123456789")

    def test_many_requests_on_one_connection(self, serve: Callable[..., Server]) -> None:
        """HTTP/1.1 keeps the connection, and nothing of one request shows in the next."""
        with Client(serve(echo)) as client:
            first = json.loads(client.ask(get("/?a", "X-A: b", "Content-Length: 3") + b"abc").body)
            second = json.loads(client.ask(get("/c")).body)
        assert (first["QUERY_STRING"], first["body"], first["HTTP_X_A"]) == ("a", "abc", "b")
        assert (second["QUERY_STRING"], second["body"], second.get("HTTP_X_A")) == ("", "", None)

    def test_pipelined_requests_are_answered_in_order(self, serve: Callable[..., Server]) -> None:
        """Also when an early one is delayed, and when bodies lie between."""
        targets = ["/x?0", "/0.05", "/x?2", "/0.01", "/0.01/drip", "/x?5"]
        server = serve(planned, settings={"drip_total_s": 0.05})
        with Client(server) as client:
            client.send(b"".join(get(target, "Content-Length: 3", method="POST") + b"abc" for target in targets))
            assert [client.answer().headers["x-target"] for _ in targets] == targets

    def test_more_pipelined_requests_than_one_read(self, serve: Callable[..., Server]) -> None:
        """Thousands of requests behind a delayed one wait in the socket and are all answered."""
        targets = ["/0.05", *(f"/x?{number}" for number in range(5000))]
        with Client(serve(planned)) as client:
            sender = threading.Thread(target=client.send, args=(b"".join(map(get, targets)),))
            sender.start()
            assert [client.answer().headers["x-target"] for _ in targets] == targets
            sender.join()

    def test_expect_continue(self, serve: Callable[..., Server]) -> None:
        """The client is told to send its body."""
        with Client(serve(echo)) as client:
            client.send(get("/", "Content-Length: 3", "Expect: 100-continue", method="PATCH"))
            assert client.file.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert client.file.readline() == b"\r\n"
            assert json.loads(client.ask(b"abc").body)["body"] == "abc"

    def test_expect_continue_waits_its_turn(self, serve: Callable[..., Server]) -> None:
        """Behind a delayed answer, 100 Continue comes after that answer."""
        with Client(serve(planned)) as client:
            client.send(get("/0.05") + get("/x", "Content-Length: 3", "Expect: 100-continue", method="PATCH"))
            assert client.answer().headers["x-target"] == "/0.05"
            assert client.answer().status == 100
            assert client.ask(b"abc").headers["x-target"] == "/x"

    @pytest.mark.parametrize(
        ("data", "connection"),
        [
            (get("/", version="1.0"), "close"),
            (get("/", "Connection: close"), "close"),
            (get("/", "Connection: keep-alive", version="1.0"), "keep-alive"),
            (get("/"), None),
        ],
        ids=["1.0", "1.1-close", "1.0-keep-alive", "1.1"],
    )
    def test_connection_header(self, serve: Callable[..., Server], data: bytes, connection: str | None) -> None:
        """HTTP/1.1 stays open unless told otherwise, HTTP/1.0 the other way round."""
        with Client(serve(echo)) as client:
            assert client.ask(data).headers.get("connection") == connection
            if connection == "close":
                assert client.rest() == b""
            else:
                assert client.ask(GET).status == 200

    def test_half_closed_client_gets_its_delayed_answer(self, serve: Callable[..., Server]) -> None:
        """A client may close its sending half right after the request."""
        with Client(serve(planned)) as client:
            client.send(get("/0.05"))
            client.sock.shutdown(socket.SHUT_WR)
            assert client.answer().body == b"0123456789"
            assert client.rest() == b""


class TestAnswers:
    """What the application returns, on the wire."""

    def test_header_bytes_are_lean(self, serve: Callable[..., Server]) -> None:
        """The application's headers, a length and a date: nothing else."""
        with Client(serve(answering("200 OK", [("X-A", "b")], b"ok"))) as client:
            client.send(get("/", "Connection: close"))
            lines = client.rest().split(b"\r\n")
        date = lines.pop(3)
        assert lines == [b"HTTP/1.1 200 OK", b"X-A: b", b"Content-Length: 2", b"Connection: close", b"", b"ok"]
        assert time.strptime(date.decode(), "Date: %a, %d %b %Y %H:%M:%S GMT")

    def test_headers_of_the_application_win(self, serve: Callable[..., Server]) -> None:
        """Its Date and Server are sent as they are; what belongs to the connection is the server's."""
        headers = [("Date", "then"), ("Server", "Microsoft-IIS/10.0"), ("Transfer-Encoding", "chunked")]
        with Client(serve(answering("200 OK", headers, b"ok"))) as client:
            answer = client.ask(GET)
        assert answer.headers == {"date": "then", "server": "Microsoft-IIS/10.0", "content-length": "2"}

    def test_application_may_close(self, serve: Callable[..., Server]) -> None:
        """Connection: close from the application ends the connection, and what was pipelined never runs."""
        with Client(serve(answering("200 OK", [("Connection", "Close")], b"ok"))) as client:
            answer = client.ask(GET + GET)
            assert (answer.headers["connection"], answer.body, client.rest()) == ("close", b"ok", b"")

    @pytest.mark.parametrize(
        ("method", "status", "headers", "length"),
        [
            ("HEAD", "200 OK", [("Content-Length", "2")], "2"),
            ("HEAD", "200 OK", [], None),
            ("GET", "204 No Content", [("Content-Length", "2")], None),
            ("GET", "304 Not Modified", [("Content-Length", "2")], "2"),
        ],
        ids=["head", "head-without-length", "204", "304"],
    )
    def test_bodiless_answers(
        self, serve: Callable[..., Server], method: str, status: str, headers: list[tuple[str, str]], length: str | None
    ) -> None:
        """HEAD, 204 and 304 carry no body even if the application returns one."""
        with Client(serve(answering(status, headers, b"ok"))) as client:
            client.send(get("/", method=method) + get("/last", "Connection: close", method=method))
            answers = [client.answer(bodiless=True) for _ in range(2)]
            assert client.rest() == b""
        assert [(str(answer.status), answer.headers.get("content-length")) for answer in answers] == 2 * [
            (status[:3], length)
        ]

    def test_iterables_are_joined_and_closed(self, serve: Callable[..., Server]) -> None:
        """A generator's parts become one body; its `close` is called, also when it fails."""
        closed = []

        class Parts:
            def __init__(self, parts: list[Any]) -> None:
                self.parts = parts

            def __iter__(self) -> Iterator[Any]:
                return iter(self.parts)

            def close(self) -> None:
                closed.append(self.parts)

        def app(environ: Environ, start_response: Any) -> Parts:
            start_response("200 OK", [])
            return Parts([b"a", b"", b"b"] if environ["PATH_INFO"] == "/good" else [b"a", "not bytes"])

        with Client(serve(app)) as client:
            assert client.ask(get("/good")).body == b"ab"
            assert client.ask(get("/bad")).status == 500
        assert closed == [[b"a", b"", b"b"], [b"a", "not bytes"]]

    def test_write_callable(self, serve: Callable[..., Server]) -> None:
        """What goes through `write` comes before what is returned."""

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            write = start_response("200 OK", [])
            write(b"a")
            write(b"b")
            return [b"c"]

        with Client(serve(app)) as client:
            assert client.ask(GET).body == b"abc"

    def test_error_may_replace_the_answer(self, serve: Callable[..., Server]) -> None:
        """`start_response` with `exc_info` replaces what was said before."""

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            try:
                raise ValueError
            except ValueError:
                start_response("503 Service Unavailable", [], sys.exc_info())
            return [b"sorry"]

        with Client(serve(app)) as client:
            answer = client.ask(GET)
        assert (answer.status, answer.body) == (503, b"sorry")

    def test_large_answer(self, serve: Callable[..., Server]) -> None:
        """An answer beyond the socket's buffers arrives whole, and the connection goes on."""
        body = bytes(range(256)) * 40_000
        with Client(serve(answering("200 OK", [], body))) as client:
            client.send(GET + GET)
            assert [client.answer().body == body, client.answer().body == body] == [True, True]


def raising(environ: Environ, start_response: Any) -> list[bytes]:
    raise RuntimeError("no luck")


def raising_late(environ: Environ, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"
    raise RuntimeError("no luck")


def starting_twice(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


BROKEN_APPLICATIONS = {
    "raises": raising,
    "raises-while-iterated": raising_late,
    "never-starts": lambda environ, start_response: [b"a"],
    "starts-twice": starting_twice,
    "returns-none": lambda environ, start_response: start_response("200 OK", []) and None,
    "length-too-long": answering("200 OK", [("Content-Length", "3")], b"ok"),
    "length-too-short": answering("200 OK", [("Content-Length", "1")], b"ok"),
    "line-break-in-header": answering("200 OK", [("X-A", "b\r\nX-C: d")], b"ok"),
    "bare-cr-in-header": answering("200 OK", [("X-A", "b\rX-C: d")], b"ok"),
    "line-break-in-status": answering("200 OK\r\nX-C: d", [], b"ok"),
    "header-beyond-latin-1": answering("200 OK", [("X-A", "\u2603")], b"ok"),
}


@pytest.mark.parametrize("app", BROKEN_APPLICATIONS.values(), ids=BROKEN_APPLICATIONS.keys())
def test_broken_application_is_a_500(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture, app: Callable[..., Any]
) -> None:
    """The client gets the vendor's error shape, the log the traceback, and the connection goes on."""
    with Client(serve(app)) as client:
        for answer in (client.ask(GET), client.ask(GET)):
            assert answer.status == 500
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert answer.body == b'{"Message":"An error has occurred."}'
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
    assert "The application failed on GET /x" in caplog.text


def flask_application() -> Flask:
    app = Flask(__name__)

    @app.patch("/profile/<path:name>")
    def patch(name: str) -> dict[str, Any]:
        return {"name": name, "json": request.get_json(), "query": request.args.to_dict(), "url": request.url}

    @app.get("/stream")
    def stream() -> Response:
        return Response((f"{number}," for number in range(3)), mimetype="text/plain")

    return app


class TestApplications:
    """Applications of others."""

    @pytest.mark.parametrize(
        "data",
        [
            get("/"),
            get("/", method="HEAD"),
            get("/a%20b?c=d", "Content-Length: 3", "Content-Type: text/plain", method="PATCH") + b"abc",
            get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
            get("*", method="OPTIONS"),
            get("/", version="1.0"),
        ],
        ids=["get", "head", "patch", "chunked", "options", "1.0"],
    )
    def test_wsgi_validator_is_content(self, serve: Callable[..., Server], data: bytes) -> None:
        """wsgiref.validate finds nothing in how the server calls and reads an application."""

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]

        with Client(serve(validator(app))) as client:
            client.send(data)
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest().startswith(b"HTTP/1.1 200 OK\r\n")

    def test_flask(self, serve: Callable[..., Server]) -> None:
        """Flask's requests, errors and streams work, on one connection."""
        server = serve(flask_application())
        as_json = {"Content-Type": "application/json"}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)) as connection:

            def ask(method: str, target: str, body: Any = None) -> tuple[int, bytes]:
                connection.request(method, target, body=body, headers=as_json)
                answer = connection.getresponse()
                return answer.status, answer.read()

            status, content = ask("PATCH", "/profile/a%40b/%C3%A9?q=1", b'{"a": 1}')
            url = f"{server.url}/profile/a@b/\xe9?q=1"
            assert status == 200
            assert json.loads(content) == {"name": "a@b/\xe9", "json": {"a": 1}, "query": {"q": "1"}, "url": url}
            status, content = ask("PATCH", "/profile/a", iter([b'{"a"', b": 2}"]))
            assert (status, json.loads(content)["json"]) == (200, {"a": 2})
            assert ask("GET", "/stream") == (200, b"0,1,2,")
            assert ask("HEAD", "/stream") == (200, b"")
            assert [ask("GET", "/none")[0], ask("GET", "/profile/a")[0]] == [404, 405]


class TestLimits:
    """Sizes, numbers and times are bounded."""

    @pytest.mark.parametrize(
        "data",
        [
            get("/", "Content-Length: 101", method="PATCH"),
            get("/", "Content-Length: 101", "Expect: 100-continue", method="PATCH"),
            get("/", "Content-Length: 99999999999", method="PATCH") + b"x" * 5000,
            get("/", "Transfer-Encoding: chunked", method="PATCH") + b"65\r\n" + b"x" * 101,
            get("/", "Transfer-Encoding: chunked", method="PATCH") + b"1\r\nx\r\n" * 101,
            get("/", "Transfer-Encoding: chunked", method="PATCH") + b"1;" + b"x" * 300_000,
        ],
        ids=["length", "expect", "gigabytes", "chunk", "chunks", "chunk-extension"],
    )
    def test_body_over_the_limit(self, serve: Callable[..., Server], data: bytes) -> None:
        """413 in the vendor's error shape as soon as it is known, without the rest of the body; then the end."""
        with Client(serve(echo, max_body=100)) as client:
            answer = client.ask(data)
            assert answer.status == 413
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
            assert json.loads(answer.body) == {"Message": "The request body is larger than 100 bytes."}
            assert client.rest() == b""

    def test_client_that_sends_all_first_reads_the_413(self, serve: Callable[..., Server]) -> None:
        """What it still sends is dropped instead of breaking the connection under it."""
        size = 3 << 20
        with Client(serve(echo)) as client:
            assert client.ask(get("/", f"Content-Length: {size}", method="PATCH") + b"x" * size).status == 413

    def test_body_at_the_limit(self, serve: Callable[..., Server]) -> None:
        """The limit itself is allowed."""
        with Client(serve(echo, max_body=100)) as client:
            assert client.ask(get("/", "Content-Length: 100", method="PATCH") + b"x" * 100).status == 200
            assert (
                client.ask(get("/", "Transfer-Encoding: chunked") + b"64\r\n" + b"x" * 100 + b"\r\n0\r\n\r\n").status
                == 200
            )

    @pytest.mark.parametrize(
        "data",
        [
            get("/", "X-A: " + "b" * 1001),
            get("/", *["X-A: b"] * 600),
            get("/", *[f"X-{number}: b" for number in range(200)]),
            get("/" + "a" * 1001),
            get("/", "Content-Type: " + "b" * 1001),
            get("/", "X-A: " + "b" * 1_000_000)[:-4],
        ],
        ids=["long-value", "one-name", "many-names", "target", "content-type", "endless"],
    )
    def test_header_section_over_the_limit(self, serve: Callable[..., Server], data: bytes) -> None:
        """431 in the vendor's error shape, then the end."""
        with Client(serve(echo, max_header=1000)) as client:
            answer = client.ask(data)
            assert (answer.status, json.loads(answer.body)) == (
                431,
                {"Message": "The header section is larger than 1000 bytes."},
            )
            assert client.rest() == b""

    def test_default_header_limit(self, serve: Callable[..., Server]) -> None:
        """60 KB pass, 70 KB don't."""
        server = serve(echo)
        with Client(server) as client:
            assert client.ask(get("/", "X-A: " + "b" * 60_000)).status == 200
            assert client.ask(get("/", "X-A: " + "b" * 70_000)).status == 431

    def test_small_header_section_with_a_large_body(self, serve: Callable[..., Server]) -> None:
        """The body doesn't count as header section, nor do requests in front."""
        with Client(serve(echo, max_header=200)) as client:
            client.send((get("/", "Content-Length: 5000", method="POST") + b"x" * 5000) * 50)
            assert {client.answer().status for _ in range(50)} == {200}

    @pytest.mark.parametrize(
        ("start", "piece"),
        [(b"G", b""), (b"GET / HTTP/1.1\r\nX-A: b", b"b"), (get("/", "Content-Length: 1000", method="PATCH"), b"x")],
        ids=["request-line", "header", "body"],
    )
    def test_slow_request_is_cut(self, serve: Callable[..., Server], start: bytes, piece: bytes) -> None:
        """A client that trickles bytes gets 408 and the end, however lively it is."""
        server = serve(echo, header_timeout_s=0.1, body_timeout_s=0.1, idle_timeout_s=60)
        with Client(server) as client:
            client.send(start)
            began = time.monotonic()
            while not select.select([client.sock], [], [], 0.01)[0]:
                client.send(piece)
                assert time.monotonic() - began < TIMEOUT_S
            answer = client.answer()
            assert (answer.status, answer.headers["connection"]) == (408, "close")
            assert client.rest() == b""

    def test_silent_client_is_cut(self, serve: Callable[..., Server]) -> None:
        """A connection without a request ends without a word."""
        with Client(serve(echo, header_timeout_s=0.1)) as client:
            assert client.rest() == b""

    def test_idle_connection_is_closed(self, serve: Callable[..., Server]) -> None:
        """Between requests the idle time-out holds, not the header's."""
        with Client(serve(echo, header_timeout_s=60, idle_timeout_s=0.1)) as client:
            assert client.ask(GET).status == 200
            assert client.rest() == b""

    def test_client_that_never_reads_is_cut(self, serve: Callable[..., Server]) -> None:
        """Answers that nobody reads don't pile up: reading stops, then the connection breaks."""
        server = serve(answering("200 OK", [], b"x" * 8_000_000), body_timeout_s=0.1)
        with Client(server) as client:
            client.send(GET * 100)
            poll = select.poll()
            poll.register(client.sock, 0)  # hang-ups and errors only
            assert poll.poll(TIMEOUT_S * 1000)

    def test_number_of_connections_is_bounded(self, serve: Callable[..., Server]) -> None:
        """One too many is told so with 503; when another has left there is room again."""
        server = serve(echo, max_connections=2)
        with Client(server) as first:
            with Client(server) as second:
                assert [first.ask(GET).status, second.ask(GET).status] == [200, 200]
                with Client(server) as third:
                    answer = third.answer()
                    assert (answer.status, third.rest()) == (503, b"")
                    assert json.loads(answer.body) == {"Message": "The server has reached its limit of 2 connections."}
                second.send(get("/", "Connection: close"))
                second.rest()
            assert first.ask(GET).status == 200
            with Client(server) as fourth:
                assert fourth.ask(GET).status == 200


class TestMisbehaviour:
    """Planned faults of a connection, on the application's word."""

    def test_delay(self, serve: Callable[..., Server]) -> None:
        """The answer comes after the delay, and the connection goes on."""
        with Client(serve(planned)) as client:
            began = time.monotonic()
            assert client.ask(get("/0.2")).body == b"0123456789"
            assert time.monotonic() - began >= 0.2
            assert client.ask(GET).body == b"0123456789"

    def test_empty_plan_changes_nothing(self, serve: Callable[..., Server]) -> None:
        """No delay and no fault: answered at once, also in a long pipeline behind a delayed one."""

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            environ["mockserver.effect"] = Effect(0.05 if environ["PATH_INFO"] == "/late" else 0.0)
            start_response("200 OK", [("X-Target", environ["RAW_URI"])])
            return []

        targets = ["/late", *(f"/{number}" for number in range(1500))]
        with Client(serve(app)) as client:
            client.send(b"".join(map(get, targets)))
            assert [client.answer().headers["x-target"] for _ in targets] == targets

    def test_delays_do_not_hold_up_others(self, serve: Callable[..., Server]) -> None:
        """200 delayed answers at once take as long as one, without threads, and others are served meanwhile."""
        server = serve(planned)
        threads = threading.active_count()
        clients = [Client(server) for _ in range(200)]
        try:
            began = time.monotonic()
            for client in clients:
                client.send(get("/1.5"))
            with Client(server) as other:
                assert other.ask(GET).status == 200
                assert time.monotonic() - began < 1.5
            assert threading.active_count() == threads
            assert {client.answer().status for client in clients} == {200}
            assert 1.5 <= time.monotonic() - began < 6
        finally:
            for client in clients:
                client.__exit__()

    def test_reset(self, serve: Callable[..., Server]) -> None:
        """The client sees a TCP reset."""
        with Client(serve(planned)) as client:
            client.send(get("/reset"))
            with pytest.raises(ConnectionResetError):
                client.rest()

    def test_reset_after_a_delay(self, serve: Callable[..., Server]) -> None:
        """Delay and fault add up."""
        with Client(serve(planned)) as client:
            began = time.monotonic()
            client.send(get("/0.1/reset"))
            with pytest.raises(ConnectionResetError):
                client.rest()
            assert time.monotonic() - began >= 0.1

    def test_empty(self, serve: Callable[..., Server]) -> None:
        """The connection ends in order, without a byte; what was pipelined is not answered."""
        with Client(serve(planned)) as client:
            client.send(get("/empty") + GET)
            assert client.rest() == b""

    def test_truncate(self, serve: Callable[..., Server]) -> None:
        """The header section promises the whole body, half of it comes."""
        with Client(serve(planned)) as client:
            client.send(get("/truncate") + GET)
            head, _, body = client.rest().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nContent-Length: 10\r\n" in head
        assert body == b"01234"

    def test_truncate_without_a_body(self, serve: Callable[..., Server]) -> None:
        """Without a body to cut, the header section is cut."""
        with Client(serve(planned)) as client:
            client.send(get("/truncate", method="HEAD"))
            data = client.rest()
        assert data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\n\r\n" not in data

    def test_garbage(self, serve: Callable[..., Server]) -> None:
        """A valid status line, then no header section."""
        with Client(serve(planned)) as client:
            client.send(get("/garbage") + GET)
            status_line, _, rest = client.rest().partition(b"\r\n")
        assert status_line == b"HTTP/1.1 200 OK"
        assert rest
        assert b":" not in rest
        assert b"\r\n" not in rest

    def test_drip(self, serve: Callable[..., Server]) -> None:
        """The whole answer comes, in many small pieces over the set time, and the connection goes on."""
        server = serve(planned, settings={"drip_total_s": 0.3})
        with Client(server) as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            began = time.monotonic()
            client.send(get("/drip"))
            pieces = []
            while not b"".join(pieces).endswith(b"0123456789"):
                pieces.append(client.sock.recv(65536))
            assert time.monotonic() - began >= 0.25
            assert len(pieces) > 5
            assert client.ask(GET).body == b"0123456789"

    def test_drip_is_bounded_by_default(self) -> None:
        """About two seconds, whatever the answer's size."""
        assert Server.drip_total_s == 2.0

    def test_stall_lasts_until_the_client_gives_up(self, serve: Callable[..., Server]) -> None:
        """Nothing comes; when the client leaves, the server forgets it."""
        server = serve(planned)
        with Client(server) as client:
            client.send(get("/stall") + GET)
            assert select.select([client.sock], [], [], 0.2)[0] == []
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest() == b""

    def test_stall_is_bounded(self, serve: Callable[..., Server]) -> None:
        """A client without a time-out is released."""
        with Client(serve(planned, settings={"stall_max_s": 0.1})) as client:
            client.send(get("/stall"))
            assert client.rest() == b""

    @pytest.mark.parametrize("target", ["/truncate", "/0.01/truncate"], ids=["at-once", "delayed"])
    def test_nothing_behind_the_end_is_answered(self, serve: Callable[..., Server], target: str) -> None:
        """Neither an oversized body nor bytes that are no request change what was planned."""
        for behind in (
            get("/", "Content-Length: 9") + b"x" * 9,
            get("/", "Content-Length: 5") + b"x" * 5,
            b"no request",
        ):
            with Client(serve(planned, max_body=4)) as client:
                client.send(get(target) + behind)
                assert client.rest().endswith(b"\r\n\r\n01234")

    @pytest.mark.parametrize("delay_s", [0.0, 0.01], ids=["at-once", "delayed"])
    def test_unknown_misbehaviour_is_an_error(
        self, serve: Callable[..., Server], caplog: pytest.LogCaptureFixture, delay_s: float
    ) -> None:
        """A mistake of the application ends the connection and is logged; the server goes on."""

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            environ["mockserver.effect"] = Effect(delay_s, "explode")
            start_response("200 OK", [])
            return []

        server = serve(app)
        for _ in range(2):
            with Client(server) as client:
                client.send(GET)
                assert client.rest() == b""
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]

    def test_client_that_leaves_early_harms_nothing(
        self, serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Each misbehaviour survives a client that is gone when its time comes."""
        server = serve(planned, settings={"drip_total_s": 0.1})
        for kind in ("", "/reset", "/empty", "/truncate", "/garbage", "/drip", "/stall"):
            with Client(server) as client:
                client.send(get("/0.05" + kind))
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with Client(server) as client:
            assert client.ask(get("/0.2")).status == 200
        assert caplog.records == []


class TestLifecycle:
    """Listening and stopping."""

    def test_context_manager(self) -> None:
        """Port 0 takes a free port; after the block nothing listens."""
        with Server(echo) as server:
            assert server.url == f"http://127.0.0.1:{server.port}"
            with Client(server) as client:
                assert client.ask(GET).status == 200
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)

    @pytest.mark.parametrize("host", ["0.0.0.0", ""], ids=["any", "empty"])
    def test_url_of_all_interfaces(self, serve: Callable[..., Server], host: str) -> None:
        """The URL can be called from this machine."""
        server = serve(echo, host=host)
        assert server.url == f"http://127.0.0.1:{server.port}"

    def test_listening_is_announced(self) -> None:
        """`on_listening` gets the server with its port, and a failure there comes out of `start`."""
        ports = []
        with Server(echo, on_listening=lambda server: ports.append(server.port)) as server:
            assert ports == [server.port]

        def fail(server: Server) -> None:
            raise RuntimeError("no ready file")

        with pytest.raises(RuntimeError, match="no ready file"):
            Server(echo, on_listening=fail).start()

    def test_address_in_use(self, serve: Callable[..., Server]) -> None:
        """The refusal names the address and the way out."""
        server = serve(echo)
        with pytest.raises(UsageError, match=rf"can't listen on 127\.0\.0\.1:{server.port}(.|\n)*port 0"):
            Server(echo, port=server.port).start()

    @pytest.mark.parametrize(
        ("host", "port"), [("no.such.host.invalid", 0), ("127.0.0.1", 65536)], ids=["host", "port"]
    )
    def test_impossible_address(self, host: str, port: int) -> None:
        """A bad host or port is a usage error too."""
        with pytest.raises(UsageError, match="can't listen on"):
            Server(echo, host=host, port=port).start()

    def test_bound_socket(self) -> None:
        """A socket of the caller's, for processes that share one address."""
        sock = socket.create_server(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with Server(
            lambda environ, start: [start("200 OK", []), str(environ["wsgi.multiprocess"]).encode()][1:], sock=sock
        ) as server:
            assert server.port == port
            with Client(server) as client:
                assert client.ask(GET).body == b"True"

    def test_running_server_does_not_start_again(self, serve: Callable[..., Server]) -> None:
        """One server object serves one address at a time."""
        server = serve(echo)
        with pytest.raises(RuntimeError, match="running already"):
            server.start()

    def test_stop_is_idempotent(self) -> None:
        """Stopping what doesn't run does nothing, and a stopped server can start again."""
        server = Server(echo)
        server.stop()
        for _ in range(2):
            server.start()
            with Client(server) as client:
                assert client.ask(GET).status == 200
            server.stop()
            server.stop()

    def test_stop_finishes_what_is_in_flight(self) -> None:
        """A delayed answer, a half-sent request and pipelined ones are answered; idle connections just end."""
        server = Server(planned)
        server.start()
        with Client(server) as idle, Client(server) as delayed, Client(server) as partial:
            assert idle.ask(GET).status == 200
            partial.send(GET[:-2])
            delayed.send(GET + get("/0.3") + get("/x?last"))
            assert delayed.answer().status == 200
            stopper = threading.Thread(target=server.stop)
            stopper.start()
            assert idle.rest() == b""
            answer = partial.ask(GET[-2:])
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert delayed.answer().headers["x-target"] == "/0.3"
            answer = delayed.answer()
            assert (answer.headers["x-target"], answer.headers["connection"]) == ("/x?last", "close")
            assert delayed.rest() == b""
            stopper.join(TIMEOUT_S)
            assert not stopper.is_alive()

    def test_stop_is_bounded(self) -> None:
        """What takes longer than the time given is cut; a stalled answer isn't waited for."""
        server = Server(planned)
        server.start()
        with Client(server) as slow, Client(server) as stalled:
            slow.send(GET + get("/60"))
            stalled.send(GET + get("/stall"))
            assert [slow.answer().status, stalled.answer().status] == [200, 200]
            began = time.monotonic()
            server.stop(timeout_s=0.1)
            assert time.monotonic() - began < 5
            with pytest.raises(ConnectionResetError):
                slow.rest()

    def test_connections_that_arrive_at_the_end_are_closed(self) -> None:
        """No socket is left behind, however late its connection came."""
        for _ in range(30):
            server = Server(echo)
            server.start()
            clients = [socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) for _ in range(3)]
            server.stop()
            for client in clients:
                with client, contextlib.suppress(ConnectionResetError):
                    assert client.recv(1) == b""
        gc.collect()  # an unclosed socket would warn, and warnings are errors

    def test_stop_from_inside(self) -> None:
        """The serving thread itself may ask for the end."""
        server = Server(echo, on_listening=lambda server: server.stop())
        server.serve()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)


SERVING = """
    from types import SimpleNamespace
    from mockserver.server.server import Server

    def app(environ, start_response):
        environ["mockserver.effect"] = SimpleNamespace(delay_s=float(environ["PATH_INFO"][1:]), connection=None)
        start_response("200 OK", [])
        print("request", flush=True)
        return [b"ok"]

    server = Server(app, on_listening=lambda server: print(server.port, flush=True))
    server.stop_timeout_s = 60
    server.serve()
    print("stopped", flush=True)
"""


def serving_process() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(SERVING)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # it stopped listening just now
        pass
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("target", ["/0.3", "/60"], ids=["once", "twice"])
def test_signal_stops_gracefully(number: signal.Signals, target: str) -> None:
    """One signal lets the answer under way finish; a second one ends at once. `serve` returns either way."""
    with serving_process() as process, contextlib.ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stderr is not None
        port = int(process.stdout.readline())
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S))
        client.sendall(get(target))
        assert process.stdout.readline() == "request\n"
        process.send_signal(number)
        if target == "/60":
            while listens(port):
                pass
            process.send_signal(number)
        process.wait(TIMEOUT_S)
        if target == "/0.3":
            assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert (process.stdout.read(), process.stderr.read(), process.returncode) == ("stopped\n", "", 0)


def test_signal_handlers_are_put_back() -> None:
    """After `serve` the process handles signals as before."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    Server(echo, on_listening=lambda server: server.stop()).serve()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.parametrize(("number", "logged"), [(errno.ENOTCONN, False), (errno.EBADF, True)], ids=["gone", "bug"])
def test_a_client_that_is_gone_is_no_bug(caplog: pytest.LogCaptureFixture, number: int, logged: bool) -> None:
    """Asyncio closes a half when its buffer is empty and may find nobody there; all else is logged."""
    done = threading.Event()

    def fail() -> None:
        done.set()
        raise OSError(number, "failed on purpose")

    with Server(lambda environ, start_response: []) as server:
        server.loop.call_soon_threadsafe(fail)
        assert done.wait(5)
    assert ("failed on purpose" in caplog.text) is logged
