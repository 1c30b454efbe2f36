"""The command line as its users meet it: answers, refusals, exit codes, and never a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mockserver.cli import COMMANDS, invocation, main
from mockserver.commands.difference import difference
from mockserver.commands.doctor import OPTIONAL
from mockserver.commands.running import make_server
from mockserver.package import pip_install
from mockserver.service.assembly import Mock

ROOT = Path(__file__).parents[2]
MINE = ("serve", "sign", "check", "try", "doctor", "fixtures")
PATCH = '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'


def shown(value: Any) -> str:
    """Return a readable id for words, codes and expectations."""
    return " ".join(value) if isinstance(value, list) else str(value)


class Done(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Done]:
    """Run a command in this process, in a folder and an environment that hold nothing of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MOCKSERVER_")]:
        monkeypatch.delenv(name)

    def start(*words: object) -> Done:
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Done(code, *capsys.readouterr())

    return start


@pytest.fixture
def patch_file(tmp_path: Path) -> Path:
    path = tmp_path / "patch.json"
    path.write_text(PATCH, encoding="utf-8")
    return path


# help and usage


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
        (["frobnicate"], ["the commands are serve, sign"]),
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


# how the command is called


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


# sign


def test_a_signature_is_explained_as_valid(run: Callable[..., Done]) -> None:
    """What sign prints, sign accepts."""
    header = run("sign", "--timestamp", "2026-01-31T12:00:00Z").out.strip()
    done = run("sign", "--explain", header, "--now", "2026-01-31T12:01:00Z")
    assert (done.code, done.out.partition(":")[0]) == (0, "valid")


def test_a_bearer_token_is_no_signature(run: Callable[..., Done]) -> None:
    """Where tokens come from is said instead of how to sign."""
    done = run("sign", "--explain", "Bearer abc")
    assert done.code == 1
    assert "no signature" in done.out
    assert "POST /oauth/token" in done.out
    assert "PNAUTHINFO3" not in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["--now", "2026-01-31T12:00:00Z"],
        ["--explain", "x", "--timestamp", "2026-01-31T12:00:00Z"],
        ["--explain", "x", "--unkeyed"],
        ["--explain", "x", "--user", "editor@acme.example"],
        ["--explain", "x", "--secret-env", "KEY"],
        ["--explain", "x", "--algorithm", "SHA512"],
    ],
    ids=shown,
)
def test_a_flag_without_effect_is_refused(words: list[str], run: Callable[..., Done]) -> None:
    """By its name."""
    done = run("sign", *words)
    assert (done.code, done.out) == (2, "")
    assert f"{words[0] if words[0] == '--now' else words[2]}: " in done.err


# check


BAD_CONFIG = """# a comment
port = "http"
dialct = "vendor"
"magic-ids" = 7

[serve]
host = "x"
"""


