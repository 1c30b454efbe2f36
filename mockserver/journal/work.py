"""How much one request of the control surface may compute: steps of about a microsecond, counted as they are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.errors import BoundReached, UsageError

_DEFAULT: Final = 5_000_000
_DEEPEST: Final = 100
_VALUE: Final = 5
_REGEX: Final = 50_000  # to compile it; and so no request has more than a hundred
_REGEX_FIELDS: Final = frozenset({"matches", "doesNotMatch", "urlPattern", "urlPathPattern"})


class Work:
    """The steps that a request has left."""

    __slots__ = ("_limit", "left")

    def __init__(self, limit: int = _DEFAULT) -> None:
        self.left = self._limit = limit

    def spend(self, steps: int) -> None:
        """Take steps; raise BoundReached where there are no more."""
        self.left -= steps
        if self.left < 0:
            problem = f"The request would take more than {self._limit} steps."
            raise BoundReached("max_control_work", problem, "Ask for less at a time, empty the journal,")

    def spend_on_reading(self, spec: Any) -> None:
        """Take the steps that it takes to compile a pattern or several; raise UsageError for one without a bottom."""
        level = [spec]
        for _ in range(_DEEPEST):
            self.spend(_VALUE * len(level))
            inner: list[Any] = []
            for value in level:
                if isinstance(value, Mapping):
                    self.spend(_REGEX * len(_REGEX_FIELDS & value.keys()))
                    inner.extend(value.values())
                elif isinstance(value, list):
                    inner.extend(value)
            if not inner:
                return
            level = inner
        raise UsageError(f"is nested more than {_DEEPEST} levels deep", place="the request", hint="write it as text")
