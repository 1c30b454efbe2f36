"""A stand-in for the real API for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.verify.target import run_lock
from tests.verify.target.fake_vendor import FakeVendor


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


@pytest.fixture(autouse=True)
def locks(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory of locks in place of the user's, which all suites on this machine share."""
    place = tmp_path_factory.mktemp("locks") / "of-a-user"
    monkeypatch.setattr(run_lock, "lock_dir", lambda: place)
    return place
