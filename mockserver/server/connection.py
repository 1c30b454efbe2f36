"""One client connection: requests in the order they came through the application, answers out in that order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from mockserver.errors import ApiError, RequestTimeout, ServerFull
from mockserver.server.bounds import LINGER_BYTES, LINGER_S, SLOW_S, WAIT_STEP_S, Serving
from mockserver.server.delivery import FAULTS
from mockserver.server.reading import Reader
from mockserver.server.wsgi import respond

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from mockserver.state.world import Beside

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds


class State(Enum):
    """Where the answering side of a connection stands."""

    READY = auto()
    PENDING = auto()  # an answer is delayed, spoiled, waits for a store, or is worked out in the background
    STALLED = auto()  # an answer will never come
    LINGERING = auto()  # the last answer is sent, what still comes is dropped


READY, PENDING, STALLED, LINGERING = State


class Connection(asyncio.BufferedProtocol):
    """The HTTP/1 side of one connection. Its state, and what each event makes of it:

    | event                        | READY              | PENDING    | STALLED    | LINGERING |
    |------------------------------|--------------------|------------|------------|-----------|
    | a request is complete        | answer: READY; late, spoiled, long or none yet: PENDING | queue | drop | drop |
    | a request can't be served    | say so: LINGERING  | queue that | -          | -         |
    | delivery: `answered`         | -                  | READY, go on with the queue | - | -   |
    | delivery: `stall`            | -                  | STALLED    | -          | -         |
    | delivery: `hang_up`          | -                  | LINGERING  | LINGERING  | -         |
    | the client sends no more     | close              | stay       | close      | close     |
    | the deadline passes          | 408 in a request, else close | -   | -       | reset     |
    | `shut_down`                  | close if idle      | close after the queue | reset | reset |
    | the server needs room        | close if idle or slow, first | close, last | close, second | close, second |

    Beside it: `clogged`, the client does not read its answers, so that requests wait as in PENDING and the deadline
    resets the connection; `closing`, no request is taken after those that are here; `half_closed`, the client sends no
    more, so that LINGERING is left out.
    """

    transport: asyncio.Transport
    reader: Reader

    def __init__(self, server: Serving) -> None:
        self.server = server
        self.bounds = server.bounds
        self.state = READY
        self.queue: deque[WSGIEnvironment] = deque()  # requests, the last perhaps to be refused
        self.clogged = self.closing = self.half_closed = False
        self.dropped = 0  # bytes that came after the last request
        self.timer: asyncio.TimerHandle | None = None
        self.deadline = server.now + server.bounds.header_timeout_s
        self.since = server.now  # when the last request began, or the connection

    # -- called by the transport ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]  # a client may be gone already
        self.reader = Reader(self, self.server.environ | {"REMOTE_ADDR": host, "REMOTE_PORT": str(port)})
        self.server.admit(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.reader.stop()
        del self.reader  # which refers to this connection
        self.queue.clear()
        if self.timer is not None:
            self.timer.cancel()
        self.server.dismiss(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.server.view  # TLS fills it by slices, which of a bytearray would be copies

    def buffer_updated(self, nbytes: int) -> None:
        if self.reader.parser is None:
            return self._drop(nbytes)
        self.reader.read(self.server.view[:nbytes])
        if self.queue:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Stay for an answer that is under way: a client may close its sending half early, but not of TLS."""
        self.half_closed = self.closing = True
        return self.state is PENDING and self.transport.can_write_eof()

    def pause_writing(self) -> None:
        self.clogged = True
        self.deadline = self.server.now + self.bounds.body_timeout_s
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.clogged = False
        if self.state is READY:
            self._go_on()

    # -- called by the reader ------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether what comes must wait: an answer is under way, or the client does not read."""
        return self.clogged or self.state in (PENDING, STALLED)

    def write(self, data: bytes) -> None:
        """Send bytes, after those that were sent before; nothing more to a client that is gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def take(self, environ: WSGIEnvironment) -> None:
        """Answer a request, or keep it until its turn comes."""
        if self.clogged or self.state is not READY:
            return self.queue.append(environ)
        server = self.server
        last = self.closing and not self.queue
        if server.takes_long(environ):
            return self._answer_later(environ, last)
        if server.beside is not None and len(server.connections) > 1:  # one alone gains nothing by it
            return self._answer_beside(server.beside, environ, last)
        head, body, last = respond(server.app, environ, server.date, last)
        self._send(environ, head, body, last)

    def _answer_later(self, environ: WSGIEnvironment, last: bool) -> None:
        app, date, size = self.server.app, self.server.date, int(environ.get("CONTENT_LENGTH") or 0)
        self.state = PENDING
        if not self.server.background.run(
            lambda: respond(app, environ, date, last), lambda answer: self._answered_late(environ, answer), size
        ):
            self.state = READY
            message = "Too many requests that take long are waiting: try again."
            self.refuse(ServerFull(message, rule="connections-exhausted", hint="Send fewer of them at a time."))

    def _answer_beside(self, others: Beside, environ: WSGIEnvironment, last: bool) -> None:
        app, date = self.server.app, self.server.date
        answer = others(lambda: respond(app, environ, date, last), lambda answer: self._answered_late(environ, answer))
        if answer is None:
            self.state = PENDING
        else:
            self._send(environ, *answer)

    def _answered_late(self, environ: WSGIEnvironment, answer: tuple[bytes, bytes, bool]) -> None:
        if self.transport.is_closing():
            return
        self.state = READY
        self._send(environ, *answer)
        if self.state is READY and not self.transport.is_closing():
            self._go_on()

    def _send(self, environ: WSGIEnvironment, head: bytes, body: bytes, last: bool) -> None:
        if "mockserver.wait" in environ:
            return self._wait(environ)
        if last:
            self._take_no_more()
        effect = environ.get("mockserver.effect")
        if effect is not None and (effect.delay_s > 0 or effect.connection):
            return self._spoil(effect, head, body)
        self.deadline = self.server.now + self.bounds.idle_timeout_s
        self.write(head + body)
        if last:
            self.transport.close()

    def refuse(self, refusal: ApiError) -> None:
        """Read nothing more; say why when the answers before are sent, then hang up."""
        environ = self.reader.told() | {"mockserver.refusal": refusal}
        self.reader.stop()
        if self.busy:
            self.queue.append(environ)
        else:
            self._reject(environ)

    # -- answering -----------------------------------------------------------------------------------------------------

    def _spoil(self, effect: Any, head: bytes, body: bytes) -> None:
        self.state = PENDING
        deliver = FAULTS[effect.connection]
        if effect.delay_s > 0:
            self.later(effect.delay_s, deliver, self, head, body)
        else:
            deliver(self, head, body)

    def _wait(self, environ: WSGIEnvironment) -> None:
        self.state = PENDING
        self.later(WAIT_STEP_S, self._ask_again, environ)

    def _ask_again(self, environ: WSGIEnvironment) -> None:
        # Who sends nothing after it ("Connection: close") may wait; who has gone, or is to go, may not.
        if not self.half_closed and not self.server.stopping and not environ["mockserver.wait"].over():
            return self._wait(environ)
        self.queue.appendleft(environ)
        self.answered()

    def _go_on(self) -> None:
        while self.queue and not self.busy:
            waiting = self.queue.popleft()
            if "mockserver.refusal" in waiting:
                return self._reject(waiting)
            self.take(waiting)
        if self.busy:
            return
        reader, bounds, now = self.reader, self.bounds, self.server.now
        if reader.environ is not None and not self.half_closed:
            self.deadline = now + (bounds.body_timeout_s if reader.in_body else bounds.header_timeout_s)
        else:
            self.deadline = now + bounds.idle_timeout_s
            if self.closing:
                return self.transport.close()
        self.transport.resume_reading()
        reader.send_continue()

    # -- called by deliveries ------------------------------------------------------------------------------------------

    def later(self, delay_s: float, step: Callable[..., None], *args: object) -> None:
        """Take the next step of the pending answer in `delay_s` seconds."""
        self.timer = self.server.loop.call_later(delay_s, step, *args)

    def answered(self) -> None:
        """End the pending answer and go on with what came behind it."""
        self.state = READY
        self._go_on()

    def stall(self) -> None:
        """Take no more, but notice when the client gives up."""
        self._take_no_more()
        self.state = STALLED
        self.transport.resume_reading()

    # -- ending --------------------------------------------------------------------------------------------------------

    def _take_no_more(self) -> None:
        self.closing = True
        self.reader.stop()
        self.dropped = 0
        self.queue.clear()

    def _reject(self, environ: WSGIEnvironment) -> None:
        head, body, _ = respond(self.server.refusal, environ, self.server.date, last=True)
        self.write(head + body)
        self.hang_up(LINGER_S / 2)

    def hang_up(self, tls_pause_s: float = 0) -> None:
        """Close the sending half, then drop what still comes: closing at once would reset what was sent.

        TLS has no halves: it is closed after a pause, for what comes behind its end breaks it off.
        """
        self._take_no_more()
        self.state = READY
        self.deadline = self.server.now + LINGER_S
        if self.half_closed:
            return self.transport.close()
        self.state = LINGERING
        if not self.transport.can_write_eof():
            self.later(tls_pause_s, self.transport.close)
        with contextlib.suppress(OSError, NotImplementedError):  # the client is gone already, or it is TLS
            self.transport.write_eof()
        self.transport.resume_reading()

    def _drop(self, nbytes: int) -> None:
        self.dropped += nbytes
        if self.dropped > LINGER_BYTES:
            self.transport.abort()

    def break_off(self) -> None:
        """Reset the connection; what is not sent yet, also by the system, is dropped."""
        if (sock := self.transport.get_extra_info("socket")) is not None:  # of TLS that has just ended
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    # -- called by the server ------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """End a connection whose deadline has passed, but for an answer that is planned to be late."""
        if self.state in (PENDING, STALLED):
            return
        if self.state is LINGERING or self.clogged or self.transport.is_closing():
            self.break_off()
        elif self.reader.environ is not None:
            self.refuse(RequestTimeout("The request did not arrive in time.", rule="request-timeout"))
        else:
            self.transport.close()

    @property
    def spare(self) -> tuple[int, float] | None:
        """How soon this connection can go for a new one, and since when it waits; None while it is in use."""
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            return None
        if self.state is not READY:
            return (2 if self.state is PENDING else 1), self.since
        if self.reader.environ is None:
            return 0, self.since
        return (3, self.since) if self.server.now - self.since > SLOW_S else None

    def shut_down(self) -> None:
        """Answer what is here, then close; an answer that will never come is not waited for."""
        self.closing = True
        if self.state in (STALLED, LINGERING):
            self.transport.abort()
        elif self.reader.environ is None and self.state is READY and not self.queue:
            self.transport.close()


class BrokenHandshake(Connection):
    """Resets the connection as soon as the client begins TLS."""

    def buffer_updated(self, nbytes: int) -> None:
        self.break_off()
