"""The contract is compiled once, as modules are: never stale, and never needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.service import assembly
from mockserver.service.assembly import load_contract


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a contract that is ours, in a directory of its own."""
    monkeypatch.setattr(assembly, "shipped", lambda name: tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "openapi.yaml"
    path.write_text("info: {title: First}\n", encoding="utf-8")
    return path


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the list of what was parsed."""
    seen, parse = list[Path](), assembly._parsed

    def noted(text: bytes, path: Path) -> Any:
        seen.append(path)
        return parse(text, path)

    monkeypatch.setattr(assembly, "_parsed", noted)
    return seen


def spoil(compiled: Path) -> None:
    compiled.write_bytes(compiled.read_bytes()[:-3])


def test_the_second_start_parses_nothing(shipped: Path, parsed: list[Path]) -> None:
    assert load_contract(shipped) == load_contract(shipped) == {"info": {"title": "First"}}
    assert parsed == [shipped]


def test_a_changed_contract_is_parsed_anew(shipped: Path, parsed: list[Path]) -> None:
    load_contract(shipped)
    shipped.write_text("info: {title: Other}\n", encoding="utf-8")
    assert load_contract(shipped) == {"info": {"title": "Other"}}
    assert len(parsed) == 2


@pytest.mark.parametrize("value", ["2026-05-01", "2026-05-01 12:00:00", ".inf"], ids=["date", "time", "infinity"])
def test_what_json_cant_say_is_parsed_each_time(shipped: Path, parsed: list[Path], value: str) -> None:
    """A compiled contract says the same as the one it was made from, or there is none."""
    shipped.write_text(f"info: {{version: {value}}}\n", encoding="utf-8")
    first = load_contract(shipped)
    assert load_contract(shipped) == first
    assert len(parsed) == 2


@pytest.mark.parametrize("damage", [spoil, Path.unlink], ids=["cut-off", "gone"])
def test_a_lost_compilation_is_made_anew(shipped: Path, parsed: list[Path], damage: Callable[[Path], Any]) -> None:
    load_contract(shipped)
    (compiled,) = (shipped.parent / "__pycache__").iterdir()
    damage(compiled)
    assert load_contract(shipped) == {"info": {"title": "First"}}
    assert len(parsed) == 2


def test_nothing_is_written_beside_a_contract_of_somebody_else(shipped: Path, tmp_path: Path) -> None:
    other = tmp_path / "theirs" / "openapi.yaml"
    other.parent.mkdir()
    other.write_bytes(shipped.read_bytes())
    load_contract(other)
    assert [path.name for path in other.parent.iterdir()] == ["openapi.yaml"]


def test_nothing_is_written_where_python_may_not_either(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    load_contract(shipped)
    assert not (shipped.parent / "__pycache__").exists()


def test_a_directory_that_takes_no_files_is_no_problem(shipped: Path, parsed: list[Path]) -> None:
    (shipped.parent / "__pycache__").write_text("in the way", encoding="utf-8")
    assert load_contract(shipped) == load_contract(shipped) == {"info": {"title": "First"}}
    assert len(parsed) == 2
