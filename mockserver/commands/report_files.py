"""The files into which a run is written: `--report FILE`, whose ending says the format."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
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
