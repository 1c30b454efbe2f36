"""Which requests are answered in the background."""

from __future__ import annotations

import pytest

from mockserver.web.fastpath import takes_long

PATCH = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


@pytest.mark.parametrize(
    ("path", "size", "expected"),
    [
        pytest.param(PATCH, None, False, id="read"),
        pytest.param(PATCH, 16 * 1024, False, id="patch-at-the-bound"),
        pytest.param(PATCH, 16 * 1024 + 1, True, id="patch-above-it"),
        pytest.param("/__admin/faults", 100, False, id="add-a-fault"),
        pytest.param("/__admin/faults", 100_000, True, id="add-a-large-fault"),
        pytest.param("/__admin/faults/plan", None, True, id="plan"),
        pytest.param("/__admin/requests", None, True, id="list-requests"),
        pytest.param("/__admin/requests.har", None, True, id="har"),
        pytest.param("/__admin/requests/find", 20, True, id="find"),
        pytest.param("/__admin/verify", 20, True, id="verify"),
        pytest.param("/__admin/try", 20, True, id="try"),
        pytest.param("/__admin/profiles", None, True, id="list-profiles"),
        pytest.param("/__admin/profiles/ACME01/CRM/C-1", None, False, id="one-profile"),
        pytest.param("/__admin/health", None, False, id="health"),
        pytest.param("/__admin/reset", None, False, id="reset"),
        pytest.param("/metrics", None, True, id="metrics"),
        pytest.param("/__admin/reasons/test-failed", None, True, id="reason"),
        pytest.param("/ACME01/Tags", None, True, id="tags"),
        pytest.param("/profiles/ACME01~blue/tags/", None, True, id="tags-written-otherwise"),
    ],
)
def test_what_takes_long(path: str, size: int | None, expected: bool) -> None:
    """By the place and the size of the body, before a byte of it is read."""
    environ = {"PATH_INFO": path, **({} if size is None else {"CONTENT_LENGTH": str(size)})}
    assert takes_long(environ) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("view=rows&limit=150", False, id="few"),
        pytest.param("view=rows&limit=150&since=0000002a&wait=20&namespace=blue", False, id="few-after-one"),
        pytest.param("view=rows&limit=1500", True, id="many"),
        pytest.param("view=rows&limit=150&all=true", True, id="of-every-world"),
        pytest.param("limit=150", True, id="whole-entries"),
    ],
)
def test_a_few_rows_do_not(query: str, expected: bool) -> None:
    """What the workbench asks for under load is answered where it comes in."""
    assert takes_long({"PATH_INFO": "/__admin/requests", "QUERY_STRING": query}) is expected
