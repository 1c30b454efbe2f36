"""Requests that wait for Redis at the same time, though one thread serves them all.

Each is handled in a greenlet of its own, which stands still while it waits: its code reads as if it were alone. They
take turns: what is asked while Redis is busy goes out in one write, once all that was asked before is answered. It runs
in the order in which it was asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]
from redis.exceptions import RedisError, ResponseError

from mockserver.state.redis.connection import TIMEOUT_S, Ask, Connect, Wire

MOST_BYTES: Final = 4 << 20
"""How many may wait to be sent; a request that comes then waits alone."""
_WAITS: Final = object()


class _Task(greenlet):  # type: ignore[misc]
    """Handles one request after the other, for making a greenlet costs more than all that it does here."""

    def __init__(self, idle: list[_Task], ask: Ask) -> None:
        super().__init__(self._handle)
        self.ask = ask
        self._idle = idle
        self._result: Any = None

    def _handle(self, work: Callable[[], Any]) -> None:
        while True:
            self._result = work()
            del work  # with all that its request holds
            self._idle.append(self)
            work = self.parent.switch()

    def begin(self, work: Callable[[], Any], done: Callable[[Any], None]) -> Any:
        """Return what the work returns; or None if it has to wait, and hand that to `done` later."""
        self._done: Callable[[Any], None] | None = done
        return None if self.switch(work) is _WAITS else self._end()[0]

    def go_on(self, answer: Any) -> None:
        """Let the request go on with an answer, until it waits again or is done."""
        if self.switch(answer) is not _WAITS:
            result, done = self._end()
            done(result)

    def _end(self) -> tuple[Any, Any]:
        ended = self._result, self._done
        self._result = self._done = None
        return ended


class Overlap:
    """Lets the requests of one event loop wait at the same time, on a connection of its own."""

    def __init__(self, connect: Connect, loop: asyncio.AbstractEventLoop) -> None:
        self._connect = connect
        self._loop = loop
        self._idle: list[_Task] = []
        self._asked: list[tuple[bytes, _Task]] = []
        self._bytes = 0  # that were asked and are not sent
        self._unanswered: deque[_Task] = deque()
        self._wire: Wire | None = None
        self._timer: asyncio.TimerHandle | None = None

    def run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> Any:
        """Return what the work returns; or None if it has to wait, and hand that to `done` later."""
        if self._bytes > MOST_BYTES:
            return work()  # which waits alone
        task = self._idle.pop() if self._idle else _Task(self._idle, self._ask)
        return task.begin(work, done)

    def _ask(self, packed: bytes) -> Any:
        """Return the answer to a command, for work that `run` runs; raise RedisError or OSError."""
        task = getcurrent()
        if not self._asked and not self._unanswered:
            self._loop.call_soon(self._send)  # with what others ask before that
        self._asked.append((packed, task))
        self._bytes += len(packed)
        answer = task.parent.switch(_WAITS)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _send(self) -> None:
        if self._unanswered or not self._asked:
            return
        asked, self._asked, self._bytes = self._asked, [], 0
        self._unanswered.extend(task for _, task in asked)
        try:
            self._open().send_packed_command([b"".join(packed for packed, _ in asked)])
        except (RedisError, OSError) as problem:
            return self._fail(problem)
        self._timer = self._loop.call_later(TIMEOUT_S, self._fail, TimeoutError("Timeout reading from socket"))

    def _open(self) -> Wire:
        if self._wire is None:
            wire: Any = self._connect()
            wire.connect()
            self._wire, self._number = wire, wire._sock.fileno()  # which the redis package tells nobody
            self._loop.add_reader(self._number, self._receive)
        return self._wire

    def _receive(self) -> None:
        """Take the answers that are here, each for the request that waits for it; with the last of them a turn ends."""
        if not self._unanswered:  # Redis closed the connection
            return self._hang_up()
        answers, problem = self._answers()
        answered = [(self._unanswered.popleft(), answer) for answer in answers]
        if problem is None and not self._unanswered:
            self._stop_waiting()
            self._send()  # first, so that Redis works while the others go on
        for task, answer in reversed(answered):  # what Redis said last is the newest: others are computed from it
            self._loop.call_soon(task.go_on, answer)  # each by itself, so that a bug in one stops no other
        if problem is not None:
            self._fail(problem)

    def _answers(self) -> tuple[list[Any], Exception | None]:
        """Return the answers that are here, refusals among them, and why there will be no more."""
        wire, answers = self._open(), list[Any]()
        try:
            while len(answers) < len(self._unanswered) and wire.can_read():
                try:
                    answers.append(wire.read_response())
                except ResponseError as refusal:
                    answers.append(refusal)
        except (RedisError, OSError) as problem:
            return answers, problem
        return answers, None

    def _fail(self, problem: Exception) -> None:
        """Tell the problem to all who wait, for a new connection would find Redis as it is."""
        told = [*self._unanswered, *(task for _, task in self._asked)]
        self._unanswered.clear()
        self._asked, self._bytes = [], 0
        self._hang_up()
        for task in told:
            self._loop.call_soon(task.go_on, problem)

    def _hang_up(self) -> None:
        self._stop_waiting()
        if self._wire is not None:
            self._loop.remove_reader(self._number)
            self._wire.disconnect()
            self._wire = None

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def asking() -> Ask | None:
    """Return what asks Redis for the request that is handled here, while others go on; None for one that is alone."""
    task = getcurrent()
    return task.ask if isinstance(task, _Task) else None
