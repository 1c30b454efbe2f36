"""`mockserver record`: fixtures from a target's profiles, with invented values in place of personal ones."""

from __future__ import annotations

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mockserver.cli import as_started, print_json
from mockserver.commands.progress import progress_bar
from mockserver.commands.targets_cli import add_list_flags, listed_target, open_run, require_ignored
from mockserver.errors import CommandError, UsageError
from mockserver.fixtures.loading import check_fixtures
from mockserver.package import shipped
from mockserver.recording.pseudonyms import plausible_words
from mockserver.recording.recording import Recording, kept_places, pseudonymised
from mockserver.recording.secret_key import key_from
from mockserver.service.assembly import load_members
from mockserver.verify.contract import load_contract
from mockserver.verify.mock_process import clients_toml
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import Target
from mockserver.verify.target.undo_file import default_state_dir

EXAMPLES = """examples:
  mockserver record --target sandbox
  mockserver record --target sandbox --profile CRM/TEST-0001 --out recorded
  mockserver record --target sandbox --keep ProfileTags/Name --secret-env RECORD_SECRET

Reads the target's listed profiles, changes nothing there, and writes only what holds no original value.
exit codes: 0 written, 2 usage, 3 no answer, 4 refused, 130 interrupted (Ctrl-C)"""
_MARK = "# Written by `mockserver record`: one client with one invented user."


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--target", metavar="NAME", required=True, help="a target of the targets file")
    add("--profile", action="append", metavar="TYPE/ID", help="only this one of its profiles (repeatable)")
    add("--out", type=Path, default=Path("recorded"), metavar="DIR", help="default: recorded")
    add("--keep", action="append", default=[], metavar="MEMBER", help="leave as it is, e.g. ProfileTags/Name")
    add("--secret-env", metavar="VAR", help="variable with the key (default: one in the state directory)")
    add_list_flags(parser)
    add("--contract", type=Path, metavar="FILE", help="OpenAPI document of the operation")
    add("--keep-raw", type=Path, metavar="DIR", help="keep whole exchanges there, if git ignores it")
    add("--state-dir", type=Path, metavar="DIR", help="where the key is kept")


def run(options: argparse.Namespace) -> int:
    """Read, replace, check, write, and say what was replaced."""
    target = _narrowed(listed_target(options, options.target), options.profile)
    contract_file = options.contract or shipped("contracts") / "openapi.yaml"
    contract = load_contract(contract_file)
    stays, words = kept_places(options.keep, contract.profile), plausible_words()
    state_dir = options.state_dir or default_state_dir()
    key = key_from(options.secret_env, state_dir)
    _require_ours(options.out)
    if options.keep_raw is not None:
        require_ignored(options.keep_raw)
    reading = GuardedRun(TargetSession(target, keep_raw=options.keep_raw), state_dir, contract)
    reading.progress = progress_bar("reading", "profiles") or reading.progress
    with open_run(reading):
        profiles = list({profile["ProfileId"]: profile for profile in reading.profiles.values()}.values())
    recording = pseudonymised(profiles, contract.profile, key, words, stays)
    _write(recording, target.client, options.out, contract_file)
    report = _report(recording, stays, options.out)
    if options.json:
        print_json(report)
    else:
        print("\n".join(_lines(report, target.name)))
    return 0


def _narrowed(target: Target, names: Sequence[str] | None) -> Target:
    """Return the target with the named profiles alone; no message repeats an id."""
    keys = {f"{kind}/{identifier}": (client, kind, identifier) for client, kind, identifier in target.keys}
    if any(name not in keys for name in names or ()):
        hint = "write TYPE/ID as the targets file does"
        raise UsageError(f"the target {target.name} does not list such a profile", place="--profile", hint=hint)
    if Path(target.client).name != target.client:
        raise UsageError("the client is no name of a folder", place=f"target {target.name}")
    return replace(target, keys=tuple(keys[name] for name in dict.fromkeys(names))) if names else target


def _require_ours(out: Path) -> None:
    """Raise UsageError for a directory that holds anything else than an earlier recording."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    files = {path.relative_to(out) for path in out.rglob("*") if not path.is_dir()} if out.is_dir() else {out}
    strange = [path for path in files if not path.match("profiles/*/recorded-*.json")]
    if strange != [Path("clients.toml")] or not (out / strange[0]).read_text("utf-8", "replace").startswith(_MARK):
        raise UsageError("there is something else than an earlier recording", place=str(out), hint="write --out DIR")


def _write(recording: Recording, client: str, out: Path, contract: Path) -> None:
    """Write the fixtures beside their place, see that they pass `check`, and put them there."""
    new, old = (out.absolute().with_name(f".{out.absolute().name}.{name}") for name in ("new", "old"))
    try:
        shutil.rmtree(new, ignore_errors=True)
        folder = new / "profiles" / client
        folder.mkdir(parents=True)
        kept = out / "clients.toml"  # its users may have been changed since
        users = {"editor@recorded.example": ("fake-secret-of-the-recorded-fixtures", ["editors"])}
        text = kept.read_text("utf-8") if kept.exists() else f"{_MARK}\n{clients_toml(client, users)}"
        (new / "clients.toml").write_text(text, encoding="utf-8")
        for name, text in recording.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        _, tree = load_members(contract)
        if found := check_fixtures(new, tree):
            rows = "\n".join(f"{row.place}: {row.text}" for row in found)
            raise CommandError(f"what was recorded does not pass check, so nothing was written\n{rows}")
        shutil.rmtree(old, ignore_errors=True)
        if out.exists():
            out.rename(old)
        new.rename(out)
    except OSError as problem:
        raise UsageError(f"the fixtures can't be written: {problem.strerror}", place=str(out)) from problem
    finally:
        if old.exists() and not out.exists():  # interrupted in between
            old.rename(out)
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def _report(recording: Recording, stays: frozenset[str], out: Path) -> dict[str, Any]:
    left_out = Counter[str]()
    for place, count in recording.left_out.items():
        left_out[recording.shown(place)] += count
    return {
        "profiles": len(recording.files),
        "directory": str(out),
        "replaced": dict(sorted(recording.replaced.items())),
        "left_out": dict(sorted((place, count) for place, count in left_out.items() if count)),
        "stays": sorted(stays),
    }


def _lines(report: dict[str, Any], name: str) -> Iterator[str]:
    yield f"{report['profiles']} profiles of {name} recorded in {report['directory']}"
    yield from (f"  replaced: {count} {kind}" for kind, count in report["replaced"].items())
    for place, count in report["left_out"].items():
        yield f"  left out, not as the contract has it: {place} ({count} times)"
    yield f"  as they were: {', '.join(report['stays'])}"
    yield as_started(f"serve them: mockserver serve --fixtures {report['directory']}")
