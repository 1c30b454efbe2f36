"""A stand-in for the real API for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verify.target.fake_vendor import FakeVendor


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server
