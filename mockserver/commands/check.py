"""`mockserver check`: look at fixtures, configuration and contract, and list every problem at once."""

from __future__ import annotations

import argparse

from mockserver.assembly import initial_faults, load_contract
from mockserver.cli import add_json, add_settings, print_json, settings_of
from mockserver.core.members import compile_members
from mockserver.errors import UsageError
from mockserver.store.fixtures import check_fixtures, load_fixtures

EXAMPLES = """examples:
  mockserver check
  mockserver check --fixtures my-fixtures --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `check`."""
    add_settings(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print the problems; 2 if there is one."""
    settings = settings_of(options)
    tree = compile_members(load_contract(settings.contract))
    rows = [
        {"file": str(row.file), "place": row.place, "problem": row.text, "hint": row.hint}
        for row in check_fixtures(settings.fixtures, tree)
    ]
    if not rows:
        fixtures = load_fixtures(settings.fixtures, tree)
        try:
            initial_faults(settings, tree, fixtures)
        except UsageError as problem:
            rows.append({"file": "--fault", "place": problem.place, "problem": problem.problem, "hint": problem.hint})
    if options.json:
        print_json({"problems": rows})
    elif not rows:
        print(f"ok: {len(fixtures.bodies)} profiles of {len(fixtures.clients)} clients, contract and settings")
    for row in rows if not options.json else ():
        print(f"{row['file']}{': ' + row['place'] if row['place'] else ''}: {row['problem']}")
        if row["hint"]:
            print(f"  {row['hint']}")
    return 2 if rows else 0
