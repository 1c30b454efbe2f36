"""What a refusal of the control surface says."""

from __future__ import annotations

from werkzeug.test import TestResponse


def refusal_of(answer: TestResponse, status: int) -> tuple[str, str]:
    """Return what a refusal says is wrong, and its hint."""
    assert answer.status_code == status, answer.data
    return answer.get_json()["error"], answer.get_json()["hint"]
