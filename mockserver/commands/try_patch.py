"""`mockserver try PATCH.json`: what would happen, operation by operation, without a server."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mockserver.cli import add_settings, print_json, settings_of
from mockserver.errors import UsageError
from mockserver.fixtures.naming import written
from mockserver.nearest import nearest_names
from mockserver.profile.difference_lines import difference
from mockserver.profile.keys import Key, fold
from mockserver.service.assembly import Mock, assemble
from mockserver.service.operations import OPERATIONS, PATCH, Operation
from mockserver.service.request import Head, Request
from mockserver.service.routes import Route, match_route
from mockserver.service.sample import sample_target, sample_user
from mockserver.service.trial import dry_run

EXAMPLES = """examples:
  mockserver try patch.json
  mockserver try patch.json --profile ACME01/CRM/C-000417 --dialect library
  mockserver try --operation deactivateProfile --profile ACME01/70012345
  echo '[{"op": "remove", "path": "/Emails/0"}]' | mockserver try -"""
_MOST_COMPARED = 5000
_SPELLED = {"clientId": "CLIENT", "alternateIdType": "TYPE", "alternateId": "ID", "profileId": "PROFILEID"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "patch", metavar="PATCH.json", nargs="?", help="file with the request's body; - reads standard input"
    )
    parser.add_argument(
        "--operation", choices=[row.name for row in OPERATIONS], default=PATCH.name, help="(default: the PATCH)"
    )
    parser.add_argument(
        "--profile",
        metavar="CLIENT/TYPE/ID",
        help="the profile, or CLIENT/PROFILEID, or CLIENT (default: one of the fixtures)",
    )
    parser.add_argument(
        "--content-type", metavar="TYPE", help="of the body (default: application/xml for *.xml, else JSON)"
    )
    add_settings(parser, "fixtures", "contract", "dialect")


def run(options: argparse.Namespace) -> int:
    """Print the dry run; 1 if the patch would be refused."""
    mock = assemble(replace(settings_of(options), auth="off"))
    operation = next(row for row in OPERATIONS if row.name == options.operation)
    if options.patch is None and operation.handler in ("patch", "create", "consents"):
        hint = "name a file, or - for standard input; see mockserver try --help"
        raise UsageError(f"{operation.name} needs a body", place="PATCH.json", hint=hint)
    target = _target(options.profile, operation) or _first_target(mock, operation)
    route = match_route(target, slashes_in_ids=True)
    if not route.operations:
        raise UsageError(f"{options.profile!r} names no profile", place="--profile", hint="write CLIENT/TYPE/ID")
    is_xml = options.patch is not None and options.patch.endswith(".xml")
    kind = options.content_type or ("application/xml" if is_xml else "application/json")
    headers = {"content-type": kind, "accept": "application/json"}
    body = _body(options.patch)
    request = Request(Head(operation.method, target, headers, route), body)
    result = dry_run(mock, mock.worlds.default, request)
    if result["reason"] in ("profile-unknown", "client-unknown"):
        result["nearest"] = nearest_profiles(mock, route)
    if options.json:
        print_json(result)
    else:
        _show(result)
    return 0 if result["status"] < 300 else 1


def _first_target(mock: Mock, operation: Operation) -> str:
    if "{profileId}" in operation.route:
        raise UsageError(f"{operation.name} needs to know whom", place="--profile", hint="write CLIENT/PROFILEID")
    found = sample_user(mock)
    if found and operation.route != PATCH.route:
        return operation.route.format(clientId=quote(found[0].client_id, safe="~"))
    target = sample_target(mock, found[0]) if found else None
    if target is None:
        raise UsageError("the fixtures hold no profile", hint="name one with --profile CLIENT/TYPE/ID")
    return target


def _target(profile: str | None, operation: Operation) -> str | None:
    if profile is None:
        return None
    names = re.findall(r"{(\w+)}", operation.route)
    parts = profile.split("/", len(names) - 1)
    if len(parts) != len(names):
        hint = f"write {'/'.join(_SPELLED[name] for name in names)}"
        raise UsageError(f"{profile!r} names no profile", place="--profile", hint=hint)
    return operation.route.format_map({name: quote(part, safe="~") for name, part in zip(names, parts, strict=True)})


def nearest_profiles(mock: Mock, route: Route) -> list[str]:
    """Return the ids of up to three profiles that may have been meant, nearest first."""
    wanted = (fold(route.client.partition("~")[0]), fold(route.alternate_id_type or ""), fold(route.alternate_id or ""))
    for length in (2, 1, 0):
        # Of many profiles some are as good as all: what matters is to show how an id looks.
        alike = (key for key, _ in mock.fixtures.index.within(*wanted[:length]) if key[1])
        known = {"/".join(key): key for key in islice(alike, _MOST_COMPARED)}
        if known:
            return [_as_written(mock, known[name]) for name in nearest_names("/".join(wanted), known, 3)]
    return []


def _as_written(mock: Mock, key: Key) -> str:
    number = mock.fixtures.index[key]
    return f"{mock.fixtures.owners[number]}/{written(mock.fixtures.bodies[number], key[1:])}"


def _body(name: str | None) -> bytes:
    if name is None:
        return b""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as problem:
        raise UsageError(f"can't read the patch: {problem.strerror}", place=name) from problem


def _show(result: dict[str, Any]) -> None:
    print(f"{result['status']} {result['reason']} [{result['provenance']}]")
    if "nearest" in result:
        print(f"  {result['story'].removesuffix(result['hint']).rstrip()}")
        print(f"  The nearest of the fixtures: {', '.join(result['nearest']) or 'there is none'}")
    else:
        print(f"  {result['story']}")
    for number, row in enumerate(result["operations"] if "nearest" not in result else ()):
        operation = row["operation"] if isinstance(row["operation"], dict) else {}
        print(f"  {number}: {operation.get('op', 'add')} {operation.get('path', '')}: {_outcome(row)}")
    if result["changes"]:
        print("the profile would change:")
    for change in result["changes"]:
        for line in difference(change["before"], change["after"], change["path"]):
            print(f"  {line}")


def _outcome(row: dict[str, Any]) -> str:
    """Say what became of an operation, and where or why."""
    details = {
        "applied": ", ".join(row.get("changed", ())) or "changes nothing",
        "refused": row.get("message") or row.get("reason", ""),
    }
    detail = details.get(row["outcome"])
    return f"{row['outcome']}: {detail}" if detail else row["outcome"]
