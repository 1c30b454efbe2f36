"""The production server over real sockets: planned faults of a connection."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.server.connection import Connection
from mockserver.server.server import Server
from tests.live.raw_client import GET, Client, Effect, Environ, get, pass_time, planned


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
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Client(server)) for _ in range(200)]
            for client in clients:
                client.send(GET + get("/600"))
                assert client.answer().status == 200  # so the delay behind it has begun
            with Client(server) as other:
                assert other.ask(GET).status == 200
            assert threading.active_count() == threads
            assert select.select([client.sock for client in clients], [], [], 0)[0] == []
            pass_time(server, 600)
            assert {client.answer().status for client in clients} == {200}

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

    def test_drip(self, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
        """The whole answer comes, in many small pieces over the set time, and the connection goes on."""
        pieces: list[bytes] = []
        write = Connection.write

        def noting(self: Connection, data: bytes) -> None:
            pieces.append(data)
            write(self, data)

        monkeypatch.setattr(Connection, "write", noting)
        with Client(serve(planned, settings={"drip_total_s": 0.3})) as client:
            began = time.monotonic()
            assert client.ask(get("/drip")).body == b"0123456789"
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

    def test_bytes_of_no_method_behind_the_last_answer_are_dropped(
        self, serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
    ) -> None:
        """They are neither read as a request, the first one again, nor answered after the connection's end."""
        server = serve(planned)
        for kind in ("truncate", "garbage", "stall"):
            with Client(server) as client:
                client.send(get(f"/{kind}") + b"XYZ / HTTP/1.1\r\n\r\n")
                client.sock.shutdown(socket.SHUT_WR)
                assert client.rest().count(b"HTTP/1.1") == (kind != "stall")
        assert caplog.records == []