def test_check_lists_the_problems_of_every_source(
    run: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File with line, environment and flags; and fixtures are still looked at."""
    config = tmp_path / "bad.toml"
    config.write_text(BAD_CONFIG, encoding="utf-8")
    monkeypatch.setenv("MOCKSERVER_WORKRS", "2")
    done = run("check", "--config", config, "--auth", "of", "--fixtures", "nowhere", "--fault", "999", "--json")
    rows = {row["file"]: (row["problem"], row["hint"]) for row in json.loads(done.out)["problems"]}
    assert done.code == 2
    assert list(rows) == [
        f"{config}:2: port",
        f"{config}:3: dialct",
        f"{config}:4: magic-ids",
        f"{config}:6: serve",
        "MOCKSERVER_WORKRS",
        "--auth",
        "nowhere",
    ]
    assert rows[f"{config}:3: dialct"][1] == "did you mean dialect?"
    assert "outside of any [table]" in rows[f"{config}:6: serve"][1]
    assert rows["MOCKSERVER_WORKRS"][1] == "did you mean MOCKSERVER_WORKERS?"
    assert "off" in rows["--auth"][1]


def test_check_lists_every_wrong_fault(run: Callable[..., Done]) -> None:
    """Not just the first."""
    done = run("check", "--fault", "999 nonsense", "--fault", "500", "--fault", "delay=x", "--json")
    assert done.code == 2
    assert len(json.loads(done.out)["problems"]) == 2


@pytest.mark.parametrize(
    ("written", "asked", "expected"),
    [
        (None, "nofile.toml", ["nofile.toml: can't read", "name a TOML file, or leave it out"]),
        ("seed = 1", "mokserver.toml", ["did you mean mockserver.toml?"]),
        ("seed = 1\nport = ", "mockserver.toml", ["mockserver.toml:2: not valid TOML", 'dialect = "library"']),
        ("\ufeffseed = 'x'", "mockserver.toml", ["mockserver.toml:1: seed: 'x' is not a whole number"]),
        ("a = " + "[" * 5000, "mockserver.toml", ["mockserver.toml: not valid TOML"]),
    ],
    ids=["no file", "nearly the name", "not TOML", "byte order mark", "nested deeply"],
)
def test_a_configuration_file_that_cannot_be_used(
    written: str | None, asked: str, expected: list[str], run: Callable[..., Done], tmp_path: Path
) -> None:
    """Each with what to write instead."""
    if written is not None:
        (tmp_path / "mockserver.toml").write_text(written, encoding="utf-8")
    done = run("check", "--config", asked)
    assert done.code == 2
    assert [text for text in expected if text not in done.out] == []


def test_a_fine_configuration(run: Callable[..., Done]) -> None:
    """One line, and 0."""
    done = run("check")
    assert (done.code, done.out[:4], done.err) == (0, "ok: ", "")


@pytest.mark.parametrize(
    "schema",
    [
        "{type: object, properties: {A: {type: 5}}}",
        '{type: object, properties: {A: {$ref: "#/components/schemas/UserProfile"}}}',
        "{type: object, properties: 7}",
        "{type: []}",
    ],
)
@pytest.mark.parametrize("command", ["check", "doctor", "sign"])
def test_a_contract_that_cannot_be_followed(
    command: str, schema: str, run: Callable[..., Done], tmp_path: Path
) -> None:
    """Is named, and what to start from."""
    contract = tmp_path / "bad.yaml"
    body = schema.replace("{", "{xml: {namespace: x}, ", 1)
    contract.write_text(f"components: {{schemas: {{UserProfile: {body}}}}}", encoding="utf-8")
    done = run(command, "--contract", contract)
    assert done.code in (1, 2)
    assert "contracts/openapi.yaml" in done.out + done.err


# fixtures


def test_generating_says_what_was_written_where(run: Callable[..., Done], tmp_path: Path) -> None:
    """As JSON."""
    file = tmp_path / "many.ndjson"
    done = run("fixtures", "generate", "--count", 3, "--out", file, "--json")
    assert json.loads(done.out) == {"written": 3, "file": str(file)}
    assert len(file.read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(run: Callable[..., Done]) -> None:
    """Is a refusal too."""
    done = run("fixtures", "generate", "--count", 500, "--out", "/dev/full")
    assert (done.code, "No space left" in done.err) == (2, True)


def test_hints_name_packages_that_can_be_installed() -> None:
    """With this very Python; as what the project's extras ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name for names in project["optional-dependencies"].values() for name in names}
    assert set(OPTIONAL) == wanted
    assert pip_install("faker>=33") == f"{sys.executable} -m pip install 'faker>=33'"
    texts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mockserver").rglob("*.py"))
    assert set(re.findall(r'pip_install\("([^"]+)"\)', texts)) <= wanted


# try


def test_what_changed_is_shown_by_element(run: Callable[..., Done], tmp_path: Path) -> None:
    """As JSON, each element that came, went or is another."""
    patch = [
        {"op": "add", "path": "/Emails/-", "value": {"EmailAddress": "a@b.example"}},
        {"op": "remove", "path": "/ProfileTags/0"},
        *json.loads(PATCH),
    ]
    (tmp_path / "p.json").write_text(json.dumps(patch), encoding="utf-8")
    done = run("try", "p.json", "--profile", "ACME01/CRM/C-000417")
    assert done.code == 0
    shown = done.out.partition("would change:\n")[2]
    assert '  ~ /CustomerType "Customer" -> "Prospect"\n' in shown
    assert '  + /Emails/3 {"EmailAddressType": null, "EmailAddress": "a@b.example"' in shown
    assert '  - /ProfileTags/0 {"Name": "Rewards"}\n' in shown


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [1], ["+ /x/0 1"]),
        ([1, 2, 3], [2, 3], ["- /x/0 1"]),
        ([1, 2, 3], [1, 9, 2, 3], ["+ /x/1 9"]),
        ([{"a": 1}, {"b": 1}], [{"a": 2}], ["~ /x/0/a 1 -> 2", '- /x/1 {"b": 1}']),
        ([1, 1, 1], [1, 1], ["- /x/2 1"]),
        (None, [1], ["~ /x null -> [1]"]),
        (True, 1, ["~ /x true -> 1"]),
        ({"a": 1, "c": 3}, {"b": 2, "c": 3}, ["- /x/a 1", "+ /x/b 2"]),
        ("é\n", "è", ['~ /x "é\\n" -> "è"']),
        ([1], [1], []),
        ({"a": [1]}, {"a": [1]}, []),
        ("", "a" * 500, [f'~ /x "" -> "{"a" * 158}…']),
    ],
)
def test_a_difference(before: Any, after: Any, expected: list[str]) -> None:
    """What went has its old index, what came its new one."""
    assert list(difference(before, after, "/x")) == expected


