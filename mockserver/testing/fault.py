"""A planned fault as a test holds it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mockserver.testing.control import Control

__tracebackhide__ = True  # a failing test's report ends at the test's own line


class Fault(AbstractContextManager["Fault"]):
    """A fault of one world; leaving its `with` block removes it."""

    def __init__(self, control: Control, fault_id: str) -> None:
        self._control = control
        self.id = fault_id

    @property
    def matched(self) -> int:
        """How many requests it was meant for."""
        return int(self._row()["matched"])

    @property
    def hits(self) -> int:
        """How many requests it struck."""
        return int(self._row()["hits"])

    def remove(self) -> None:
        """End the fault; one that is gone already stays gone."""
        self._control("DELETE", "faults", self.id, allow=404)

    def __exit__(self, *failure: object) -> None:
        self.remove()

    def _row(self) -> dict[str, Any]:
        row: dict[str, Any] = self._control("GET", "faults", self.id)
        return row
