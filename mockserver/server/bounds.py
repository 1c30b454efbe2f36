"""What bounds a server, and what its parts ask of each other, so that none imports the one above it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from mockserver.server.background import Background
    from mockserver.server.heads import Heads
    from mockserver.state.world import Beside

READ_SIZE = 65536  # bytes of one read: more than nearly every request, and than a socket gives at once
WAIT_STEP_S = 0.2  # until an application that has no answer yet is asked whether it has one
SURPLUS = 32  # this many connections beyond the limit are still told so
OTHER_DESCRIPTORS = 32  # for files, pipes, the store and what else a process holds
SLOW_S = 2.0  # a request that takes longer to arrive may make room for new connections
FEWEST_CONNECTIONS = 8  # however little the system allows
LINGER_S = 2.0  # from the last answer to the end of a connection: time for the client to read it
LINGER_BYTES = 8 << 20  # dropped meanwhile: a client that has not seen the answer yet may still send its body


class Bounds(Struct, frozen=True):
    """What a server bears of its clients: sizes in bytes, times in seconds."""

    max_body: int = 1 << 20
    max_header: int = 65536
    header_timeout_s: float = 10
    body_timeout_s: float = 30
    idle_timeout_s: float = 75
    max_connections: int = 1000

    def within_descriptors(self) -> Bounds:
        """Return these bounds with no more connections than the process can open."""
        try:
            from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
        except ImportError:  # Windows knows no such limit
            return self
        limit = getrlimit(RLIMIT_NOFILE)[0]
        fits = self.max_connections if limit == RLIM_INFINITY else limit - SURPLUS - OTHER_DESCRIPTORS
        return replace(self, max_connections=min(self.max_connections, max(FEWEST_CONNECTIONS, fits)))


class Serving(Protocol):
    """What a connection asks of its server; `now` and `date` are at most one tick old."""

    app: WSGIApplication
    refusal: WSGIApplication
    background: Background
    beside: Beside | None
    bounds: Bounds
    buffer: bytearray
    view: memoryview
    date: str
    environ: WSGIEnvironment
    heads: Heads
    loop: asyncio.AbstractEventLoop
    now: float
    drip_total_s: float
    stall_max_s: float
    takes_long: Callable[[WSGIEnvironment], bool]

    @property
    def stopping(self) -> bool: ...
    @property
    def connections(self) -> Collection[Any]: ...
    def admit(self, connection: Any) -> None: ...
    def dismiss(self, connection: Any) -> None: ...


class Spoiled(Protocol):
    """What a delivery asks of the connection whose answer it spoils; exactly one of the endings follows."""

    server: Serving

    def write(self, data: bytes) -> None: ...
    def later(self, delay_s: float, step: Callable[..., None], *args: object) -> None: ...
    def stall(self) -> None: ...
    def answered(self) -> None: ...
    def hang_up(self) -> None: ...
    def break_off(self) -> None: ...
