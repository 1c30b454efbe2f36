"""`mockserver verify` over a socket: exit codes, files, and plain Schemathesis against the mock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.cli import main
from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from tools.mutants.harness import CONTRACT, FIXTURES, ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A mock on a free port."""
    with make_server(assemble(Settings(fixtures=FIXTURES, contract=CONTRACT, port=0, log="off"))) as running:
        yield running


@pytest.mark.slow
def test_the_mock_is_started_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own for each dialect, as a user does it who names none."""
    junit = tmp_path / "junit.xml"
    assert main(["verify", "--only", "empty-patch", "--only", "xml-nil", "--junit", str(junit)]) == 0
    assert "6 held" in capsys.readouterr().out
    root = ElementTree.parse(junit).getroot()
    assert [suite.get("name") for suite in root] == ["rules", "rules-library", "rules-rfc6902"]
    assert root.get("tests") == "6"


@pytest.mark.slow
def test_every_rule_holds_over_a_socket(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run.json"
    code = main(["verify", "--target", server.url, "--stage", "rules", "--report", str(file)])
    assert code == 0, capsys.readouterr().out
    assert set(json.loads(file.read_text("utf-8"))["verdicts"]) == {"held"}
    assert json.loads(file.read_text("utf-8"))["verdicts"]["held"] > 200


OTHERWISE: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "the PATCH alone": (
        {"operations": "patch"},
        "serves the PATCH by alternate id alone",
        ["get-by-alternate-id", "method-other", "deactivate-hides"],
    ),
    "inactive profiles are found": (
        {"inactive": "found"},
        "an alternate id leads to an inactive profile",
        ["deactivate-hides", "patch-hides"],
    ),
    "both": (
        {"operations": "patch", "inactive": "found"},
        "serves the PATCH by alternate id alone",
        ["get-by-alternate-id", "deactivate-hides"],
    ),
    "another zone": ({"server_zone": "America/New_York"}, "zone is not UTC", ["dates-with-an-offset"]),
}


@contextmanager
def running(**settings: Any) -> Iterator[Server]:
    """Serve a mock with these settings on a free port."""
    with make_server(assemble(Settings(fixtures=FIXTURES, contract=CONTRACT, port=0, log="off", **settings))) as one:
        yield one


def test_the_dialect_of_a_running_mock_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless another one is named, which then is broken."""
    with running(dialect="library") as server:
        flags = ["verify", "--target", server.url, "--only", "dates-in-messages", "--only", "empty-patch"]
        assert main(flags) == 0
        assert "(dialect library)" in capsys.readouterr().out
        assert main([*flags[:3], "--dialect", "vendor", "--only", "get-by-alternate-id"]) == 1


@pytest.mark.parametrize("name", ["pure", "strict_worlds"])
def test_a_mock_that_keeps_no_worlds_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Cases would change what all share there, and find what others left."""
    with running(**{name: True}) as server:
        assert main(["verify", "--target", server.url, "--only", "add-text"]) == 2
    assert f"it runs with --{name.replace('_', '-')}" in capsys.readouterr().err


def test_settings_that_rules_speak_of_are_noted(capsys: pytest.CaptureFixture[str]) -> None:
    with running(auth="off", unknown_profile=400) as server:
        assert main(["verify", "--target", server.url, "--only", "empty-patch"]) == 0
    assert "note: it runs with auth = off, unknown_profile = 400" in capsys.readouterr().err


@pytest.mark.parametrize(("settings", "why", "left_out"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_a_mock_does_not_serve_is_left_out(
    settings: dict[str, Any], why: str, left_out: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And the report says why; what it does serve is asked for, walks and all."""
    rules = ["replace-flags", "allow-tells-the-methods", "empty-patch", *left_out]
    chosen = [word for rule in rules for word in ("--only", rule)]
    mock = assemble(Settings(fixtures=FIXTURES, contract=CONTRACT, port=0, log="off", **settings))
    with make_server(mock) as server:
        assert main(["verify", "--target", server.url, "--json", *chosen]) == 0
        cases = {case["id"]: case for case in json.loads(capsys.readouterr().out)["cases"]}
        assert main(["verify", "--target", server.url, "--stage", "model", "--max-examples", "4"]) == 0
    assert {cases[rule]["verdict"] for rule in left_out} == {"not verifiable"}
    assert why in " ".join(cases[left_out[0]]["problems"])
    assert cases["empty-patch"]["verdict"] == "held"


@pytest.mark.slow
def test_a_second_run_against_the_same_server_finds_the_same(server: Server) -> None:
    """No run sees what an earlier one left."""
    arguments = ["verify", "--target", server.url, "--stage", "model", "--max-examples", "3"]
    assert [main(arguments), main(arguments)] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--only", "empty-pach"], 2, "did you mean empty-patch?"),
        (["--target", "nobody"], 2, "there is no target 'nobody'"),
        (["--max-examples", "0"], 2, "at least 1"),
        (["--contract", "/nowhere.yaml"], 2, "/nowhere.yaml"),
        (["--fixtures", "/nowhere"], 2, "mockserver check"),
    ],
    ids=["rule", "target", "examples", "contract", "fixtures"],
)
def test_wrong_usage_ends_with_2_and_a_hint(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_url_elsewhere_is_refused_for_safety(capsys: pytest.CaptureFixture[str]) -> None:
    """What a URL names is changed without restraint, so it must be on this machine."""
    assert main(["verify", "--target", "https://pm.mypreferences.com/Profiles"]) == 4
    assert "targets.toml" in capsys.readouterr().err


def test_a_server_that_contradicts_its_dialect_is_broken(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The mock speaks `vendor`, the run expects `rfc6902`."""
    code = main(["verify", "--target", server.url, "--dialect", "rfc6902", "--only", "op-in-other-case"])
    assert code == 1
    assert "BROKEN" in capsys.readouterr().out


def test_a_server_that_is_not_there_is_not_ok(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--target", "http://127.0.0.1:9", "--only", "empty-patch"]) == 3
    assert "can't be reached" in capsys.readouterr().err


@pytest.mark.slow
def test_plain_schemathesis_passes_with_the_shipped_configuration(server: Server) -> None:
    """As contracts/schemathesis.toml says it, with few examples."""
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [schemathesis, "--config-file", ROOT / "contracts" / "schemathesis.toml", "run", CONTRACT]
    command += ["--url", server.url, "-H", f"Authorization: {_signature()}", "--max-examples", "3"]
    command += ["--phases", "examples,fuzzing", "--no-color", "--suppress-health-check", "too_slow"]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stdout[-3000:]


def _signature() -> str:
    from datetime import UTC, datetime

    from mockserver.verify.authorization import authorization
    from mockserver.verify.mock_bench import read_fixtures

    account = read_fixtures(FIXTURES).editors["ACME01"]
    return authorization(account, account.client_id, datetime.now(UTC))
