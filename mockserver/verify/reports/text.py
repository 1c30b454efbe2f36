"""The run as a text file: what a terminal shows, and what held."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from mockserver.verify.events import Event, RunFinished
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.terminal import TerminalReport


class TextReport:
    """Collects the lines and writes the file when the run is over."""

    def __init__(self, path: Path, shown: Shown) -> None:
        self._path = path
        self._text = StringIO()
        self._lines = TerminalReport(shown, self._text, verbose=True)

    def __call__(self, event: Event) -> None:
        self._lines(event)
        if isinstance(event, RunFinished):
            self._path.write_text(self._text.getvalue(), encoding="utf-8", errors="replace")
