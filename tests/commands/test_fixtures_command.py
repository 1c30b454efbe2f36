"""`mockserver fixtures`: profiles generated, and the packages that this needs."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.commands.doctor import OPTIONAL
from mockserver.package import pip_install
from tests.commands.calling import ROOT, Done


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


def test_an_environment_without_pip_is_told_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that uv makes have none."""
    monkeypatch.setitem(sys.modules, "pip", None)
    assert pip_install("faker>=33") == "uvx --with 'faker>=33' …, or uv tool install --with 'faker>=33' …"
