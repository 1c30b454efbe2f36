"""Calling commands in this process, and a patch for them to read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.cli import main
from tests.commands.calling import PATCH, Done


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
