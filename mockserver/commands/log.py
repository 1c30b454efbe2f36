"""`mockserver log`: what a running mock is asked, as it comes."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from mockserver.errors import UsageError
from mockserver.journal.lines import line
from mockserver.testing.control import Control

EXAMPLES = """examples:
  mockserver log
  mockserver log --follow --world blue
  mockserver log --follow --json | jq .reason"""
_URL: Final = "http://127.0.0.1:8080"
MOST: Final = 2000
_WAIT_S: Final = 20
_PAUSE_S: Final = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--world", metavar="NAME", help="one world alone (default: every world)")
    parser.add_argument("--last", type=int, default=10, metavar="N", help="begin with the newest N (%(default)s)")
    parser.add_argument("--url", default=_URL, help="the mock (%(default)s); its token: MOCKSERVER_ADMIN_TOKEN")


def run(options: argparse.Namespace) -> int:
    """Print the newest requests, and with --follow those that come."""
    if not 0 <= options.last <= MOST:
        raise UsageError(f"{options.last} requests", place="--last", hint=f"write a number from 0 to {MOST}")
    control = Control(options.url, options.world, os.environ.get("MOCKSERVER_ADMIN_TOKEN"))
    for row in _rows(control, options):
        print(_json(row) if options.json else line(row), flush=True)
    return 0


def _json(row: dict[str, Any]) -> str:
    import orjson

    return orjson.dumps(row).decode()


def _rows(control: Control, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield rows in order of arrival; a server that can't let readers wait is asked twice a second."""
    asked = {"view": "rows", "limit": str(options.last or 1), **({} if options.world else {"all": "true"})}
    answer = control("GET", "requests", query=f"?{urlencode(asked)}")
    yield from answer["rows"] if options.last else ()
    while options.follow:
        asked |= {"since": answer["last"] or "00000000", "wait": str(_WAIT_S), "limit": str(MOST)}
        answer = control("GET", "requests", query=f"?{urlencode(asked)}")
        yield from answer["rows"]
        if not answer["waiting"]:
            time.sleep(_PAUSE_S)
