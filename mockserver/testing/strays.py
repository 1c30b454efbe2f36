"""Requests that name no world, in a server that only the tests use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from mockserver.testing.control import Control
from mockserver.testing.entries import Entry, read_entry


@dataclass(eq=False, slots=True)
class Watch:
    """One world's look at the default world, from opening to closing; `alone` while no other one is open."""

    arrived: int
    alone: bool


class Strays:
    """Finds requests without a world, where there is just one world that they can have been meant for.

    `arrived` counts what the default world has been asked so far, through `control`.
    """

    def __init__(self, arrived: Callable[[], int], control: Control) -> None:
        self._arrived = arrived
        self._control = control
        self._lock = Lock()
        self._open: list[Watch] = []

    def watch(self) -> Watch:
        with self._lock:
            for other in self._open:
                other.alone = False
            watch = Watch(self._arrived(), alone=not self._open)
            self._open.append(watch)
        return watch

    def end(self, watch: Watch) -> list[Entry]:
        """Return the requests that came without a world meanwhile, in order of arrival, if they can be attributed."""
        with self._lock:
            self._open.remove(watch)
        number = self._arrived() - watch.arrived
        if not watch.alone or number <= 0:
            return []
        events = self._control("GET", "requests", query=f"?limit={number}")["requests"]
        return [read_entry(event) for event in reversed(events)]
