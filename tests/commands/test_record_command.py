"""`mockserver record`: what it reads, writes, says and refuses."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockserver.commands import record
from mockserver.verify.target import run_lock
from tests.commands.calling import Done
from tests.verify.target.fake_vendor import CLIENT, KEY, OTHER, SECRET, USER, FakeVendor

TARGETS = """[targets.fake]
base_url = "{url}"
client = "{client}"
user = "{user}"
secret_env = "FAKE_SECRET"
profiles = ["{one}", "{other}"]
rate = 1000.0
"""
Run = Callable[..., Done]


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVendor]:
    """The stand-in for the real API, listed as a target, with a state directory and locks of the test's own."""
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(run_lock, "lock_dir", lambda: tmp_path / "locks")
    with FakeVendor().running() as server:
        text = TARGETS.format(url=server.url, client=CLIENT, user=USER, one="/".join(KEY), other="/".join(OTHER))
        (tmp_path / "targets.toml").write_text(text, encoding="utf-8")
        yield server


def written(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


def test_fixtures_are_written_that_pass_check(run: Run, vendor: FakeVendor, tmp_path: Path) -> None:
    """And nothing is changed over there."""
    before = vendor.profiles[:]
    done = run("record", "--target", "fake")
    assert (done.code, done.err) == (0, "")
    assert "2 profiles of fake recorded in recorded" in done.out
    assert run("check", "--fixtures", "recorded").code == 0
    assert (vendor.commits, vendor.profiles) == (0, before)
    everything = "\n".join([*written(tmp_path / "recorded").values(), done.out])
    assert not [
        value for value in (KEY[1], OTHER[1], vendor.profile["CustomerName"]["LastName"]) if value in everything
    ]


def test_twice_gives_the_same_files_with_a_key_made_once(run: Run, vendor: FakeVendor, tmp_path: Path) -> None:
    """The key is its owner's alone, and in no output."""
    outputs = [run("record", "--target", "fake").out]
    first = written(tmp_path / "recorded")
    outputs.append(run("record", "--target", "fake").out)
    assert written(tmp_path / "recorded") == first
    key = tmp_path / "state" / "mypreferences-mockserver" / "record.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text() not in "".join([*outputs, *first.values()])


def test_a_key_of_the_environment_gives_the_same_files_on_every_machine(
    run: Run, vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORD_SECRET", "a long text for the tests")
    for name in ("one", "two"):
        words = ("--secret-env", "RECORD_SECRET", "--out", name, "--state-dir", tmp_path / f"state-{name}")
        assert run("record", "--target", "fake", *words).code == 0
    assert written(tmp_path / "one") == written(tmp_path / "two")
    assert not list(tmp_path.rglob("record.key"))


def test_one_profile_can_be_chosen_and_the_report_is_json(run: Run, vendor: FakeVendor) -> None:
    done = run("record", "--target", "fake", "--profile", "/".join(OTHER), "--json")
    report = json.loads(done.out)
    assert (done.code, report["profiles"], report["left_out"]) == (0, 1, {})
    assert report["replaced"]["names"] >= 1
    assert "CustomerType" in report["stays"]


def test_an_unlisted_profile_is_refused_without_repeating_its_id(run: Run, vendor: FakeVendor) -> None:
    done = run("record", "--target", "fake", "--profile", "CRM/somebody")
    assert (done.code, vendor.seen) == (2, [])
    assert "somebody" not in done.out + done.err


def test_a_directory_with_something_else_is_left_alone(run: Run, vendor: FakeVendor, tmp_path: Path) -> None:
    (tmp_path / "recorded" / "profiles" / CLIENT).mkdir(parents=True)
    (tmp_path / "recorded" / "profiles" / CLIENT / "mine.json").write_text("{}")
    done = run("record", "--target", "fake")
    assert (done.code, vendor.seen, list(written(tmp_path / "recorded").values())) == (2, [], ["{}"])


@pytest.mark.parametrize(("ignored", "code"), [("", 4), ("raw/\n", 0)], ids=["not ignored", "ignored"])
def test_raw_exchanges_are_kept_only_where_git_ignores_them(
    run: Run, vendor: FakeVendor, tmp_path: Path, ignored: str, code: int
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text(ignored)
    assert run("record", "--target", "fake", "--keep-raw", "raw").code == code
    assert (tmp_path / "raw").exists() == (code == 0)


def test_a_target_can_be_read_with_get(run: Run, vendor: FakeVendor, tmp_path: Path) -> None:
    """`reads = "get"` in its table; this server knows no GET, and no patch is tried in its place."""
    file = tmp_path / "targets.toml"
    file.write_text(f'{file.read_text("utf-8")}reads = "get"\n', encoding="utf-8")
    assert run("record", "--target", "fake").code == 3
    assert {request.method for request in vendor.seen} == {"GET"}


def test_a_key_that_others_can_read_is_refused(run: Run, vendor: FakeVendor, tmp_path: Path) -> None:
    key = tmp_path / "state" / "mypreferences-mockserver" / "record.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_text("0" * 64)
    key.chmod(0o644)
    done = run("record", "--target", "fake")
    assert (done.code, vendor.seen) == (4, [])
    assert "chmod 600" in done.err


def test_a_recording_that_is_interrupted_leaves_the_earlier_one(
    run: Run, vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C when the new one is to take its place."""
    assert run("record", "--target", "fake").code == 0
    before, rename = written(tmp_path), Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name == ".recorded.new":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    assert run("record", "--target", "fake").code == 130
    assert written(tmp_path) == before


def test_a_recording_tells_how_many_profiles_are_read(
    run: Run, vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(record, "progress_bar", lambda *_: lambda done, total: told.append((done, total)))
    assert run("record", "--target", "fake").code == 0
    assert told == [(1, 2), (2, 2)]
