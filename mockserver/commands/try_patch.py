"""`mockserver try PATCH.json`: what would happen, operation by operation, without a server."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from mockserver.assembly import assemble
from mockserver.cli import add_json, add_settings, print_json, settings_of
from mockserver.commands.sample import sample_target, sample_user
from mockserver.dry_run import dry_run
from mockserver.errors import UsageError
from mockserver.request import Request
from mockserver.web.routes import match_route, profile_target

EXAMPLES = """examples:
  mockserver try patch.json
  mockserver try patch.json --profile ACME01/CRM/C-000417 --dialect library
  echo '[{"op": "remove", "path": "/Emails/0"}]' | mockserver try -"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `try`."""
    parser.add_argument("patch", metavar="PATCH.json", help="file with the request's body; - reads standard input")
    parser.add_argument("--profile", metavar="CLIENT/TYPE/ID", help="the profile (default: the fixtures' first)")
    parser.add_argument("--content-type", default=None, help="default: by the file's name, JSON else")
    add_settings(parser, "fixtures", "contract", "dialect")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the dry run; 1 if the patch would be refused."""
    mock = assemble(replace(settings_of(options), auth="off"))
    target = _target(options.profile) or _first_target(mock)
    route = match_route(target, slashes_in_ids=True)
    if route is None:
        raise UsageError(f"{options.profile!r} names no profile", place="--profile", hint="write CLIENT/TYPE/ID")
    kind = options.content_type or ("application/xml" if options.patch.endswith(".xml") else "application/json")
    headers = {"content-type": kind, "accept": "application/json"}
    body = _body(options.patch)
    request = Request("PATCH", target, route.client, route.alternate_id_type, route.alternate_id, headers, body)
    result = dry_run(mock, mock.worlds.default, request)
    if options.json:
        print_json(result)
    else:
        _show(result)
    return 0 if result["status"] == 200 else 1


def _first_target(mock: Any) -> str:
    found = sample_user(mock)
    target = sample_target(mock, found[0]) if found else None
    if target is None:
        raise UsageError("the fixtures hold no profile", hint="name one with --profile CLIENT/TYPE/ID")
    return target


def _target(profile: str | None) -> str | None:
    if profile is None:
        return None
    parts = profile.split("/", 2)
    if len(parts) != 3:
        raise UsageError(f"{profile!r} names no profile", place="--profile", hint="write CLIENT/TYPE/ID")
    return profile_target(*parts)


def _body(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise UsageError(f"can't read the patch: {problem.strerror}", place=name) from problem


def _show(result: dict[str, Any]) -> None:
    print(f"{result['status']} {result['reason']} [{result['provenance']}]")
    print(f"  {result['story']}")
    for number, row in enumerate(result["operations"]):
        operation = row["operation"] or {}
        detail = ", ".join(row.get("changed", ())) or row.get("message") or "changes nothing"
        print(f"  {number}: {operation.get('op', 'add')} {operation.get('path', '')}: {row['outcome']}: {detail}")
    if result["changes"]:
        print("the profile would change:")
    for change in result["changes"]:
        print(f"  {change['path']}: {_short(change['before'])} -> {_short(change['after'])}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
