"""The note on disk of what a run changes: who may read it, which runs it stops, and how it is finished."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli import add_json
from mockserver.commands.targets_cli import add_target_flags, run_recover
from mockserver.errors import SafetyRefusal, UsageError
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import Recovery, recover
from mockserver.verify.target.session import TargetSession
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor
from tests.verify.target.runs import (
    CONTRACT,
    broken_off,
    change,
    remove,
    replace,
    session_of,
    what_is_left,
)


def test_a_server_that_stops_leaves_an_undo_file_and_exit_code_4(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nothing can be done while it is down; once it is back, --recover does it."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        stop = replace("/CustomerType", "Prospect")
        assert "can't tell" in what_is_left(run, stop, then=lambda: setattr(vendor.faults, "stopped_from", 0))
    assert recover(session_of(vendor), tmp_path).exit_code == 4
    assert vendor.profile["CustomerType"] == "Prospect"
    vendor.faults.stopped_from = None
    assert recover(session_of(vendor), tmp_path).exit_code == 0
    assert vendor.lasting() == before
    assert recover(session_of(vendor), tmp_path) == Recovery((), ())


def test_forget_gives_up_on_what_is_left(vendor: FakeVendor, tmp_path: Path) -> None:
    """The way out when nothing helps: it is listed once more, and the next run may start."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        refuse = replace("/CustomerType", "Prospect")
        what_is_left(run, refuse, then=lambda: setattr(vendor.quirks, "refuses_members", ("CustomerType",)))
    assert recover(session_of(vendor), tmp_path, forget=True).exit_code == 4
    assert list(tmp_path.glob("*.json")) == []


