"""What the control surface offers: a test of a view that is fed by more waits until that is there."""

from __future__ import annotations

import pytest

from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app


def _paths() -> set[str]:
    answer = create_app(assemble(Settings(log="off"))).test_client().get("/__admin").get_json()
    return {endpoint["path"] for endpoint in answer["endpoints"]}


def needs(path: str) -> pytest.MarkDecorator:
    """Mark a test that needs an endpoint."""
    return pytest.mark.skipif(path not in PATHS, reason=f"the control surface has no {path} yet")


PATHS = _paths()
