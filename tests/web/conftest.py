"""Clients of the control surface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app
from tests.web.document import answers


@pytest.fixture(autouse=True)
def every_answer_is_as_the_document_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold whatever the control surface answers in these tests against its OpenAPI document."""
    sent = FlaskClient.open

    def open_and_check(client: FlaskClient, *args: Any, **options: Any) -> TestResponse:
        answer = sent(client, *args, **options)
        assert answers.problems(answer) == []
        return answer

    answers.document()  # by a client that is not checked yet
    monkeypatch.setattr(FlaskClient, "open", open_and_check)


@pytest.fixture
def http_client(make_mock: Callable[..., Mock]) -> FlaskClient:
    """A client of a mock on the test fixtures: ACME01 has CRM/C-000417, and CRM/C-2 with the ProfileId 2."""
    return create_app(make_mock()).test_client()


@pytest.fixture
def demo() -> FlaskClient:
    """A client of a mock on the demo's fixtures."""
    return create_app(assemble(Settings(log="off"))).test_client()
