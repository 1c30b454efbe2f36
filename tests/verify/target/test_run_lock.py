"""Two runs on the same profiles exclude each other, wherever each keeps its notes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal, UsageError
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import recover
from mockserver.verify.target.run_lock import RunLock
from mockserver.verify.target.session import TargetSession
from tests.verify.target.fake_vendor import FakeVendor
from tests.verify.target.runs import CONTRACT, session_of, target_of

SAME: dict[str, dict[str, Any]] = {
    "the same target": {},
    "another name for the target": {"name": "renamed"},
    "another name for the host": {"base_url": "localhost"},
    "a run that only reads": {"write": False},
}
HOLDER = """
import signal, sys, tests.verify.target.test_run_lock as test
lock = test.RunLock(test.target_of(test.Server(sys.argv[1])))
lock.take()
print("taken", flush=True)
signal.pause()
"""


class Server:
    """What a target needs to know of a server."""

    def __init__(self, url: str) -> None:
        self.url = url


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
def test_a_second_run_is_refused_whatever_its_state_directory(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """And is told who is there; a recovery is a run as well."""
    other = dict(changes)
    write = other.pop("write", True)
    if "base_url" in other:
        other["base_url"] = vendor.url.replace("127.0.0.1", "localhost")
    second = TargetSession(target_of(vendor, **other), write=write)
    with GuardedRun(session_of(vendor), tmp_path / "one", CONTRACT):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "three"))
        sent = len(vendor.seen)
        with pytest.raises(SafetyRefusal, match=rf"another run is using .*: process {os.getpid()} on .*, since 2"):
            GuardedRun(second, tmp_path / "two", CONTRACT).begin()
        with pytest.raises(SafetyRefusal, match="another run"):
            recover(second, tmp_path)
        assert len(vendor.seen) == sent
    with GuardedRun(second, tmp_path / "two", CONTRACT):
        assert len(vendor.seen) > sent


def test_other_profiles_are_nobody_elses_affair(vendor: FakeVendor, tmp_path: Path) -> None:
    """Another client, or another server."""
    with FakeVendor().running() as elsewhere, GuardedRun(session_of(vendor), tmp_path, CONTRACT):
        with GuardedRun(session_of(elsewhere), tmp_path, CONTRACT):
            pass
        lock = RunLock(target_of(vendor, client="GLOBEX"))
        lock.take()
        lock.release()


def test_a_lock_of_a_dead_process_is_none(vendor: FakeVendor, tmp_path: Path, locks: Path) -> None:
    """Whatever its file names: here a process that lives, as if the number had been given anew."""
    path = locks / f"{target_of(vendor).place}.lock"
    locks.mkdir(mode=0o700)
    path.write_text(f"process {os.getppid()} on here, since 2020-01-01T00:00:00+00:00")
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT):
        assert path.read_text().startswith(f"process {os.getpid()} on ")
    assert list(locks.iterdir()) == []


def test_a_lock_ends_with_its_process(vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is killed."""
    monkeypatch.undo()
    lock = RunLock(target_of(vendor))
    with subprocess.Popen([sys.executable, "-c", HOLDER, vendor.url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"taken\n"
        with pytest.raises(SafetyRefusal, match=f"process {holder.pid} on"):
            lock.take()
        holder.send_signal(signal.SIGKILL)
        holder.wait(20)
        lock.take()
        lock.release()


def test_the_directory_of_the_locks_is_the_users_alone(vendor: FakeVendor, locks: Path, tmp_path: Path) -> None:
    """In a place for all, somebody else may have made it, or a link in its place."""
    lock = RunLock(target_of(vendor))
    lock.take()
    lock.release()
    assert stat.S_IMODE(locks.stat().st_mode) == 0o700
    locks.chmod(0o777)
    with pytest.raises(UsageError, match="not this user's alone"):
        lock.take()
    locks.rmdir()
    locks.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="not this user's alone"):
        lock.take()


def test_a_link_in_place_of_a_lock_is_not_followed(vendor: FakeVendor, locks: Path, tmp_path: Path) -> None:
    locks.mkdir(mode=0o700)
    (tmp_path / "precious").write_text("kept")
    (locks / f"{target_of(vendor).place}.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(UsageError, match="can't keep other runs away"):
        RunLock(target_of(vendor)).take()
    assert (tmp_path / "precious").read_text() == "kept"
