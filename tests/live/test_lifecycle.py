"""The production server over real sockets: listening, stopping and signals."""

from __future__ import annotations

import contextlib
import errno
import gc
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.server.server import Server
from tests.live.raw_client import GET, TIMEOUT_S, Client, Environ, echo, get, pass_time, planned
from tests.waiting import wait_until


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

        def app(environ: Environ, start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [str(environ["wsgi.multiprocess"]).encode()]

        sock = socket.create_server(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with Server(app, sockets=[sock]) as server:
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
            delayed.send(GET + get("/60") + get("/x?last"))
            assert delayed.answer().status == 200
            stopper = threading.Thread(target=server.stop, args=[600])
            stopper.start()
            assert idle.rest() == b""
            answer = partial.ask(GET[-2:])
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            pass_time(server, 60)
            assert delayed.answer().headers["x-target"] == "/60"
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
            slow.send(GET + get("/600"))
            stalled.send(GET + get("/stall"))
            assert [slow.answer().status, stalled.answer().status] == [200, 200]
            stopper = threading.Thread(target=server.stop, args=[60])
            stopper.start()
            assert stalled.rest() == b""
            assert select.select([slow.sock], [], [], 0)[0] == []
            pass_time(server, 60)
            with pytest.raises(ConnectionResetError):
                slow.rest()
            stopper.join(TIMEOUT_S)
            assert not stopper.is_alive()

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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
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
            wait_until(lambda: not listens(port))
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
        assert done.wait(TIMEOUT_S)
    assert ("failed on purpose" in caplog.text) is logged
