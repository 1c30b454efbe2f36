"""URLs and methods as the vendor's stack takes them, beyond the recorded exchanges."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import Client

URL = Client.PROFILE


@pytest.mark.parametrize(
    ("target", "status", "keys"),
    [
        (f"{URL}///", 200, None),
        (URL.replace("Profile", "Profil%65").replace("AlternateIdType", "%41lternateIdType"), 200, None),
        (f"/%70rofiles{URL}", 200, None),
        (URL.replace("/Profile", "//Profile"), 404, None),
        (URL.replace("Profile", "Profile%2F"), 404, None),
        (f"{URL}?alternateId=C-000417&alternateId=other", 200, None),
        (f"{URL}?alternateId=other&alternateId=C-000417", 404, None),
        (f"{URL}?alternateId=", 400, ["alternateId.String"]),
        (f"{URL}?ALTERNATEIDTYPE=%20&alternateId", 400, ["alternateIdType.String", "alternateId.String"]),
        (f"{URL}?clientId=", 400, ["clientId.String"]),
    ],
)
def test_a_url(call: Callable[..., Client], target: str, status: int, keys: list[str] | None) -> None:
    """Row H11."""
    answer = call(dialect="library")(target=target)
    assert answer[0] == status
    state = {key: ["A value is required but was not present in the request."] for key in keys or ()}
    assert json.loads(answer[2]).get("ModelState", {}) == state


@pytest.mark.parametrize(("method", "status"), [("patch", 200), ("Patch", 200), ("get", 200), ("put", 405)])
def test_a_method_in_other_case(call: Callable[..., Client], method: str, status: int) -> None:
    """Row H12."""
    assert call()(method=method)[0] == status
