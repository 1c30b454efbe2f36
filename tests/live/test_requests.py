"""The production server over real sockets: what reaches the application."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable

import pytest

from mockserver.server.server import Server
from tests.live.raw_client import GET, Client, echo, get, planned


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
