"""The files into which a run is written: `--report FILE`, whose ending says the format."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from mockserver.errors import UsageError

FORMATS = (".html", ".json", ".xml", ".txt")


def add_report_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--report FILE`."""
    parser.add_argument(
        "--report",
        type=_report_file,
        action="append",
        default=[],
        metavar="FILE",
        help="write the run there; the ending says how: .html, .json, .xml (JUnit) or .txt (repeatable)",
    )


class Attempts:
    """Writes what a run reports; what can't be written is said at once and left out from then on.

    A run that cleans up behind itself, and its other reports, are worth more than a file on a full disk.
    """

    def __init__(self) -> None:
        self._lost: set[str] = set()

    def __call__(self, name: str, write: Callable[[], object]) -> None:
        """Call `write`, unless an earlier attempt under this name failed."""
        if name in self._lost:
            return
        try:
            write()
        except BrokenPipeError:
            raise  # nobody reads any more, which ends a command
        except OSError as problem:
            self._lost.add(name)
            with contextlib.suppress(OSError):
                print(f"error: {name} can't be written: {problem.strerror}", file=sys.stderr)

    def exit_code(self, code: int) -> int:
        """Return the exit code of a run whose own would be `code`."""
        return code or (UsageError.exit_code if self._lost else 0)


def make_folders(files: Iterable[Path]) -> None:
    """Make the folders of the files, so that no run is lost for want of one."""
    for file in files:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UsageError(f"can't make its folder: {problem.strerror}", place=str(file)) from problem


def _report_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in FORMATS:
        raise UsageError(f"no report is called {path.name}", place="--report", hint=f"end it with {', '.join(FORMATS)}")
    return path
