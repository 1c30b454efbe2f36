"""Log lines on standard error that never keep the server waiting: what nobody reads in time is dropped and counted."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from mockserver.journal.redaction import Secrets
from mockserver.state.clock import stopwatch

MOST_LINES: Final = 2_000  # that wait to be written: some 10 MB at worst
MOST_AT_ONCE: Final = 200
LONGEST_LINE: Final = 20_000
FLUSH_S: Final = 1.0
STANDARD_ERROR: Final = 2


def start_log(log: str, on_drop: Callable[[], None]) -> logging.Handler:
    """Send what is logged to standard error; `off` leaves out all but bugs, and what ends the server."""
    # Where standard error is closed, its number may be that of a client's connection by now.
    handler = LogWriter(STANDARD_ERROR, on_drop) if sys.stderr is not None else logging.NullHandler()
    level = logging.ERROR if log == "off" else logging.INFO
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler])
    return handler


class Redacting(logging.Formatter):
    """Writes lines without secrets, whatever part of the server they come from, tracebacks included."""

    def __init__(self, secrets: Callable[[], Secrets]) -> None:
        super().__init__("%(message)s")
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Return the line or lines of a record."""
        return self._secrets().text(super().format(record))


class LogWriter(logging.Handler):
    """Hands lines to a thread that writes them, in bunches; it starts with the first line, in a fork anew."""

    def __init__(self, descriptor: int, on_drop: Callable[[], None]) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._on_drop = on_drop
        self._writer: threading.Thread | None = None
        self._dropped = self._taken = self._written = 0
        self._start_over()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start_over)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or drop it if too many wait."""
        try:
            line = self.format(record)[:LONGEST_LINE] + "\n"
        except Exception:
            return self.handleError(record)
        if self._lines.qsize() >= MOST_LINES:
            self._dropped += 1
            return self._on_drop()
        self._taken += 1
        self._lines.put(line.encode("utf-8", "backslashreplace"))
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, args=(self._lines,), name="log", daemon=True)
            self._writer.start()

    def flush(self) -> None:
        """Wait for what is queued to be written, but not for a reader who never comes."""
        started = stopwatch()
        while self._written < self._taken and stopwatch() - started < FLUSH_S:
            threading.Event().wait(0.005)

    def _start_over(self) -> None:
        # The thread, and what it has still to write, are the parent's.
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._writer = None
        self._dropped = self._taken = self._written = 0

    def _write(self, lines: SimpleQueue[bytes]) -> None:
        while True:
            bunch = [lines.get()]
            try:
                while len(bunch) < MOST_AT_ONCE:
                    bunch.append(lines.get_nowait())
            except Empty:
                pass
            self._write_all(b"".join(bunch))
            if dropped := self._dropped:
                self._dropped -= dropped
                self._write_all(b"%d log lines were dropped here: nobody read them in time\n" % dropped)
            self._written += len(bunch)

    def _write_all(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # nobody will read it
            self._on_drop()