def test_outcomes_of_a_refused_patch(run: Callable[..., Done], tmp_path: Path) -> None:
    """All or nothing: what came before is undone, what comes after was not reached."""
    patch = [*json.loads(PATCH), {"op": "remove", "path": "/ProfileId"}, *json.loads(PATCH)]
    (tmp_path / "p.json").write_text(json.dumps(patch), encoding="utf-8")
    done = run("try", "p.json")
    assert done.code == 1
    outcomes = [line.split(": ")[2] for line in done.out.splitlines() if re.match(r"  \d: ", line)]
    assert outcomes == ["undone", "refused", "not reached"]
    assert "changes nothing" not in done.out


@pytest.mark.parametrize(
    ("profile", "nearest"),
    [
        ("ACME01/CRM/C-000471", "ACME01/CRM/C-000417"),
        ("acme01/Salesforse/0035e00000frca1aaf", "ACME01/Salesforce/0035e00000FrCa1AAF"),
        ("GLOBX/CRM/C-000417", "GLOBEX/CRM/C-000417"),
        ("GLOBEX~world/CRM/C-000471", "GLOBEX/CRM/C-000417"),
    ],
)
def test_an_unknown_profile_names_the_nearest(
    profile: str, nearest: str, run: Callable[..., Done], patch_file: Path
) -> None:
    """As they are written in the fixtures, ready for --profile."""
    done = run("try", patch_file, "--profile", profile)
    assert done.code == 1
    assert nearest in done.out
    assert "GET /__admin" not in done.out
    assert "undone" not in done.out
    assert nearest in json.loads(run("try", patch_file, "--profile", profile, "--json").out)["nearest"]


# serve and doctor


@pytest.fixture
def occupied(make_mock: Callable[..., Mock]) -> Iterator[Callable[..., int]]:
    """Return the port of a running mock; settings as keywords."""
    running = []

    def start(**settings: Any) -> int:
        server = make_server(make_mock(port=0, **settings))
        server.start()
        running.append(server)
        return server.port

    yield start
    for server in running:
        server.stop()


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"status": "healthy", "message": "Wiremock is ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of another server that has a health page too."""
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("settings", [{}, {"admin_token": "a-token"}], ids=["open", "with a token"])
def test_a_mock_is_in_the_way(settings: dict[str, str], run: Callable[..., Done], occupied: Callable[..., int]) -> None:
    """Serving says so; for the doctor nothing is wrong."""
    port = occupied(**settings)
    done = run("serve", "--port", port)
    assert done.code == 2
    assert f"127.0.0.1:{port} is in use: a MyPreferences mock" in done.err
    assert "use --port 0 (make serve ARGS='--port 0')" in done.err
    examined = run("doctor", "--port", port)
    assert (examined.code, f"ok   port: 127.0.0.1:{port} is in use by a running mock" in examined.out) == (0, True)


def test_somebody_else_is_in_the_way(run: Callable[..., Done], stranger: int) -> None:
    """Is not taken for a mock of ours."""
    done = run("serve", "--port", stranger)
    assert done.err.splitlines() == [
        f"mockserver: 127.0.0.1:{stranger} is in use",
        "  use --port 0 (make serve ARGS='--port 0')",
    ]
    examined = run("doctor", "--port", stranger)
    assert (examined.code, f"BAD  port: 127.0.0.1:{stranger} is in use\n" in examined.out) == (1, True)


def test_a_silent_listener_is_in_the_way(run: Callable[..., Done]) -> None:
    """One that never answers keeps nobody waiting for long."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        done = run("serve", "--port", port)
    assert (done.code, done.err.splitlines()[0]) == (2, f"mockserver: 127.0.0.1:{port} is in use")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("{folder}/nonexist/x", "no such directory"),
        ("{folder}/patch.json/x", "not a directory"),
        ("{folder}", "is a directory"),
    ],
)
def test_a_ready_file_that_cannot_be_written(
    name: str, problem: str, run: Callable[..., Done], tmp_path: Path, patch_file: Path
) -> None:
    """Is refused by its flag before anything listens."""
    path = name.format(folder=tmp_path)
    done = run("serve", "--port", 0, "--ready-file", path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mockserver: --ready-file: {path}: {problem}\n")


def test_the_banner_calls_the_command_as_it_was_started() -> None:
    """Here by way of Python."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = next(line for line in process.stdout if "makes a new one" in line)
        process.terminate()
        process.stdout.read()
    assert f"`{sys.executable} -m mockserver sign` makes a new one" in printed
    assert process.returncode == 0


def test_the_doctor_names_wrong_settings_and_goes_on(run: Callable[..., Done]) -> None:
    """They are among what could be wrong."""
    done = run("doctor", "--port", 0, "--dialect", "vndor", "--json")
    findings = {row["what"]: row for row in json.loads(done.out)["findings"]}
    assert done.code == 1
    assert "did you mean vendor?" in findings["settings"]["hint"]
    assert findings["contract"]["ok"]


# machines, and hostile words


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
