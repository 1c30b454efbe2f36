"""Settings: one table, four sources in order, and refusals that name the nearest valid form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import UsageError
from mockserver.settings import FIELDS, Settings, load_settings

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
        ({}, {"MOCKSERVER_DIALCT": "vendor"}, "did you mean dialect?"),
        ({"port": "70000"}, {}, "from 0 to 65535"),
        ({"port": "http"}, {}, "digits only"),
        ({"pure": "perhaps"}, {}, "true or false"),
        ({"workers": "2"}, {}, "--store redis://"),
        ({"store": "postgres://x"}, {}, "redis://127.0.0.1"),
        ({"max_body": "0"}, {}, "at least 1"),
        ({"unknown_profile": "500"}, {}, "404 | 400"),
    ],
)
def test_what_cannot_be_used_is_refused(flags: dict[str, Any], environment: dict[str, str], message: str) -> None:
    """Exit code 2, with what to write instead."""
    with pytest.raises(UsageError) as caught:
        load_settings(flags, environment)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "message"), [("seed = ", "not valid TOML"), ("sed = 1", "did you mean seed?"), ("fault = 5", "list")]
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
