"""`mockserver check`: look at fixtures, configuration and contract, and list every problem at once."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from mockserver.cli import add_settings, as_started, print_json, settings_and_problems_of
from mockserver.commands.progress import progress_bar
from mockserver.errors import UsageError
from mockserver.fixtures.fixture_set import FixtureSet, UnfitFixtures
from mockserver.fixtures.loading import load_fixtures
from mockserver.profile.members import MemberTree
from mockserver.service.assembly import initial_faults, load_members
from mockserver.settings import Settings

EXAMPLES = """examples:
  mockserver check
  mockserver check --config mockserver.toml
  mockserver check --fixtures my-fixtures --json"""

Row = dict[str, str]


def configure(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Print the problems; 2 if there is one."""
    settings, problems = settings_and_problems_of(options)
    rows = [_row(problem) for problem in problems]
    fixtures = _look(settings, rows)
    if options.json:
        print_json({"problems": rows})
    elif fixtures is not None and not rows:
        print(f"ok: {fixtures.size}, contract and settings")
    for row in rows if not options.json else ():
        print(": ".join(filter(None, (row["file"], row["place"], row["problem"]))))
        if row["hint"]:
            print(f"  {as_started(row['hint'])}")
    return 2 if rows else 0


def _look(settings: Settings, rows: list[Row]) -> FixtureSet | None:
    """Add a row for each problem; what can't be read hides what depends on it, and nothing else."""
    try:
        _, tree = load_members(settings.contract)
        bar = progress_bar("checking profiles")
        fixtures = load_fixtures(settings.fixtures, tree, max_profile=settings.max_profile, progress=bar)
        if (check := getattr(fixtures.bodies, "check", None)) is not None:
            check(bar)  # a packed file is trusted when it is opened
    except UnfitFixtures as unfit:
        rows += (
            {"file": row.file, "place": row.place, "problem": row.text, "hint": row.hint} for row in unfit.problems
        )
        return None
    except UsageError as problem:
        rows.append(_row(problem))
        return None
    rows += map(_row, _wrong_faults(settings, tree, fixtures))
    return fixtures


def _wrong_faults(settings: Settings, tree: MemberTree, fixtures: FixtureSet) -> Iterator[UsageError]:
    for text in settings.fault:
        try:
            initial_faults(replace(settings, fault=(text,)), tree, fixtures)
        except UsageError as problem:
            yield problem


def _row(problem: UsageError) -> Row:
    return {"file": problem.place, "place": "", "problem": problem.problem, "hint": problem.hint}
