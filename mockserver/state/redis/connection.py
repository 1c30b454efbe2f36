"""Talking to Redis: one connection a thread, bounded waits, and a clear refusal while the server is away."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.connection import Connection, parse_url
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as LateAnswer
from redis.retry import Retry

from mockserver.errors import StoreUnavailable, UsageError
from mockserver.settings import without_password
from mockserver.state.clock import stopwatch
from mockserver.state.redis.scripts import Script

TIMEOUT_S: Final = 1.0
"""How long to wait for a connection and for an answer: the server answers nobody else meanwhile."""

# After a failure nobody waits for the server again before this time is over, in seconds: long after a wait, for then
# each further try costs one; short after a refusal, which costs nothing.
_PAUSE_AFTER_WAIT_S: Final = 1.0
_PAUSE_AFTER_REFUSAL_S: Final = 0.1

# A connection that was quiet for so long may have ended meanwhile, with a server that started anew.
_QUIET_S: Final = 0.5

# Errors of a server that can't serve now, as opposed to those of a wrong command, which are bugs.
_WRONG_COMMANDS: Final = ("ERR", "WRONGTYPE", "NOPROTO")


class Wire(Protocol):
    """What is needed of a connection of the redis package."""

    def connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def send_packed_command(self, packed: Sequence[bytes]) -> None: ...

    def read_response(self) -> Any: ...

    def can_read(self, timeout: float = 0) -> bool: ...


Connect = Callable[[], Wire]
Ask = Callable[[bytes], Any]
"""Returns the answer to a command, or raises RedisError or OSError."""


class Redis:
    """Runs scripts and commands for any thread; every failure becomes StoreUnavailable.

    `jitter` returns numbers from 0 to 1 and spreads writers that got in each other's way.
    """

    def __init__(self, connect: Connect, shown_url: str, *, jitter: Callable[[], float] = random.random) -> None:
        self.shown_url = shown_url
        self.connect = connect
        self.asking: Callable[[], Ask | None] = lambda: None
        """Returns what asks for the request that is handled here, while others go on; None where there is no such."""
        self._jitter = jitter
        self._local = threading.local()
        self._away_until = 0.0
        self._problem = ""

    def run(self, script: Script, *arguments: str | bytes | int) -> Any:
        """Run a script; bytes in the answer stay bytes."""
        try:
            return self._send(script.repeatable, "EVALSHA", script.sha, 0, *arguments)
        except NoScriptError:
            # Nothing ran: a server that started anew has forgotten the scripts.
            return self._send(script.repeatable, "EVAL", script.text, 0, *arguments)

    def run_beside(self, script: Script, *arguments: str | bytes | int) -> Any:
        """Run a script as `run` does, and let others of this thread go on meanwhile, if they can: hold no lock."""
        ask = self.asking()
        if ask is None:
            return self.run(script, *arguments)
        self._refuse_while_away()
        try:
            try:
                return ask(_packed(("EVALSHA", script.sha, 0, *arguments)))
            except NoScriptError:
                return ask(_packed(("EVAL", script.text, 0, *arguments)))
        except (RedisError, OSError) as problem:
            raise self._failed(problem, script.repeatable) from problem

    def read(self, *command: str | bytes | int) -> Any:
        """Run one command that changes nothing."""
        return self._send(True, *command)

    def pause(self, attempt: int) -> None:
        """Wait a few milliseconds at most after another writer was faster, the longer the more often that was."""
        if attempt > 1:
            time.sleep(min(0.01, 0.0005 * 2**attempt) * self._jitter())

    def disconnect(self) -> None:
        """Close this thread's connection; a process that forks does so, for its children need their own."""
        connection: Wire | None = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.disconnect()

    def _send(self, repeatable: bool, *command: str | bytes | int) -> Any:
        self._refuse_while_away()
        connection: Wire | None = getattr(self._local, "connection", None)
        if connection is not None and not repeatable and self._has_ended(connection):
            self.disconnect()
            connection = None
        try:
            if connection is not None:
                try:
                    return self._exchange(connection, command)
                except LostConnection:
                    self.disconnect()
                    if not repeatable:
                        raise
                    # The server may have started anew since this connection was made: that shows only now.
            return self._exchange(self._connected(), command)
        except ResponseError as problem:
            raise self._failed(problem, repeatable) from problem
        except (RedisError, OSError) as problem:
            self.disconnect()
            raise self._failed(problem, repeatable) from problem

    def _exchange(self, connection: Wire, command: tuple[str | bytes | int, ...]) -> Any:
        connection.send_packed_command([_packed(command)])
        answer = connection.read_response()
        self._local.heard_at = stopwatch()
        return answer

    def _has_ended(self, connection: Wire) -> bool:
        """Tell whether the server closed a quiet connection: nothing was sent then, so a new one may be used."""
        if stopwatch() - self._local.heard_at < _QUIET_S:
            return False
        try:
            return connection.can_read(timeout=0)
        except LostConnection:
            return True

    def _connected(self) -> Wire:
        connection = self.connect()
        connection.connect()
        self._local.connection, self._local.heard_at = connection, stopwatch()
        return connection

    def _refuse_while_away(self) -> None:
        if stopwatch() < self._away_until:
            raise self._away("")

    def _failed(self, problem: Exception, repeatable: bool) -> Exception:
        """Note when to try again and return what to raise; a wrong command is a bug and stays what it is."""
        if isinstance(problem, NoScriptError):
            return problem
        if isinstance(problem, ResponseError) and str(problem).startswith(_WRONG_COMMANDS):
            return problem
        late = isinstance(problem, (LateAnswer, TimeoutError))
        self._problem = str(problem).rstrip(".") or type(problem).__name__
        self._away_until = stopwatch() + (_PAUSE_AFTER_WAIT_S if late else _PAUSE_AFTER_REFUSAL_S)
        return self._away("" if repeatable else " It is not known whether this request was stored before that.")

    def _away(self, addition: str) -> StoreUnavailable:
        return unavailable(f"{self.shown_url} can't be used: {self._problem}.{addition}")


_START_IT = "Start Redis again; the mock needs no restart and reconnects by itself."


def unavailable(why: str, hint: str = _START_IT) -> StoreUnavailable:
    """Return the 503 of a store that can't serve now."""
    return StoreUnavailable("The service is unavailable.", rule="store-unavailable", why=why, hint=hint)


def _packed(command: tuple[str | bytes | int, ...]) -> bytes:
    """Return a command as Redis reads it, in one piece: each system call costs more than copying a profile."""
    parts: list[int | bytes] = [len(command)]
    for word in command:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts += len(data), data
    return (b"*%d\r\n" + b"$%d\r\n%b\r\n" * len(command)) % tuple(parts)


def connector(url: str) -> Connect:
    """Return what makes connections to a URL; raise UsageError for one that can't be used, without its password."""
    try:
        options = parse_url(url)  # type: ignore[no-untyped-call]
        path = urlsplit(url).path.strip("/")
        if not url.startswith("unix:") and path and not path.isdecimal():
            raise ValueError("the database after the last slash is a number")
    except ValueError as problem:
        hint = "write redis://127.0.0.1:6379/0, rediss://… or unix:///path/to/socket"
        raise UsageError(f"{without_password(url)} can't be used: {problem}", place="store", hint=hint) from None
    connection_class = options.pop("connection_class", Connection)
    defaults = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "protocol": 2}
    # Repeating is ours to decide: only we know what may run twice.
    return lambda: connection_class(**{**defaults, **options, "retry": Retry(NoBackoff(), 0)})
