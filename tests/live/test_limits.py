"""The production server over real sockets: sizes, numbers and times are bounded."""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import Callable

import pytest

from mockserver.server.server import Server
from tests.live.raw_client import GET, TIMEOUT_S, Client, answering, echo, get, has_begun, pass_time, planned
from tests.waiting import wait_until


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
        server = serve(echo, header_timeout_s=60, body_timeout_s=60, idle_timeout_s=600)
        with Client(server) as client:
            client.send(start)
            wait_until(lambda: has_begun(server))
            for _ in range(3):
                assert select.select([client.sock], [], [], 0)[0] == []
                client.send(piece)
                pass_time(server, 25)
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
        """While all send, one too many is told so with 503; when another has left there is room again."""
        server = serve(echo, max_connections=2)
        begun, rest = get("/", "Content-Length: 2", method="PATCH") + b"a", b"b"
        with Client(server) as first:
            with Client(server) as second:
                for client in (first, second):
                    assert (
                        client.ask(get("/", "Content-Length: 2", "Expect: 100-continue", method="PATCH")).status == 100
                    )
                with Client(server) as third:
                    answer = third.answer()
                    assert (answer.status, third.rest()) == (503, b"")
                    assert json.loads(answer.body) == {"Message": "The server has reached its limit of 2 connections."}
                assert second.ask(b"ab").status == 200
            assert first.ask(b"ab").status == 200
            with Client(server) as fourth:
                assert fourth.ask(begun + rest).status == 200

    @pytest.mark.parametrize("waits_for", ["/x", "/60", "/stall"], ids=["idle", "delayed", "stalled"])
    def test_the_longest_idle_connection_makes_room(
        self, serve: Callable[..., Server], caplog: pytest.LogCaptureFixture, waits_for: str
    ) -> None:
        """Whoever waits for nothing goes before who waits for an answer; that the server is full is said once."""
        server = serve(planned, max_connections=3)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(server)) for _ in range(3)]
            for client in clients:
                assert client.ask(GET).status == 200
            for client in clients[:2] if waits_for != "/x" else ():
                client.send(get(waits_for))
            leaves = [clients[2], clients[0]] if waits_for != "/x" else clients[:2]
            for client in leaves:
                newcomer = stack.enter_context(Client(server))
                assert newcomer.ask(GET + get(waits_for) if waits_for != "/x" else GET).status == 200
                assert client.rest() == b""
        assert len([record for record in caplog.records if "connections are taken" in record.message]) == 1

    def test_a_slow_request_makes_room(self, serve: Callable[..., Server]) -> None:
        """One that began long ago, so that nobody locks others out by never finishing."""
        server = serve(echo, max_connections=2)
        with Client(server) as slow, Client(server) as quick:
            for client in (slow, quick):
                client.send(get("/", "Content-Length: 2", "Expect: 100-continue", method="PATCH"))
                assert client.answer().status == 100
            next(iter(server.connections)).since -= 60
            with Client(server) as newcomer:
                assert newcomer.ask(GET).status == 200
                assert slow.rest() == b""
                assert quick.ask(b"ab").status == 200

    def test_the_limit_fits_the_descriptors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where a process may open 200 files, fewer are taken; where any number, as many as are asked for."""
        resource = pytest.importorskip("resource")
        for limit, expected in [(200, 136), (10, 8), (4096, 1000), (resource.RLIM_INFINITY, 1000)]:
            monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
            assert Server(echo).bounds.max_connections == expected
