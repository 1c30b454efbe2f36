"""The run as a text file: what a terminal shows, and what held."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from mockserver.verify.events import Event, RunFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.terminal import TerminalReport


class TextReport:
    """Collects the lines and has them written when the run is over."""

    def __init__(self, write: Callable[[str], object], shown: Shown) -> None:
        self._write = write
        self._text = StringIO()
        self._lines = TerminalReport(shown, self._text, verbose=True)

    def __call__(self, event: Event) -> None:
        self._lines(event)
        if isinstance(event, RunFinished):
            self._write(self._text.getvalue())
