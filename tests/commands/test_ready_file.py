"""The ready file: whole, private, through no link, and gone with its server."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mockserver.commands.ready_file import ReadyFile
from mockserver.errors import UsageError


def test_it_is_private_and_leaves_nothing_else(tmp_path: Path) -> None:
    ready = ReadyFile(tmp_path / "ready.json")
    ready.write(b"first")
    ready.write(b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("ready.json", b"second")]
    assert stat.S_IMODE(ready.path.stat().st_mode) == 0o600
    ready.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    """What it points to keeps its content and its place."""
    precious, link = tmp_path / "precious", tmp_path / "ready.json"
    precious.write_text("keep", encoding="utf-8")
    link.symlink_to(precious)
    ready = ReadyFile(link)
    ready.write(b"{}")
    assert (link.is_symlink(), precious.read_text(encoding="utf-8")) == (False, "keep")
    ready.remove()
    assert (link.exists(), precious.exists()) == (False, True)


def test_the_file_of_another_server_stays(tmp_path: Path) -> None:
    """Also one that took the place of ours, or a link that leads to ours."""
    path = tmp_path / "ready.json"
    first, second = ReadyFile(path), ReadyFile(path)
    first.write(b"first")
    second.write(b"second")
    first.remove()
    assert path.read_bytes() == b"second"
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    second.remove()
    assert path.is_symlink()


def test_one_that_was_never_written_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    ready = ReadyFile(path)
    path.write_bytes(b"theirs")
    ready.remove()
    assert path.exists()


def test_its_temporary_name_can_not_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writes use two names, and a place that can't be written is a usage error that leaves nothing behind."""
    seen: list[str] = []

    def refuse(self: Path, target: Path) -> None:
        seen.append(self.name)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    for _ in range(2):
        with pytest.raises(UsageError, match="Permission denied"):
            ReadyFile(tmp_path / "ready.json").write(b"{}")
    assert len(set(seen)) == 2
    assert not any(str(os.getpid()) == name.rpartition(".")[2] for name in seen)
    assert list(tmp_path.iterdir()) == []
