"""`--json` is one switch for all commands: one document on standard output, or one a line where it streams."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mockserver.cli import COMMANDS, _parsers, main
from mockserver.commands.report_files import FORMATS
from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings

PATCH = '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'
TARGETS = """
[targets.sandbox]
base_url = "https://sandbox.acme.test/Profiles"
client = "ACME01"
user = "editor@acme.example"
secret_env = "SANDBOX_SECRET"
profiles = ["CRM/C-000417"]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The demo mock on a free port."""
    with make_server(assemble(Settings(port=0, log="off"))) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A patch and a targets file, and nothing else, in the present directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDBOX_SECRET", "not-a-real-key")
    (tmp_path / "patch.json").write_text(PATCH, encoding="utf-8")
    (tmp_path / "targets.toml").write_text(TARGETS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_a_switch_of_every_command(command: str) -> None:
    """With the same words in the help, and it takes no file."""
    _, parser = _parsers(command)
    assert parser is not None
    action = parser._option_string_actions["--json"]
    assert isinstance(action, argparse._StoreTrueAction)
    assert action.help == "print JSON on standard output, all else on standard error"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("sign", 0),
        ("sign --timestamp yesterday", 0),
        ("sign --explain nonsense", 1),
        ("sign --clint x", 2),
        ("check", 0),
        ("check --fixtures nowhere", 2),
        ("try patch.json", 0),
        ("try absent.json", 2),
        ("try patch.json --profile ACME01/CRM/none", 1),
        ("doctor --port 0", 0),
        ("doctor --port 0 --fixtures nowhere", 1),
        ("fixtures generate --count 1 --out x.ndjson", 0),
        ("fixtures generate --count 1", 0),
        ("fixtures generate --locale xx --out x.ndjson", 2),
        ("serve --port 70000", 2),
        ("drift --page", 0),
        ("drift", 2),
        ("drift --right sandbox --only empty-patch", 0),
        ("verify --target sandbox --only empty-patch", 0),
        ("verify --target sandbox --recover", 0),
        ("verify --target http://127.0.0.1:9", 3),
        ("verify --target https://elsewhere.example", 4),
        ("verify --stge rules", 2),
        ("verify --target {url} --only empty-patch", 0),
        ("verify --target {url} --dialect rfc6902 --only op-in-other-case", 1),
    ],
)
def test_one_document_is_all_of_the_output(
    words: str, code: int, server: Server, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Whatever the outcome; what it says to people goes to standard error."""
    assert main([*words.format(url=server.url).split(), "--json"]) == code
    assert isinstance(json.loads(capfdbinary.readouterr().out), dict)


def test_where_it_streams_each_line_is_a_document(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Generated profiles, with or without the switch."""
    assert main(["fixtures", "generate", "--count", "3", "--json"]) == 0
    assert [len(json.loads(line)["Emails"]) > 0 for line in capfdbinary.readouterr().out.splitlines()] == [True] * 3


def test_a_server_says_in_one_line_where_it_is() -> None:
    """As soon as it listens; the log is on standard error."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.terminate()
        rest = process.stdout.read()
    assert set(json.loads(first)) == {"url", "admin_url", "admin_token", "pid"}
    assert (process.returncode, rest) == (0, "")


@pytest.mark.parametrize("words", [["--json", "run.json"], ["--json=run.json"]], ids=" ".join)
@pytest.mark.parametrize("command", ["verify", "drift"])
def test_a_file_is_refused_with_the_flag_that_takes_one(
    command: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify` once took it."""
    assert main([command, *words]) == 2
    said = capsys.readouterr()
    assert "write --report run.json" in said.out + said.err


@pytest.mark.parametrize("command", ["verify", "drift"])
def test_a_report_of_another_format_is_refused_before_anything_is_sent(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--report", "run.pdf"]) == 2
    assert ", ".join(FORMATS) in capsys.readouterr().err


def test_verify_writes_every_format_also_into_a_new_folder(server: Server, folder: Path) -> None:
    """The ending says which; `--html` and `--junit` take any name."""
    files = [folder / "new" / f"run{ending}" for ending in FORMATS]
    words = [word for file in files for word in ("--report", str(file))]
    more = ["--html", str(folder / "page"), "--junit", str(folder / "suite")]
    assert main(["verify", "--target", server.url, "--only", "empty-patch", *words, *more]) == 0
    page, document, suite, text = files
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(document.read_text("utf-8"))["verdicts"] == {"held": 1}
    assert ElementTree.parse(suite).getroot().get("tests") == "1"
    assert "HELD" in text.read_text("utf-8")
    assert (folder / "page").exists()
    assert (folder / "suite").exists()


def test_a_report_that_cannot_be_written_ends_the_run_before_it_starts(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "--target", server.url, "--only", "empty-patch", "--report", "patch.json/run.html"]) == 2
    assert "can't make its folder" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "drift"])
def test_an_interrupted_command_ends_with_130(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As shells report Ctrl-C; `serve` alone takes it for the way to stop, and ends with 0."""

    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"mockserver.commands.{command}.run", interrupted)
    assert main([command]) == 130
