"""The how-to for pytest: each block of code runs as it stands, README's too; each setting and reason is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mockserver.web.app  # noqa: F401  shared with the run of pytest inside this process
from mockserver.story.provenance import UNSERVED
from mockserver.testing.unserved import NO_WORLD

pytest_plugins = ["pytester"]

HOW_TO = (Path(__file__).parents[2] / "docs" / "how-to-pytest.md").read_text(encoding="utf-8")
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    *re.findall(r"^```python\n(.*?)^```$", HOW_TO, re.MULTILINE | re.DOTALL),
    *re.findall(r"^```python\n(def test_.*?)^```$", README, re.MULTILINE | re.DOTALL),
]


def file_name(number: int, block: str) -> str:
    """Return the name that a block gives itself, else a test module's."""
    named = re.match(r"# (\w+\.py)\n", block)
    return named[1] if named else f"test_{number}.py"


def test_each_block_of_the_how_to_runs(pytester: pytest.Pytester) -> None:
    """In random order, warnings being errors."""
    for number, block in enumerate(BLOCKS):
        pytester.path.joinpath(file_name(number, block)).write_text(block, encoding="utf-8")
    pytester.syspathinsert()
    result = pytester.runpytest_inprocess("-W", "error", "--strict-markers")
    tests = len(re.findall(r"^ *def test_", HOW_TO + README, re.MULTILINE))
    assert tests > len(BLOCKS) / 2
    result.assert_outcomes(passed=tests)


def test_each_option_is_listed(pytester: pytest.Pytester) -> None:
    """The plugin's help and the how-to name the same options."""
    told = pytester.runpytest_inprocess("--help").stdout.str()
    options = set(re.findall(r"--mypreferences-[a-z-]+|mypreferences_[a-z_]+", told))
    assert len(options) == 14
    assert options == set(re.findall(r"--mypreferences-[a-z-]+|mypreferences_(?!server)[a-z_]+", HOW_TO))


@pytest.mark.parametrize("reason", [*UNSERVED, NO_WORLD])
def test_each_reason_that_fails_a_test_is_named(reason: str) -> None:
    """Nobody has to read code to know why a test failed by itself."""
    assert f"`{reason}`" in HOW_TO
