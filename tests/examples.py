"""How many examples a law is tried on: the same few each time, or ten times as many, drawn anew (`make thorough`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

THOROUGH = "THOROUGH" in os.environ


def many(few: int) -> int:
    """Return a number of examples."""
    return few * 10 if THOROUGH else few


def choose_profile() -> None:
    """Tell Hypothesis how to draw; no test fails because the machine is slow."""
    settings.register_profile(
        "of the tests",
        derandomize=not THOROUGH,
        max_examples=many(100),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    settings.load_profile("of the tests")
