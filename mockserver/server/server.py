"""The production server: one event loop that runs a WSGI application inline and can misbehave as planned.

A request that `takes_long` is answered in a thread of its own, behind others of its kind. One that waits for a store
lets others go on, if the store can do that.

An application plans a misbehaviour of its answer by setting `environ["mockserver.effect"]` to an object with `delay_s`
(seconds) and `connection` (a key of `delivery.FAULTS`).

One that has nothing to say yet sets `environ["mockserver.wait"]` to an object whose `over()` tells when that may have
changed: it is then asked again, and what it answered before is not sent. So nobody waits on the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import errno
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from mockserver.errors import ServerFull
from mockserver.server.background import Background
from mockserver.server.bounds import LINGER_S, READ_SIZE, SURPLUS, Bounds
from mockserver.server.connection import BrokenHandshake, Connection
from mockserver.server.heads import Heads
from mockserver.server.listening import BACKLOG, listen, shown_host
from mockserver.server.wsgi import plain_refusal, server_environ

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from mockserver.server.tls import Tls
    from mockserver.state.world import Beside

ACCEPTED_AT_ONCE = 8
ACCEPT_TURNS = 4  # of the loop, from accepting a connection to `connection_made`, and one more
HANG_UP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # not on Windows
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, *([HANG_UP] if HANG_UP else []))
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
logger = logging.getLogger(__name__)


class Server:
    """A WSGI server on one address; port 0 is any free one.

    `bounds` are fields of Bounds; of `max_connections` no more are taken than the system lets the process open.
    `sockets`, bound ones, replace host and port and let processes share one address. `refusal` is the application that
    answers what the connection refuses, `environ["mockserver.refusal"]`. `takes_long` tells, before a request is
    answered, whether that happens in a second thread. `beside` makes for a loop what lets requests that wait for a
    store do so at the same time, or None. With `tls` it speaks https alone. The class attributes are settings too.
    """

    drip_total_s = 2.0
    stall_max_s = 60.0
    stop_timeout_s = 5.0  # after a signal, answers under way get this long

    loop: asyncio.AbstractEventLoop
    background: Background
    beside: Beside | None
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
        sockets: Sequence[socket.socket] = (),
        refusal: WSGIApplication = plain_refusal,
        takes_long: Callable[[WSGIEnvironment], bool] | None = None,
        beside: Callable[[asyncio.AbstractEventLoop], Beside | None] = lambda loop: None,
        tls: Tls | None = None,
        **bounds: float,
    ) -> None:
        self.app = app
        self.refusal = refusal
        self.host = host
        self.port = port
        self.bounds = Bounds(**bounds).within_descriptors()  # type: ignore[arg-type]
        self.heads = Heads(self.bounds.max_header, self.bounds.max_body)
        self.connections: dict[Connection, None] = {}  # the oldest first
        self.buffer = bytearray(READ_SIZE)  # one for all connections: each read is consumed before the next
        self.view = memoryview(self.buffer)
        self.takes_long = takes_long or (lambda environ: False)
        self.tls = tls
        self._make_beside = beside
        self.scheme = "http" if tls is None else "https"
        self._on_listening = on_listening
        self._address = (host, port)
        self._sockets = sockets
        self._said_full = False
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
        return f"{self.scheme}://{shown_host(self.host)}:{self.port}"

    def serve(self) -> None:
        """Serve in this thread until `stop`, SIGTERM, SIGINT or SIGHUP; a second signal stops at once.

        Raises UsageError for an address that can't be had. Signals are handled in the main thread only.
        """
        self._serve(self._bind(), Future())

    def start(self) -> None:
        """Serve in a daemon thread; return when it listens. Raises as `serve` does."""
        sockets, listening = self._bind(), Future[None]()
        self._thread = threading.Thread(
            target=self._serve_in_thread, args=(sockets, listening), name="mockserver", daemon=True
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

    # -- the serving thread's side -------------------------------------------------------------------------------------

    def _bind(self) -> Sequence[socket.socket]:
        if not self._ended.is_set():
            raise RuntimeError("this server is running already: make another one")
        sockets = self._sockets or listen(*self._address)
        self.host, self.port = sockets[0].getsockname()[:2]
        self.environ = server_environ(self.scheme, self.host, self.port, multiprocess=bool(self._sockets))
        return sockets

    def _serve_in_thread(self, sockets: Sequence[socket.socket], listening: Future[None]) -> None:
        try:
            self._serve(sockets, listening)
        except BaseException as error:
            if listening.done():
                raise
            listening.set_exception(error)

    def _serve(self, sockets: Sequence[socket.socket], listening: Future[None]) -> None:
        self._serving_thread = threading.get_ident()
        try:
            with _signal_handlers_restored():
                asyncio.run(self._run(sockets, listening))
        finally:
            for sock in sockets:
                sock.close()
            self._ended.set()

    async def _run(self, sockets: Sequence[socket.socket], listening: Future[None]) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._note_failure)
        self.background = Background(self.loop)
        self.beside = self._make_beside(self.loop)
        self._stopping, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._tick()
        listeners = [await self._listen(sock) for sock in sockets]
        self._ended.clear()
        try:
            self._handle_signals()
            if self._on_listening is not None:
                self._on_listening(self)
            listening.set_result(None)
            await self._stopping.wait()
        finally:
            await self._accept_no_more(sockets)
            for listener in listeners:
                listener.close()
            await self._drain()
            self.background.stop()
            self._ticker.cancel()

    async def _listen(self, sock: socket.socket) -> asyncio.Server:
        breaks = self.tls is not None and self.tls.resets
        context = None if self.tls is None or breaks else self.tls.context
        # asyncio's backlog is also how many it accepts at once, which could be more than there are descriptors for.
        listener = await self.loop.create_server(
            lambda: BrokenHandshake(self) if breaks else Connection(self),
            sock=sock,
            backlog=ACCEPTED_AT_ONCE,
            ssl=context,
            ssl_handshake_timeout=self.bounds.header_timeout_s if context else None,
            ssl_shutdown_timeout=LINGER_S if context else None,
        )
        sock.listen(BACKLOG)
        return listener

    def _handle_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C ends the loop by an exception instead
                for number in stop_signals():
                    self.loop.add_signal_handler(number, self._stop, self.stop_timeout_s)

    @property
    def stopping(self) -> bool:
        """Whether it takes nothing more, and only answers what is here."""
        return self._stopping.is_set()

    def _stop(self, timeout_s: float) -> None:
        if self._stopping.is_set():
            self._break_all_off()
        self._drain_s = timeout_s
        self._stopping.set()

    async def _accept_no_more(self, sockets: Sequence[socket.socket]) -> None:
        # A connection that asyncio is still setting up when its listener closes would be lost unclosed.
        for sock in sockets:
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

    # -- called by connections -----------------------------------------------------------------------------------------

    def admit(self, connection: Connection) -> None:
        """Enter a new connection; a full server closes the longest idle one for it, or turns it away."""
        if self._stopping.is_set():
            self._enter(connection)
            return connection.shut_down()
        limit = self.bounds.max_connections
        if len(self.connections) >= limit:
            self._make_room(f"All {limit} connections are taken")
        self._enter(connection)
        surplus = len(self.connections) - limit
        if surplus > SURPLUS:
            connection.transport.abort()
        elif surplus > 0:
            message = f"The server has reached its limit of {limit} connections."
            hint = "Close connections that are done, or raise the limit of open files (ulimit -n)."
            connection.refuse(ServerFull(message, rule="connections-exhausted", hint=hint))

    def _enter(self, connection: Connection) -> None:
        self.connections[connection] = None
        self._empty.clear()

    def _make_room(self, why: str) -> None:
        if not self._said_full:
            logger.warning("%s: for each new one the longest idle one goes. `ulimit -n` bounds them.", why)
        self._said_full = True  # until there is much room again
        waiting = [(*spare, number, each) for number, each in enumerate(self.connections) if (spare := each.spare)]
        if waiting:
            longest = min(waiting)[-1]
            longest.transport.abort()
            self.dismiss(longest)

    def dismiss(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self.connections.pop(connection, None)
        if len(self.connections) < self.bounds.max_connections // 2:
            self._said_full = False
        if not self.connections:
            self._empty.set()

    def _note_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what asyncio can't raise, but for a client that was gone when half of its connection was to be closed."""
        number = problem.errno if isinstance(problem := context.get("exception"), OSError) else None
        if number in NO_DESCRIPTOR:
            self._make_room("The process can open no further connection")
        elif number != errno.ENOTCONN:
            loop.default_exception_handler(context)


def stop_signals() -> list[signal.Signals]:
    """Return the signals that end a server; a hang-up that is ignored, as under nohup, stays so."""
    return [number for number in STOP_SIGNALS if number != HANG_UP or signal.getsignal(number) != signal.SIG_IGN]


@contextlib.contextmanager
def _signal_handlers_restored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
