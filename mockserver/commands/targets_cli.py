"""The flags with which a command is pointed at a target, and the opening of a run there."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mockserver.cli import print_json
from mockserver.errors import UsageError
from mockserver.package import shipped
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.restore import recover
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import Target, choose_target, default_targets_file, load_targets
from mockserver.verify.target.undo_file import default_state_dir


def add_target_flags(parser: argparse.ArgumentParser, *, choose: bool = True) -> None:
    """Add the flags of a run on a target; without `choose`, the command names targets in another way."""
    group = parser.add_argument_group("a real target")
    if choose:
        group.add_argument("--target", metavar="NAME", help="a target of the targets file (default: the mock)")
        group.add_argument("--recover", action="store_true", help="restore what an interrupted run left behind")
        group.add_argument("--forget", action="store_true", help="with --recover: give up on what can't be restored")
    parser.add_argument("--time", type=_seconds, metavar="S", help="stop after so many seconds; the answer is then 3")
    group.add_argument("--targets", type=Path, metavar="FILE", help="targets file (default: targets.toml)")
    group.add_argument("--live", action="store_true", help="really send; without it, the requests are only listed")
    group.add_argument("--write", action="store_true", help="also run cases that change the profile, and restore it")
    group.add_argument("--keep-going", action="store_true", help="go on after a server error")
    group.add_argument("--keep-raw", type=Path, metavar="DIR", help="keep whole exchanges, with personal data, there")
    group.add_argument("--state-dir", type=Path, metavar="DIR", help="where notes for the restore are kept")
    group.add_argument(
        "--i-know-this-is-production",
        action="store_true",
        dest="production_accepted",
        help="accept a target whose host does not look like a test system",
    )


def chosen_target(options: argparse.Namespace, name: str) -> Target:
    """Return the named target of the targets file; raise UsageError or SafetyRefusal."""
    targets = load_targets(options.targets or default_targets_file())
    return choose_target(targets, name, production_accepted=options.production_accepted)


@contextmanager
def open_session(
    options: argparse.Namespace, target: Target | None = None, contract: Contract | None = None
) -> Iterator[GuardedRun | DryRun]:
    """Open a run on `options.target`, or on the given one; a dry run prints its plan at the end."""
    target = target or chosen_target(options, _name(options))
    contract = contract or load_contract(shipped("contracts") / "openapi.yaml")
    if not (options.live or target.mock):
        dry = DryRun(target, contract, write=options.write)
        yield dry
        if options.json:
            print_json({"plan": dry.plan()})
        else:
            print("\n".join(dry.plan()))
        return
    run = GuardedRun(_session(options, target, options.time), _state_dir(options), contract)
    try:
        with run:
            yield run
    finally:
        for note in run.notes:
            print(f"note: {note}", file=sys.stderr)


def run_recover(options: argparse.Namespace) -> int:
    """Restore what an interrupted run left behind, and say how that went; 4 if something is not as it was."""
    target = chosen_target(options, _name(options))
    outcome = recover(_session(options, target), _state_dir(options), forget=options.forget)
    if options.json:
        rows = [row._asdict() for row in outcome.remaining]
        print_json({"restored": outcome.restored, "remaining": rows, "exit": outcome.exit_code})
        return outcome.exit_code
    for label in outcome.restored:
        print(f"restored: {label}")
    for row in outcome.remaining:
        print(f"NOT RESTORED: {row}")
        if row.by_hand:
            print(f"  by hand, signed as its file says: {row.by_hand}")
    if not outcome.restored and not outcome.remaining:
        print(f"nothing to recover in {_state_dir(options)}")
    return outcome.exit_code


def _session(options: argparse.Namespace, target: Target, time_s: float | None = None) -> TargetSession:
    keeps = {"keep_going": options.keep_going, "keep_raw": options.keep_raw}
    return TargetSession(target, write=options.write, time_s=time_s, **keeps)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise UsageError(f"--time can't be {text!r}", hint="write a number of seconds")


def _state_dir(options: argparse.Namespace) -> Path:
    return options.state_dir or default_state_dir()


def _name(options: argparse.Namespace) -> str:
    if not options.target:
        raise UsageError("no target is named", hint="write --target NAME, a table of the targets file")
    return str(options.target)
