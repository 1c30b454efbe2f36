"""`mockserver check`: every problem of settings, faults, fixtures and contract, each with what to write instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.calling import Done

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
