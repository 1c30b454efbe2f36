"""The production server over real sockets: what the application answers, and applications of others."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest
from flask import Flask, Response, request

from mockserver.server.server import Server
from tests.live.raw_client import GET, TIMEOUT_S, Client, Environ, answering, get


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
