"""The production server: one event loop that runs a WSGI application inline and can misbehave as planned.

A request that `takes_long` is answered in a thread of its own, behind others of its kind.

An application plans a misbehaviour of its answer by setting `environ["mockserver.effect"]` to an object with `delay_s`
(seconds) and `connection` (a key of `delivery.FAULTS`).
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import errno
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from mockserver.errors import UsageError
from mockserver.server.background import Background
from mockserver.server.bounds import READ_SIZE, Bounds
from mockserver.server.connection import Connection
from mockserver.server.heads import Heads, Refused
from mockserver.server.wsgi import server_environ

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

BACKLOG = 1024
LAST_PORT = 65535
ACCEPT_TURNS = 4  # of the loop, from accepting a connection to `connection_made`, and one more
SURPLUS = 64  # this many connections beyond the limit are still told so
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class Server:
    """A WSGI server on one address; port 0 is any free one.

    `bounds` are fields of Bounds. `takes_long` tells, before a request is answered, whether that happens in a second
    thread. `sock`, a bound socket, replaces host and port and lets processes share one address.
    The class attributes are settings too.
    """

    drip_total_s = 2.0
    stall_max_s = 60.0
    stop_timeout_s = 5.0  # after a signal, answers under way get this long

    loop: asyncio.AbstractEventLoop
    background: Background
    environ: WSGIEnvironment
    date: str
    now: float  # no earlier than the monotonic clock, and at most one tick later

    def __init__(
        self,
        app: WSGIApplication,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        on_listening: Callable[[Server], None] | None = None,
        sock: socket.socket | None = None,
        takes_long: Callable[[WSGIEnvironment], bool] | None = None,
        **bounds: float,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self.bounds = Bounds(**bounds)  # type: ignore[arg-type]
        self.heads = Heads(self.bounds.max_header, self.bounds.max_body)
        self.connections: set[Connection] = set()
        self.buffer = bytearray(READ_SIZE)  # one for all connections: each read is consumed before the next
        self.view = memoryview(self.buffer)
        self.takes_long = takes_long or (lambda environ: False)
        self._on_listening = on_listening
        self._address = (host, port)
        self._sock = sock
        shortest_s = min(self.bounds.header_timeout_s, self.bounds.body_timeout_s, self.bounds.idle_timeout_s)
        self._tick_s = min(1.0, shortest_s / 4)
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._ended.set()
        self._serving_thread: int | None = None
        self._drain_s = 0.0

    @property
    def url(self) -> str:
        """The address for a client on this machine."""
        host = LOOPBACK.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def serve(self) -> None:
        """Serve in this thread until `stop`, SIGTERM or SIGINT; a second signal stops at once.

        Raises UsageError for an address that can't be had. Signals are handled in the main thread only.
        """
        self._serve(self._bind(), Future())

    def start(self) -> None:
        """Serve in a daemon thread; return when it listens. Raises as `serve` does."""
        sock, listening = self._bind(), Future[None]()
        self._thread = threading.Thread(
            target=self._serve_in_thread, args=(sock, listening), name="mockserver", daemon=True
        )
        self._thread.start()
        listening.result()

    def stop(self, timeout_s: float = 5) -> None:
        """Accept no more, let answers under way finish for `timeout_s`, end. Any thread may call it, at any time."""
        if self._ended.is_set():
            return
        with contextlib.suppress(RuntimeError):  # it ends just now
            self.loop.call_soon_threadsafe(self._stop, timeout_s)
        if threading.get_ident() != self._serving_thread:
            self._ended.wait(timeout_s + 2)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # the serving thread's side

    def _bind(self) -> socket.socket:
        if not self._ended.is_set():
            raise RuntimeError("this server is running already: make another one")
        sock = self._sock or _listen(*self._address)
        self.host, self.port = sock.getsockname()[:2]
        self.environ = server_environ(self.host, self.port, multiprocess=self._sock is not None)
        return sock

    def _serve_in_thread(self, sock: socket.socket, listening: Future[None]) -> None:
        try:
            self._serve(sock, listening)
        except BaseException as error:
            if listening.done():
                raise
            listening.set_exception(error)

    def _serve(self, sock: socket.socket, listening: Future[None]) -> None:
        self._serving_thread = threading.get_ident()
        try:
            with _signal_handlers_restored():
                asyncio.run(self._run(sock, listening))
        finally:
            sock.close()
            self._ended.set()

    async def _run(self, sock: socket.socket, listening: Future[None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(_log_unless_gone)
        self.background = Background(self.loop)
        self._stopping, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._tick()
        listener = await self.loop.create_server(lambda: Connection(self), sock=sock, backlog=BACKLOG)
        self._ended.clear()
        try:
            self._handle_signals()
            if self._on_listening is not None:
                self._on_listening(self)
            listening.set_result(None)
            await self._stopping.wait()
        finally:
            await self._accept_no_more(sock)
            listener.close()
            await self._drain()
            self.background.stop()
            self._ticker.cancel()

    def _handle_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C ends the loop by an exception instead
                for number in STOP_SIGNALS:
                    self.loop.add_signal_handler(number, self._stop, self.stop_timeout_s)

    def _stop(self, timeout_s: float) -> None:
        if self._stopping.is_set():
            self._break_all_off()
        self._drain_s = timeout_s
        self._stopping.set()

    async def _accept_no_more(self, sock: socket.socket) -> None:
        # A connection that asyncio is still setting up when its listener closes would be lost unclosed.
        self.loop.remove_reader(sock)
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)

    async def _drain(self) -> None:
        for connection in tuple(self.connections):
            connection.shut_down()
        await self._emptied(self._drain_s)
        self._break_all_off()
        await self._emptied(1)

    async def _emptied(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), timeout_s)

    def _break_all_off(self) -> None:
        for connection in tuple(self.connections):
            connection.break_off()

    def _tick(self) -> None:
        self._ticker = self.loop.call_later(self._tick_s, self._tick)
        clock = time.monotonic()
        self.now = clock + self._tick_s
        self.date = "Date: " + email.utils.formatdate(usegmt=True)
        for connection in tuple(self.connections):
            if connection.deadline < clock:
                connection.expire()

    # called by connections

    def admit(self, connection: Connection) -> None:
        """Enter a new connection, or turn it away."""
        self.connections.add(connection)
        self._empty.clear()
        surplus = len(self.connections) - self.bounds.max_connections
        if self._stopping.is_set():
            connection.shut_down()
        elif surplus > SURPLUS:
            connection.transport.abort()
        elif surplus > 0:
            message = f"The server has reached its limit of {self.bounds.max_connections} connections."
            connection.refuse(Refused("503 Service Unavailable", message))

    def dismiss(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()


def _listen(host: str, port: int) -> socket.socket:
    try:
        if not 0 <= port <= LAST_PORT:
            raise OSError(f"a port is a number from 0 to {LAST_PORT}")
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        hint = "Choose another address, or port 0 for any free port."
        raise UsageError(f"can't listen on {host}:{port}: {error}", hint=hint) from error


def _log_unless_gone(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio can't raise, but for a client that was gone when a half of its connection was to be closed."""
    problem = context.get("exception")
    if not (isinstance(problem, OSError) and problem.errno == errno.ENOTCONN):
        loop.default_exception_handler(context)


@contextlib.contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
