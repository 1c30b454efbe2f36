"""Waiting for what another process or thread is about to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


def wait_until(holds: Callable[[], Any], timeout_s: float = 60) -> None:
    """Return when it holds; fail if that takes too long.

    Asked now and then, for asking without a pause would take the time from the other one.
    """
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        pause.wait(0.01)
