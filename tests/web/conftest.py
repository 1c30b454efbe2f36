"""Clients of the control surface."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app


@pytest.fixture
def http_client(make_mock: Callable[..., Mock]) -> FlaskClient:
    """A client of a mock on the test fixtures: ACME01 has CRM/C-000417, and CRM/C-2 with the ProfileId 2."""
    return create_app(make_mock()).test_client()


@pytest.fixture
def demo() -> FlaskClient:
    """A client of a mock on the demo's fixtures."""
    return create_app(assemble(Settings(log="off"))).test_client()
