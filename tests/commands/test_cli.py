"""The command line as its users meet it: help, wrong usage, answers for machines, and never a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.cli import COMMANDS, invocation
from tests.commands.calling import ROOT, Done, shown

MINE = ("serve", "sign", "check", "try", "doctor", "fixtures")


# -- help and usage ----------------------------------------------------------------------------------------------------


def test_alone_it_prints_the_help(run: Callable[..., Done]) -> None:
    """And exits as wrong usage does: nothing was done."""
    done = run()
    assert (done.code, done.out) == (2, "")
    assert all(f"  {command} " in done.err for command in COMMANDS)


def test_the_help_has_one_line_for_each_command(run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    listed = run("--help").out.partition("COMMAND\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)


@pytest.mark.parametrize("command", MINE)
def test_every_default_is_shown(command: str, run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each flag that takes a value."""
    monkeypatch.setenv("COLUMNS", "1000")
    options = run(command, "--help").out.partition("options:\n")[2].partition("\n\n")[0]
    rows = [row for row in re.split(r"\n  (?=-)", options) if re.match(r"--[\w-]+ \S", row)]
    assert len(rows) >= 3, options
    assert [row for row in rows if "(default: " not in row] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["srve"], ["there is no command 'srve'", "did you mean serve?", "mockserver --help"]),
        (["frobnicate"], ["the commands are init, serve"]),
        (["--port", "80", "serve"], ["--port stands before the command"]),
        (["serve", "--prot", "99"], ["there is no flag --prot", "did you mean --port?", "mockserver serve --help"]),
        (["serve", "--prot=99"], ["there is no flag --prot\n", "did you mean --port?"]),
        (["serve", "--no-magicids"], ["did you mean --no-magic-ids?", "mockserver serve --help"]),
        (["serve", "-p", "9000"], ["there is no flag -p", "did you mean --port or --pure?"]),
        (["serve", "9000"], ["unexpected '9000'", "mockserver serve --help"]),
        (["fixtures", "--coutn", "3"], ["did you mean --count?", "mockserver fixtures --help"]),
        (["fixtures", "generate", "--count", "x"], ["--count: invalid int value: 'x'", "mockserver fixtures --help"]),
        (["sign", "--secret-env", "A", "--secret-file", "b"], ["not allowed with"]),
        (["try"], ["PATCH.json", "mockserver try --help"]),
    ],
    ids=shown,
)
def test_wrong_usage_names_what_was_meant(words: list[str], expected: list[str], run: Callable[..., Done]) -> None:
    """And the help of the very command."""
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert [text for text in expected if text not in done.err] == []


@pytest.mark.parametrize("seed", ["-5", "7"])
def test_a_negative_number_is_no_flag(seed: str, run: Callable[..., Done]) -> None:
    """Any whole number is a seed."""
    assert run("check", "--seed", seed).code == 0


