"""The flags with which a command is pointed at a target, and the opening of a run there."""

from __future__ import annotations

import argparse
import contextlib
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from mockserver.cli import print_json
from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.verify.contract import Contract
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.request_plan import Case, RequestPlan, make_plan
from mockserver.verify.target.restore import recover
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import (
    STUB,
    Target,
    choose_target,
    default_targets,
    is_loopback,
    load_targets,
    numbers,
    stub,
)
from mockserver.verify.target.undo_file import default_state_dir

Play = Callable[[GuardedRun, RequestPlan], int]
_OF_A_URL = ("profile", "client", "user", "secret_env", "unsigned")
_OF_A_TARGET = ("live", "write", "budget", "rate", "complete", "keep_going", "keep_raw", "tolerate")


def add_target_flags(parser: argparse.ArgumentParser, *, choose: bool = True) -> None:
    """Add the flags of a run on a target; without `choose`, the command names targets in another way."""
    group = parser.add_argument_group("a real target")
    add = group.add_argument
    if choose:
        add("--target", metavar="NAME", help="a target of the targets file (default: the mock)")
        add("--recover", action="store_true", help="restore what an interrupted run left behind")
        add("--forget", action="store_true", help="with --recover: give up on what can't be restored")
    add("--profile", action="append", metavar="TYPE/ID", help="of a URL: a profile to use (repeatable)")
    add("--client", metavar="ID", help="of a URL: the client, first segment of the path")
    add("--user", metavar="ID", help="of a URL: who signs")
    add("--secret-env", metavar="NAME", help="of a URL: the variable that holds the user's key")
    add("--unsigned", action="store_true", help="of a URL: it looks at no signature, so send none")
    told = "seconds: a real target is asked what fits into them, else the run stops and answers 3"
    parser.add_argument("--time", type=_seconds, metavar="S", help=told)
    add_list_flags(group)
    add("--live", action="store_true", help="really send; without it, the requests are only listed")
    add("--write", action="store_true", help="also run cases that change the profile, and restore it")
    add("--budget", type=int, metavar="N", help="most requests of a run, in place of the target's")
    add("--rate", type=float, metavar="R", help="requests a second, in place of the target's")
    add("--complete", action="store_true", help="answer 3 if budget or time leave cases out")
    add("--keep-going", action="store_true", help="go on after a server error")
    add("--keep-raw", type=Path, metavar="DIR", help="keep whole exchanges, with personal data, there")
    add("--state-dir", type=Path, metavar="DIR", help="where notes for the restore are kept")


def add_list_flags(group: argparse._ActionsContainer) -> None:
    """Add the flags that say which targets are listed, and which of them may be used."""
    group.add_argument("--targets", type=Path, metavar="FILE", help="targets file (default: targets.toml)")
    flag, told = "--i-know-this-is-production", "accept a target whose host does not look like a test system"
    group.add_argument(flag, action="store_true", dest="production_accepted", help=told)


def refuse_idle_flags(options: argparse.Namespace, *names: str | None) -> None:
    """Raise UsageError for a flag that would do nothing with these sides, lest somebody relies on it."""
    hints = {"forget": "write --recover, too"}
    if not any("://" in (name or "") for name in names):
        hints |= dict.fromkeys(
            _OF_A_URL, "it is for a server given by its URL; a target's table says it in its own words"
        )
    if not any(names):
        hints |= dict.fromkeys(_OF_A_TARGET, "write --target NAME, too; without it the mock alone is asked")
    for flag, hint in hints.items():
        if getattr(options, flag, None):
            raise UsageError("it would do nothing here", place=f"--{flag.replace('_', '-')}", hint=hint)


def chosen_target(options: argparse.Namespace, name: str) -> Target:
    """Return the named target of the targets file, or the server at a URL; raise UsageError or SafetyRefusal."""
    target = _stub(options, name) if "://" in name else listed_target(options, name)
    given = {name: value for name in ("budget", "rate") if (value := getattr(options, name)) is not None}
    return replace(target, **numbers(given, "--")) if given else target