def test_the_command_recovers_and_says_so(
    vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `mockserver verify --recover` runs it: without leave to write, which it does not need; twice does no harm."""
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    targets, state = tmp_path / "targets.toml", tmp_path / "state"
    targets.write_text(
        f'[targets.fake]\nbase_url = "{vendor.url}"\nclient = "{CLIENT}"\nuser = "{USER}"\nsecret_env = "FAKE_SECRET"\n'
        f'profiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nsettle_s = 0\n'
    )
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), state, CONTRACT) as run:
        what_is_left(run, remove("/Emails/1"), then=lambda: setattr(vendor.faults, "stopped_from", 0))
    parser = argparse.ArgumentParser()
    add_target_flags(parser)
    add_json(parser)
    options = parser.parse_args(["--target", "fake", "--targets", str(targets), "--state-dir", str(state)])
    assert run_recover(options) == 4
    assert "NOT RESTORED: profile 1 of fake (CRM)" in capsys.readouterr().out
    vendor.faults.stopped_from = None
    assert [run_recover(options), run_recover(options)] == [0, 0]
    assert capsys.readouterr().out == f"restored: profile 1 of fake (CRM)\nnothing to recover in {state}\n"
    assert vendor.lasting() == before


def test_the_undo_file_is_private_and_its_name_says_nothing(vendor: FakeVendor, tmp_path: Path) -> None:
    """0600, in a directory of 0700; names hold the target's name and a hash of where it is."""
    state = tmp_path / "state"
    with GuardedRun(session_of(vendor), state, CONTRACT) as run, run.guard("case"):
        run.send(change(replace("/CustomerType", "Prospect")))
        files = list(state.iterdir())
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert all("C-000417" not in file.name and "CRM" not in file.name for file in files)
        assert SECRET not in "".join(file.read_text() for file in files)
        assert len([file for file in files if file.suffix == ".json"]) == 1


def _deep(path: Path) -> None:
    path.write_text(f'{{"version": {"[" * 50_000}')


def _walkable(path: Path) -> None:
    path.write_text(f'{{"version": 1, "profiles": [{{"before": {"[" * 400}{"]" * 400}}}]}}')


def _linked(path: Path) -> None:
    path.rename(path.with_suffix(".kept"))
    path.symlink_to(path.with_suffix(".kept"))


def _linked_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _edited(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


UNFIT: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (lambda path: path.write_text('{"version": 1, "profiles": ['), "JSONDecodeError"),
    "nested beyond any reader": (_deep, "nested deeper than any profile"),
    "nested as a reader can bear": (_walkable, "nested deeper than any profile"),
    "a link": (_linked, "it is a link"),
    "a link to nothing": (_linked_to_nothing, "it is a link"),
    "a hard link": (lambda path: os.link(path, path.with_suffix(".kept")), "a link or no file"),
    "a pipe": (_replaced_by_a_pipe, "a link or no file"),
    "writable for all": (lambda path: path.chmod(0o606), "others can write it"),
    "writable for a group": (lambda path: path.chmod(0o660), "others can write it"),
    "of another version": (lambda path: _edited(path, '"version": 1', '"version": 2'), "of version 2"),
    "an address of another type": (lambda path: _edited(path, '"case": "case"', '"case": []'), "what a run writes"),
    "a profile of another type": (lambda path: _edited(path, '"touched": [', '"touched": [7, '), "what a run writes"),
}


@pytest.mark.parametrize(("spoil", "told"), UNFIT.values(), ids=UNFIT.keys())
def test_an_undo_file_that_is_unfit_is_refused_in_words(
    vendor: FakeVendor, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    """By a run and by a recovery; it stays, since perhaps a person can read it, and nothing is sent."""
    broken_off(vendor, tmp_path)
    path = next(tmp_path.glob("*.undo.json"))
    spoil(path)
    sent = len(vendor.seen)
    for use in (
        lambda: recover(session_of(vendor), tmp_path),
        GuardedRun(session_of(vendor), tmp_path, CONTRACT).begin,
    ):
        with pytest.raises(SafetyRefusal, match="can't read the undo file") as caught:
            use()
        assert told in str(caught.value)
    assert path.is_symlink() or path.exists()
    assert len(vendor.seen) == sent


def test_a_state_directory_in_which_everybody_writes_is_refused(vendor: FakeVendor, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UsageError, match="everybody can write") as caught:
        GuardedRun(session_of(vendor), tmp_path, CONTRACT).begin()
    assert "chmod 700" in str(caught.value)


def test_an_undo_file_that_stays_is_said(vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left changed, but the next run would find it."""
    before = vendor.lasting()

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    def case() -> None:
        with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
            run.send(change(replace("/CustomerType", "Prospect")))
            monkeypatch.setattr(Path, "unlink", fail)

    with pytest.raises(SafetyRefusal, match="no more use, but can't be deleted: No space"):
        case()
    assert vendor.lasting() == before


OTHER_SPELLINGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "another name for the target": lambda url: {"name": "renamed"},
    "another name for the host": lambda url: {"name": "renamed", "base_url": url.replace("127.0.0.1", "localhost")},
    "another path on the host": lambda url: {"name": "renamed", "base_url": f"{url}/v2"},
    "another port": lambda url: {"base_url": "http://127.0.0.1:9/Profiles"},
    "another client": lambda url: {"client": "GLOBEX", "keys": (("GLOBEX", *KEY),)},
}


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS.values(), ids=OTHER_SPELLINGS.keys())
def test_an_undo_file_stops_every_run_that_could_mean_the_same_profile(
    vendor: FakeVendor, tmp_path: Path, spelling: Callable[[str], dict[str, Any]]
) -> None:
    """Targets are renamed and servers move between a crash and the next run."""
    broken_off(vendor, tmp_path)
    sent = len(vendor.seen)
    with pytest.raises(SafetyRefusal, match="an earlier run broke off") as caught:
        GuardedRun(session_of(vendor, **spelling(vendor.url)), tmp_path, CONTRACT).begin()
    assert f"--recover --state-dir {tmp_path}" in str(caught.value)
    assert len(vendor.seen) == sent


def test_a_renamed_target_is_recovered(vendor: FakeVendor, tmp_path: Path) -> None:
    """Server and client say whose profile it is, not what we call them."""
    before = vendor.lasting()
    broken_off(vendor, tmp_path)
    assert vendor.lasting() != before
    assert recover(session_of(vendor, name="renamed"), tmp_path).restored == ("profile 1 of renamed (CRM)",)
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def test_a_server_that_moved_is_listed_and_sent_nothing(vendor: FakeVendor, tmp_path: Path) -> None:
    """Somebody else's profile may be there under the same id; "nothing to recover" would be wrong as well."""
    broken_off(vendor, tmp_path)
    with FakeVendor().running() as elsewhere:
        outcome = recover(session_of(elsewhere), tmp_path)
        assert elsewhere.seen == []
    assert outcome.exit_code == 4
    assert vendor.url in outcome.remaining[0].why
    assert recover(session_of(vendor), tmp_path).exit_code == 0


@pytest.mark.parametrize("fails", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_a_change_whose_note_cannot_be_written_is_not_sent(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: BaseException
) -> None:
    """And nothing half written stays, since it holds personal values."""

    def fail(handle: int) -> None:
        raise fails

    before = vendor.lasting()
    run = GuardedRun(session_of(vendor), tmp_path, CONTRACT)
    with pytest.raises((SafetyRefusal, KeyboardInterrupt)) as caught, run, run.guard("case"):  # noqa: PT012
        monkeypatch.setattr(os, "fsync", fail)
        try:
            run.send(change(replace("/CustomerType", "Prospect")))
        finally:
            monkeypatch.undo()
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert (vendor.lasting(), vendor.commits) == (before, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_recovery_that_is_interrupted_lists_what_is_left(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a dead server is waited for: exit code 4, and the next recovery finds everything."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = vendor.lasting()
    broken_off(vendor, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(TargetSession, "send_reserved", stop)
        outcome = recover(session_of(vendor), tmp_path)
    assert (outcome.exit_code, outcome.remaining[0].why) == (4, "interrupted before it was restored")
    assert recover(session_of(vendor), tmp_path).exit_code == 0
    assert vendor.lasting() == before
