"""Where a run is written: `--report FILE`, its ending says the format, `--report-to URL`, a mock server, `--github`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from mockserver.errors import UsageError
from mockserver.fixtures.whole_file import whole_file
from mockserver.verify.reports.github import GithubOutput

_TIMEOUT_S: Final = 10.0
_MOST_BYTES: Final = 2 << 20
FORMATS = (".html", ".json", ".xml", ".txt")


def add_report_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says where a run is written; `options.report` holds (file, ending that says how)."""
    add = parser.add_argument
    told = "write the run there; the ending says how: .html, .json, .xml (JUnit) or .txt (repeatable)"
    add("--report", type=report_file, action="append", default=[], metavar="FILE", help=told)
    told = "hand the run to a mock server, whose workbench then shows it (its token: MOCKSERVER_ADMIN_TOKEN)"
    add("--report-to", type=_server, metavar="URL", help=told)
    told = "write annotations and a step summary for GitHub Actions (default: if it runs there)"
    add("--github", action=argparse.BooleanOptionalAction, help=told)


def github_output(options: argparse.Namespace) -> GithubOutput | None:
    """Return where GitHub reads, or None if nobody asked for it."""
    wanted = os.environ.get("GITHUB_ACTIONS") == "true" if options.github is None else options.github
    if not wanted:
        return None
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    # Where the output is one document, the runner reads the other stream just as well.
    return GithubOutput(sys.stderr if options.json else sys.stdout, Path(summary) if summary else None, workspace)


def hand_over(url: str, document: Mapping[str, Any]) -> None:
    """Send a report to a mock server; what hinders that is told, for the run itself stands.

    A report that is too large goes without its exchanges.
    """
    from mockserver.testing.response import send

    body = _fitting(document)
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MOCKSERVER_ADMIN_TOKEN"):
        headers["X-Mock-Admin-Token"] = token
    try:
        status = send(url, "POST", "/__admin/reports", headers, body, _TIMEOUT_S).status
        problem = f"it answered {status}" if status != HTTPStatus.CREATED else ""
    except (OSError, HTTPException) as error:
        problem = str(error)
    if problem:
        print(f"warning: the report could not be handed to {url}: {problem}", file=sys.stderr)


def _fitting(document: Mapping[str, Any]) -> bytes:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    if len(body) <= _MOST_BYTES or not isinstance(document.get("cases"), list):
        return body
    cases = [{name: value for name, value in case.items() if name != "exchanges"} for case in document["cases"]]
    return json.dumps({**document, "cases": cases}, ensure_ascii=False).encode("utf-8", "replace")


def _server(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        hint = "write the address of a running mock, such as http://127.0.0.1:8080"
        raise UsageError(f"{text!r} is no address of a server", place="--report-to", hint=hint)
    return f"{parts.scheme}://{parts.netloc}"


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


def write_whole(path: Path, text: str) -> None:
    """Write a report, which is there whole or as it was before, whatever ends the run meanwhile."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", errors="replace")


def make_folders(options: argparse.Namespace) -> None:
    """Make the folders of the files that were asked for, so that no run is lost for want of one."""
    for file, _ in options.report:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UsageError(f"can't make its folder: {problem.strerror}", place=str(file)) from problem


def write_reports(
    options: argparse.Namespace,
    attempt: Attempts,
    text: Callable[[str], str],
    document: Callable[[], Mapping[str, Any]],
    github: Callable[[GithubOutput], object],
) -> None:
    """Write a run wherever it was asked for; `text` returns it as a file of this ending has it."""
    for file, ending in options.report:
        attempt(str(file), partial(write_whole, file, text(ending)))
    if options.report_to:
        hand_over(options.report_to, document())
    if output := github_output(options):
        attempt("what GitHub reads", lambda: github(output))


def report_file(text: str, ending: str = "") -> tuple[Path, str]:
    """Return a file and the ending that says how it is written: its own unless another is given."""
    path = Path(text)
    if not ending and path.suffix not in FORMATS:
        raise UsageError(f"no report is called {path.name}", place="--report", hint=f"end it with {', '.join(FORMATS)}")
    return path, ending or path.suffix
