"""A machine without a real Redis is told so, and on CI that is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state import redis_servers
from tests.state.redis_servers import NOT_TESTED, RealServer


@pytest.mark.parametrize(("ci", "ends_as"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_what_needs_a_real_redis_is_skipped_but_fails_on_ci(
    ci: str, ends_as: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_servers, "binary", lambda: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ends_as, match=NOT_TESTED):
        RealServer(tmp_path)
