"""One thread beside the serving one, for requests that take long, so that no other request waits for them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import asyncio

MOST_WAITING = 100
SWITCH_S = 0.0005  # how long the serving thread waits for the interpreter: several times for each answer
MOST_BYTES = 32 << 20  # of the bodies that wait


class _Job(NamedTuple):
    work: Callable[[], Any]
    done: Callable[[Any], None]
    size: int


class Background:
    """Runs one job after the other, in the order they came; its thread starts with the first.

    All but the jobs themselves runs in the serving thread, so that nothing here needs a lock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting = self._bytes = 0

    def run(self, work: Callable[[], Any], done: Callable[[Any], None], size: int) -> bool:
        """Run a job that never raises, then `done` with what it returns; False if too much is waiting already."""
        if self._waiting >= MOST_WAITING or (self._waiting and self._bytes + size > MOST_BYTES):
            return False
        if self._thread is None:
            sys.setswitchinterval(SWITCH_S)
            self._thread = threading.Thread(target=self._work, name="mockserver-background", daemon=True)
            self._thread.start()
        self._waiting += 1
        self._bytes += size
        self._jobs.put(_Job(work, done, size))
        return True

    def stop(self) -> None:
        """End the thread after the jobs that are here."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits for the answer
                self._loop.call_soon_threadsafe(self._finish, job, job.work())
            del job  # with all that its request holds

    def _finish(self, job: _Job, result: Any) -> None:
        self._waiting -= 1
        self._bytes -= job.size
        job.done(result)
