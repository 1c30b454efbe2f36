"""Settings: one table, four sources in order, and refusals that name the nearest valid form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.settings import FIELDS, Settings, load_settings, read_settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    """Each source is overridden by the one before it."""
    config = tmp_path / "mockserver.toml"
    config.write_text('seed = 1\nport = 1\ndialect = "library"\n', encoding="utf-8")
    environment = {"MOCKSERVER_SEED": "2", "MOCKSERVER_PORT": "2", "OTHER": "x"}
    settings = load_settings({"seed": "3"}, environment, config)
    assert (settings.seed, settings.port, settings.dialect, settings.auth) == (3, 2, "library", "strict")


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        ({"dialect": "vndor"}, {}, "did you mean vendor?"),
        ({}, {"MOCKSERVER_DIALCT": "vendor"}, "did you mean MOCKSERVER_DIALECT?"),
        ({"port": "70000"}, {}, "from 0 to 65535"),
        ({"port": "http"}, {}, "digits only"),
        ({"pure": "perhaps"}, {}, "true or false"),
        ({"workers": "2"}, {}, "--store redis://"),
        ({"tls_cert": "a.pem"}, {}, "tls_cert without tls_key"),
        ({"tls_key": "a.pem"}, {}, "tls_key without tls_cert"),
        ({"tls_cert": "a", "tls_key": "b", "tls_flaw": "expired"}, {}, "can't be made expired"),
        ({"tls_flaw": "wrong-nam"}, {}, "did you mean wrong-name"),
        ({"store": "postgres://x"}, {}, "redis://127.0.0.1"),
        ({"max_body": "0"}, {}, "at least 1"),
        ({"unknown_profile": "500"}, {}, "404 | 400"),
        ({"store": "redis"}, {}, "redis://127.0.0.1"),
        ({"store": "memory://"}, {}, "redis://127.0.0.1"),
        ({"store": "http://[x"}, {}, "redis://127.0.0.1"),
        ({"host": "a" * 70}, {}, "0.0.0.0"),
        ({"host": ""}, {}, "0.0.0.0"),
        ({}, {"MOCKSERVER_HOST": "\udcff"}, "not UTF-8"),
    ],
)
def test_what_cannot_be_used_is_refused(flags: dict[str, Any], environment: dict[str, str], message: str) -> None:
    """Exit code 2, with what to write instead."""
    with pytest.raises(UsageError) as caught:
        load_settings(flags, environment)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed = ", "mockserver.toml:1: not valid TOML"),
        ("seed = 1\nport = \npure = true", "mockserver.toml:2: not valid TOML"),
        ("sed = 1", "mockserver.toml:1: sed: there is no setting 'sed'\n  did you mean seed?"),
        ("fault = 5", "list"),
        ("\n\n  fixtures = 5", "mockserver.toml:3: fixtures: 5 is not a text"),
        ('contract = ["x"]', "is not a text"),
        ("host = {a = 1}", "is not a text"),
        (
            "\n[server]\nport = 1",
            "mockserver.toml:2: server: there is no setting 'server'\n  write the settings at the top",
        ),
        ("server.port = 1", "mockserver.toml:1: server"),
        ("'magic-ids' = 'x'", "mockserver.toml:1: magic-ids"),
        ('fixtures = "a\\u0000b"', "not UTF-8"),
        ("seed = 1\nseed = 2", "mockserver.toml:2: not valid TOML"),
    ],
)
def test_a_bad_configuration_file(tmp_path: Path, content: str, message: str) -> None:
    """File and setting are named."""
    config = tmp_path / "mockserver.toml"
    config.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_settings({}, {}, config)
    assert message in str(caught.value)
    assert "mockserver.toml" in str(caught.value)


def test_a_missing_configuration_file(tmp_path: Path) -> None:
    """A file that was asked for must be there."""
    with pytest.raises(UsageError):
        load_settings({}, {}, tmp_path / "absent.toml")


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """In one error, each with its place, in the order of the sources."""
    config = tmp_path / "mockserver.toml"
    config.write_text('port = "http"\ndialct = 1\n', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_settings({"auth": "of"}, {"MOCKSERVER_SEED": "x"}, config)
    lines = str(caught.value).splitlines()
    assert lines[0] == "4 settings can't be used:"
    places = [line.partition(" ")[0].rstrip(":") for line in lines[1::2]]
    assert places == [f"{config}:1", f"{config}:2", "MOCKSERVER_SEED", "--auth"]


def test_what_can_be_used_is_used(tmp_path: Path) -> None:
    """A wrong value leaves the one below it in force; conflicts are found as well."""
    config = tmp_path / "mockserver.toml"
    config.write_text("seed = 4\nworkers = 2\n", encoding="utf-8")
    settings, problems = read_settings({"seed": "x"}, {}, config)
    assert settings.seed == 4
    assert [problem.place for problem in problems] == ["--seed", f"{config}:2: workers"]


@pytest.mark.parametrize("value", [12345, ["hunter2"], " "])
def test_a_refused_secret_is_not_shown(value: Any) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(UsageError) as caught:
        load_settings({"admin_token": value}, {})
    assert "12345" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "faults"), [("500; reset every=5", ("500", "reset every=5")), ("", ()), (["a", "b"], ("a", "b"))]
)
def test_several_faults(text: Any, faults: tuple[str, ...]) -> None:
    """A list, or one text with semicolons."""
    assert load_settings({"fault": text}, {}).fault == faults


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_documented(name: str) -> None:
    """The settings page has a row for each."""
    assert f"`{name}`" in SETTINGS_PAGE


def test_settings_are_frozen() -> None:
    """Nothing changes them while the server runs."""
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]
