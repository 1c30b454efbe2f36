"""A stand-in for the real API, and one mock for all comparisons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.verify.mock_process import local_mock
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.targets import Target
from tests.drift.comparing import Bench
from tests.verify.target.fake_vendor import CLIENT, KEY, READER_SECRET, SECRET, USER, FakeVendor


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


@pytest.fixture(scope="session")
def mock() -> Iterator[Target]:
    """One mock for all tests, described in the targets file: each comparison loads its profile anew."""
    other = Target("x", "http://127.0.0.1:1", CLIENT, Credential(USER, known=SECRET), ((CLIENT, *KEY),))
    with local_mock(other) as started:
        yield started


@pytest.fixture
def bench(
    vendor: FakeVendor,
    mock: Target,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    monkeypatch.setenv("FAKE_READER", READER_SECRET)
    monkeypatch.setenv("MOCK_SECRET", mock.credential.secret())
    return Bench(tmp_path, vendor, mock, capsys)
