"""Several processes behind one address: the parent starts, watches and stops them, and answers nothing itself.

The parent keeps the listening sockets open: while a worker is being replaced, what connects to it waits instead of
being refused.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence

from mockserver.errors import UsageError
from mockserver.server.listening import listen
from mockserver.server.server import STOP_SIGNALS, Server, stop_signals
from mockserver.state.clock import stopwatch

Sockets = Sequence[socket.socket]
Work = Callable[[Sockets, Callable[[Server], None]], None]
_log = logging.getLogger(__name__)


def listening_sockets(host: str, port: int, number: int) -> list[Sockets]:
    """Return listening sockets for each worker, all on one address; raise UsageError for one that can't be had.

    Linux spreads connections over such sockets evenly. Where it can't, all are one, and whoever wakes first accepts.
    """
    # Sockets that share an address would share it with those of another server too: the first ones tell.
    first = listen(host, port)
    if sys.platform != "linux":
        return [first, *([sock.dup() for sock in first] for _ in range(number - 1))]
    port = first[0].getsockname()[1]
    for sock in first:
        sock.close()
    return [listen(host, port, reuse_port=True) for _ in range(number)]


class _Worker:
    """A process, and what is known of the ones before it in its place; times by the stopwatch."""

    def __init__(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self.pid: int | None = None
        self.started = self.due = 0.0
        self.failures = self.unheard = 0


class Workers:
    """Runs `work` in one process for each of `sockets` until SIGTERM, SIGINT or SIGHUP; a second signal kills.

    `work` serves on its socket and calls back once it does. A worker that ends by itself is replaced: soon the first
    time, then after longer and longer pauses; if it ended `most_unheard` times without ever listening, all is over.
    Times are in seconds.
    """

    first_pause_s = 0.1
    longest_pause_s = 5.0
    settled_s = 10.0  # one that lived this long starts with the first pause again
    stop_timeout_s = Server.stop_timeout_s + 5
    most_unheard = 5

    def __init__(self, sockets: Sequence[Sockets], work: Work, *, before_fork: Callable[[], None]) -> None:
        if not hasattr(os, "fork"):
            raise UsageError("this system can't fork processes", place="workers", hint="use one worker")
        self._workers = [_Worker(each) for each in sockets]
        self._work = work
        self._before_fork = before_fork
        self._waiting_for = {index for index, _ in enumerate(self._workers)}
        self._kill_at: float | None = None
        self._gave_up = False

    def run(self, on_listening: Callable[[], None]) -> int:
        """Serve; return the exit code. `on_listening` is called once, when all workers listen."""
        # Children find their parent gone when nobody holds the other end of this.
        self._lifeline, self._held = os.pipe()
        self._ready, self._tell_ready = os.pipe()
        # What is loaded stays in pages that parent and children share.
        gc.freeze()
        with _signals_wake(self._stop) as woken:
            while True:
                self._reap()
                if self._kill_at is None:
                    self._start_due()
                elif not any(worker.pid for worker in self._workers):
                    return 1 if self._gave_up else 0
                self._kill_late()
                events: list[int] = [woken.fileno(), self._ready]
                readable, _, _ = select.select(events, [], [], self._patience_s())
                if woken.fileno() in readable:
                    woken.recv(4096)
                if self._ready in readable:
                    self._note_listening(os.read(self._ready, 4096), on_listening)

    def _note_listening(self, indices: bytes, on_listening: Callable[[], None]) -> None:
        for index in indices:
            self._workers[index].unheard = 0
        if self._waiting_for:
            self._waiting_for -= {*indices}
            if not self._waiting_for:
                on_listening()

    def _start_due(self) -> None:
        for index, worker in enumerate(self._workers):
            if worker.pid is None and worker.due <= stopwatch():
                self._before_fork()
                sys.stdout.flush()
                sys.stderr.flush()
                worker.started = stopwatch()
                # Until the child has handlers of its own, a signal for it would be handled as the parent's.
                signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
                worker.pid = os.fork() or self._live(index, worker)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _live(self, index: int, worker: _Worker) -> int:
        """Be a worker; never returns."""
        code = 1
        try:
            # The terminal's Ctrl-C is for the parent, which tells the children.
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            for signal_number in (*stop_signals(), signal.SIGCHLD):
                signal.signal(signal_number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
            os.close(self._held)
            for other in self._workers:
                for sock in other.sockets if other is not worker else ():
                    sock.close()
            self._work(worker.sockets, lambda server: self._listens(index, server))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            logging.shutdown()
            os._exit(code)

    def _listens(self, index: int, server: Server) -> None:
        def orphaned() -> None:
            server.loop.remove_reader(self._lifeline)
            server.stop()

        server.loop.add_reader(self._lifeline, orphaned)
        os.write(self._tell_ready, bytes([index]))

    def _reap(self) -> None:
        for number, worker in enumerate(self._workers, 1):
            if worker.pid is None:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                worker.pid = None
                if self._kill_at is None:
                    self._note_end(number, worker, os.waitstatus_to_exitcode(status))

    def _note_end(self, number: int, worker: _Worker, code: int) -> None:
        if stopwatch() - worker.started > self.settled_s:
            worker.failures = 0
        pause_s = min(self.first_pause_s * 2**worker.failures, self.longest_pause_s)
        worker.failures += 1
        worker.unheard += 1
        worker.due = stopwatch() + pause_s
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if worker.unheard > self.most_unheard:
            _log.error("worker %d ended (%s) and never came to listen: giving up", number, how)
            self._gave_up = True
            self._stop()
        else:
            _log.warning("worker %d ended (%s); it is replaced in %.1f s", number, how, pause_s)

    def _stop(self) -> None:
        """Tell the workers to end, the second time without mercy."""
        again, self._kill_at = self._kill_at is not None, self._kill_at or stopwatch() + self.stop_timeout_s
        self._signal(signal.SIGKILL if again else signal.SIGTERM)

    def _kill_late(self) -> None:
        if self._kill_at is not None and stopwatch() > self._kill_at:
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    def _patience_s(self) -> float | None:
        """Return how long nothing is to be done unless something happens."""
        if self._kill_at is not None:
            return max(0.05, self._kill_at - stopwatch())
        due = [worker.due for worker in self._workers if worker.pid is None]
        return max(0.0, min(due) - stopwatch()) if due else None


@contextlib.contextmanager
def _signals_wake(stop: Callable[[], None]) -> Iterator[socket.socket]:
    """Call `stop` for a stop signal, and provide a socket that becomes readable with that and with a child's end."""
    woken, waker = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    handlers = {number: signal.getsignal(number) for number in (*stop_signals(), signal.SIGCHLD)}
    for number in stop_signals():
        signal.signal(number, lambda *_: stop())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    try:
        yield woken
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        woken.close()
        waker.close()
