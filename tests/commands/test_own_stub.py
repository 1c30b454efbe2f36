"""A server at a URL that is not our mock is asked with care; the page about stubs is carried out as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.cli import main
from mockserver.verify.mock_process import is_mock
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor

PAGE = (Path(__file__).parents[2] / "docs" / "own-stub.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\nmockserver (.*?)\n```\n```\n(.*?)\n```", PAGE, re.DOTALL)
SIGNED = ["--profile", "/".join(KEY), "--client", CLIENT, "--user", USER, "--secret-env", "STUB_SECRET"]


# Runs a script of the page and says at which port it listens, once it does.
TELLING = """
import runpy, socketserver, sys
activate = socketserver.TCPServer.server_activate

def telling(server):
    activate(server)
    print(server.server_address[1], flush=True)

socketserver.TCPServer.server_activate = telling
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The stub of the page, running."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    script = tmp_path_factory.mktemp("stub") / "stub.py"
    script.write_text(code, encoding="utf-8")
    command = [sys.executable, "-c", TELLING, str(script), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVendor]:
    monkeypatch.setenv("STUB_SECRET", SECRET)
    with FakeVendor().running() as server:
        yield server


@pytest.mark.parametrize(
    ("command", "shown", "exit_code"),
    [(*example, code) for example, code in zip(EXAMPLES, (1, 3, 1), strict=True)],
    ids=range(1, len(EXAMPLES) + 1),
)
def test_the_page_is_right(
    port: int, command: str, shown: str, exit_code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*shlex.split(command.replace("9000", str(port))), "--state-dir", str(tmp_path)])
    said = capsys.readouterr().out.splitlines()
    assert [line for line in shown.splitlines() if line.replace("9000", str(port)) not in said] == []
    assert code == exit_code


def test_a_foreign_server_is_only_read_without_leave(
    vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["verify", "--target", vendor.url, *SIGNED, "--state-dir", str(tmp_path), "--only", "add-text"]
    assert main([*flags, "--only", "empty-patch"]) == 0
    assert {seen.body for seen in vendor.seen if seen.method == "PATCH"} == {b"[]"}
    before = vendor.lasting()
    assert main([*flags, "--write"]) == 0
    assert any(b'"add"' in seen.body for seen in vendor.seen)
    assert vendor.lasting() == before
    assert "1 held" in capsys.readouterr().out


def test_a_server_that_looks_at_no_signature_gets_none(
    vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks at it all the same says 401, and rules about signatures are not asked."""
    flags = ["--profile", "/".join(KEY), "--client", CLIENT, "--unsigned", "--state-dir", str(tmp_path)]
    assert main(["verify", "--target", vendor.url, *flags, "--only", "auth-*"]) == 3
    assert "status 401" in capsys.readouterr().err
    assert not any("authorization" in seen.headers for seen in vendor.seen)


@pytest.mark.parametrize("missing", ["--profile", "--client", "--user", "--secret-env"])
def test_a_foreign_server_needs_a_word_about_who_asks_for_what(
    vendor: FakeVendor, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = SIGNED.index(missing)
    assert main(["verify", "--target", vendor.url, *SIGNED[:place], *SIGNED[place + 2 :]]) == 2
    assert f"{missing} is missing" in capsys.readouterr().err


def test_a_rule_that_need_not_hold_must_exist(vendor: FakeVendor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--target", vendor.url, *SIGNED, "--tolerate", "ad-text"]) == 2
    assert "--tolerate: there is no rule 'ad-text'" in capsys.readouterr().err


def test_another_server_is_not_taken_for_ours(vendor: FakeVendor) -> None:
    assert not is_mock(vendor.url)


@pytest.mark.parametrize(
    ("flags", "idle"),
    [
        (["--live"], "--live"),
        (["--write"], "--write"),
        (["--tolerate", "add-text"], "--tolerate"),
        (["--budget", "50"], "--budget"),
        (["--forget"], "--forget"),
        (SIGNED, "--profile"),
        (["--target", "sandbox", *SIGNED], "--profile"),
        (["--target", "sandbox", "--unsigned"], "--unsigned"),
        (["--target", "sandbox", "--forget"], "--forget"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_flag_that_would_do_nothing_is_refused(
    flags: list[str], idle: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever forgot --target would take the mock's answers for the real system's."""
    assert main(["verify", *flags, "--only", "empty-patch"]) == 2
    assert f"{idle}: it would do nothing here" in capsys.readouterr().err


def test_drift_refuses_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drift", "--right", "sandbox", "--unsigned"]) == 2
    assert "--unsigned: it would do nothing here" in capsys.readouterr().err


def test_what_a_stub_keeps_is_said_with_the_flags_that_recover_it(
    vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The URL alone says not what may be used there."""
    vendor.faults.after_commit = lambda _, own: setattr(
        own.quirks, "refuses_paths", ("/CustomerType", "/DefaultLocale")
    )
    flags = ["verify", "--target", vendor.url, *SIGNED, "--state-dir", str(tmp_path), "--write", "--only", "add-text"]
    assert main(flags) == 4
    assert f"--target {vendor.url} --profile … --client … --recover" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("verify", "--target"), ("drift", "--right")], ids=["verify", "drift"])
def test_raw_exchanges_are_kept_only_where_git_commits_nothing(
    command: tuple[str, str], vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".git").mkdir()
    flags = ["--keep-raw", str(tmp_path / "raw"), "--state-dir", str(tmp_path), "--only", "empty-patch"]
    assert main([*command, vendor.url, *SIGNED, *flags]) == 4
    assert "git does not ignore this directory" in capsys.readouterr().err
    assert not (tmp_path / "raw").exists()