def listed_target(options: argparse.Namespace, name: str) -> Target:
    """Return the named target of the targets file; raise UsageError or SafetyRefusal."""
    targets = load_targets(options.targets) if options.targets else default_targets()
    return choose_target(targets, name, production_accepted=options.production_accepted)


def _stub(options: argparse.Namespace, url: str) -> Target:
    if not is_loopback(urlsplit(url).hostname or ""):
        why = "a URL names a server on this machine, which needs no leave to be asked"
        raise SafetyRefusal(why, place=url, hint="describe a real system in targets.toml and give its name")
    given = {"profiles": options.profile, "client": options.client, "user": options.user}
    given |= {"secret_env": options.secret_env, "unsigned": options.unsigned}
    needed = ("profile", "client") if options.unsigned else ("profile", "client", "user", "secret_env")
    if missing := [name for name in needed if not getattr(options, name)]:
        flag = f"--{missing[0].replace('_', '-')}"
        unsigned = ", or --unsigned if it looks at no signature" if flag in ("--user", "--secret-env") else ""
        hint = f"say what to use there{unsigned}"
        raise UsageError(f"{flag} is missing", place=url, hint=hint)
    dialect = {"dialect": options.dialect} if hasattr(options, "dialect") else {}
    return stub(url, **dialect, **{name: value for name, value in given.items() if value})


def run_cases(
    options: argparse.Namespace, target: Target, contract: Contract, cases: Sequence[Case], play: Play
) -> int:
    """Plan a run on a target and play it, or list what it would send: a real target is asked only with --live."""
    plan = make_plan(cases, target, contract, write=options.write, time_s=options.time)
    if options.live or target.mock or target.name.startswith(STUB):
        with open_run(GuardedRun(_session(options, target, options.time), _state_dir(options), contract)) as run:
            return play(run, plan)
    if options.json:
        print_json(plan.as_json())
    else:
        print("\n".join(plan.lines(verbose=options.verbose)))
    return Inconclusive.exit_code if options.complete and plan.left else 0


@contextmanager
def open_run(run: GuardedRun) -> Iterator[GuardedRun]:
    """Open a run on a target; what it has to say at its end goes to standard error."""
    try:
        with run:
            yield run
    finally:
        for note in run.notes:
            print(f"note: {note}", file=sys.stderr)


def run_recover(options: argparse.Namespace) -> int:
    """Restore what an interrupted run left behind, and say how that went; 4 if something is not as it was."""
    if not options.target:
        raise UsageError("no target is named", hint="write --target NAME, a table of the targets file")
    target = chosen_target(options, options.target)
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


def require_ignored(directory: Path) -> None:
    """Raise SafetyRefusal for a directory of a git repository that git does not ignore."""
    place = directory.resolve()
    here = next(folder for folder in (place, *place.parents) if folder.is_dir())
    if not any((folder / ".git").exists() for folder in (here, *here.parents)):
        return
    # A path inside the directory, since a pattern such as "raw/" means directories alone.
    words = ["git", "-C", str(here), "check-ignore", "--quiet", "--", str(place / "exchange.http")]
    try:
        ignored = subprocess.run(words, capture_output=True, timeout=30, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        ignored = False
    if not ignored:
        why = "git does not ignore this directory, so that personal data could be committed"
        hint = f"add /{directory.name}/ to .gitignore, or name a directory outside the repository"
        raise SafetyRefusal(why, place=f"--keep-raw {directory}", hint=hint)


def _session(options: argparse.Namespace, target: Target, time_s: float | None = None) -> TargetSession:
    if options.keep_raw is not None:
        require_ignored(options.keep_raw)
    keeps = {"keep_going": options.keep_going or target.name.startswith(STUB), "keep_raw": options.keep_raw}
    return TargetSession(target, write=options.write, time_s=time_s, **keeps)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise UsageError(f"--time can't be {text!r}", hint="write a number of seconds")


def _state_dir(options: argparse.Namespace) -> Path:
    return options.state_dir or default_state_dir()
