"""Ctrl-C and SIGTERM during a run: the first one ends it, and no other cuts short the restore that follows."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class HeldSignals:
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into KeyboardInterrupt, and keeps it waiting while `hold` is set.

    While `guarding` is set, later ones are noted only: the restore that the first set off must not be cut short.
    """

    def __init__(self) -> None:
        self.hold = False
        self.guarding = False
        self._pending = False
        self._raised = False
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    @property
    def interrupted(self) -> bool:
        """Whether a signal came."""
        return self._pending

    def install(self) -> None:
        """Take over the signals, if this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, self._handle)

    def uninstall(self) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def deliver(self) -> None:
        """Raise what had to wait."""
        if self._pending and not self._raised:
            self._raised = True
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = True
        if not self.hold and not (self._raised and self.guarding):
            self._raised = True
            raise KeyboardInterrupt