# -- how the command is called -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "path", "expected"),
    [
        (".venv/bin/mockserver", "/usr/bin", ".venv/bin/mockserver"),
        ("{folder}/.venv/bin/mockserver", "/usr/bin", ".venv/bin/mockserver"),
        ("{folder}/.venv/bin/mockserver", "{folder}/.venv/bin:/usr/bin", "mockserver"),
        ("{folder}/.venv/bin/mockserver", "{folder}/other:{folder}/.venv/bin", ".venv/bin/mockserver"),
        ("/opt/my tools/mockserver", "/usr/bin", "'/opt/my tools/mockserver'"),
        ("./mockserver", "/usr/bin", "./mockserver"),
        ("{folder}/mockserver/__main__.py", "/usr/bin", "some/python -m mockserver"),
        ("/usr/bin/pytest", "/usr/bin", "mockserver"),
    ],
)
def test_hints_call_the_command_as_it_was_started(
    script: str, path: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its bare name only if the PATH leads to this one."""
    for folder in (".venv/bin", "other"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "mockserver").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path.format(folder=tmp_path))
    monkeypatch.setattr(sys, "argv", [script.format(folder=tmp_path)])
    monkeypatch.setattr(sys, "orig_argv", ["some/python", "-m", "mockserver"])
    assert invocation() == expected


def test_examples_and_hints_can_be_pasted(run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `mockserver` alone would not be found."""
    monkeypatch.setattr(sys, "argv", ["/opt/venv/bin/mockserver"])
    monkeypatch.setenv("PATH", "/usr/bin")
    assert "\n  /opt/venv/bin/mockserver sign --client" in run("sign", "--help").out
    assert '"Authorization: $(/opt/venv/bin/mockserver sign)"' in run("sign", "--help").out
    assert "see /opt/venv/bin/mockserver serve --help" in run("serve", "--prot").err


# -- machines, and hostile words ---------------------------------------------------------------------------------------


HOSTILE: dict[str, list[str]] = {
    "no patch": ["try", ""],
    "a directory": ["try", "."],
    "half a profile": ["try", "patch.json", "--profile", "ACME01/CRM"],
    "an empty profile": ["try", "patch.json", "--profile", "//"],
    "blanks for a profile": ["try", "patch.json", "--profile", " / / "],
    "a long profile": ["try", "patch.json", "--profile", "a/b/" + "c" * 100_000],
    "dots": ["try", "patch.json", "--profile", "../../../etc/passwd"],
    "a strange type": ["try", "patch.json", "--content-type", "image/png"],
    "a type with a line break": ["try", "patch.json", "--content-type", "a/b\r\nX: y"],
    "an XML patch that isn't": ["try", "patch.json", "--content-type", "application/xml"],
    "not UTF-8": ["sign", "--client", "\udcff"],
    "NUL": ["try", "a\0b"],
    "NUL in a flag": ["check", "--fixtures", "a\0b"],
    "an unknown client": ["sign", "--client", "NOBODY"],
    "an empty client": ["sign", "--client", ""],
    "an unknown hash": ["sign", "--algorithm", "MD5"],
    "no such variable": ["sign", "--secret-env", "NO_SUCH_VARIABLE"],
    "an impossible variable": ["sign", "--secret-env", "="],
    "a key file that is a directory": ["sign", "--secret-file", "."],
    "no time": ["sign", "--explain", "x", "--now", "yesterday"],
    "an empty time": ["sign", "--explain", "x", "--now", ""],
    "an empty header": ["sign", "--explain", ""],
    "a long header": ["sign", "--explain", "PNAUTHINFO3-HMAC-SHA256 " + "=" * 100_000],
    "an impossible date": [
        "sign",
        "--explain",
        "PNAUTHINFO3-HMAC-SHA256 Credential=a/9999-99-99T99:99:99Z Signature=x",
    ],
    "a far date": ["sign", "--explain", "PNAUTHINFO3-HMAC-SHA256 Credential=a/9999-12-31T23:59:59-14:00 Signature=x"],
    "no fixtures": ["check", "--fixtures", ""],
    "fixtures that are a file": ["check", "--fixtures", "patch.json"],
    "a contract that is a directory": ["check", "--contract", "."],
    "a contract that is JSON of another kind": ["check", "--contract", "patch.json"],
    "a configuration that is a directory": ["check", "--config", "."],
    "a huge number": ["serve", "--port", "9" * 5000],
    "a number in other digits": ["serve", "--port", "٨٠٨٠"],
    "a negative port": ["serve", "--port", "-1"],
    "a long host": ["serve", "--host", "a" * 70 + ".x", "--port", "0"],
    "no host": ["serve", "--host", "", "--port", "0"],
    "a host with blanks": ["serve", "--host", "a b", "--port", "0"],
    "a broken store": ["serve", "--store", "http://[", "--port", "0"],
    "a broken redis": ["serve", "--store", "redis://[", "--port", "0"],
    "a store without an address": ["serve", "--store", "redis", "--port", "0"],
    "a fault that isn't": ["serve", "--fault", "\x1b[31m", "--port", "0"],
    "an empty secret": ["serve", "--admin-token", " ", "--port", "0"],
    "a negative count": ["fixtures", "generate", "--count", "-1"],
    "an unknown locale": ["fixtures", "generate", "--locale", "tlh"],
    "a folder that isn't there": ["fixtures", "generate", "--count", "1", "--out", "nowhere/x.ndjson"],
    "a folder to write to": ["fixtures", "generate", "--count", "1", "--out", "."],
    "an empty command": [""],
    "a flag and nothing": ["-"],
    "a percent sign": ["%s"],
    "a port of letters": ["doctor", "--port", "http"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words(name: str, run: Callable[..., Done], patch_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """End in a sentence and the exit code of a refusal."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    done = run(*HOSTILE[name])
    assert done.code in (1, 2), done
    assert (done.out + done.err).strip()
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize(
    "body", ["", "null", "7", "[7]", "[null]", '{"op": 1}', "[" * 5000, '[{"op": [], "path": {}}]']
)
@pytest.mark.parametrize("dialect", ["vendor", "library", "rfc6902"])
def test_hostile_patches(body: str, dialect: str, run: Callable[..., Done], tmp_path: Path) -> None:
    """Are answered as the API answers them."""
    (tmp_path / "p.json").write_text(body, encoding="utf-8")
    done = run("try", "p.json", "--dialect", dialect)
    assert done.code == 1
    assert done.out.startswith(("400 ", "500 "))


def test_a_terminal_without_the_letters() -> None:
    """Prints what it can."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for words in (["sign", "--help"], ["try", "-", "--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "mockserver", *words], cwd=ROOT, env=environment, input=b"[]",
            capture_output=True, check=False,
        )  # fmt: skip
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
        assert done.stdout.isascii()
    assert json.loads(done.stdout)["status"] == 200
