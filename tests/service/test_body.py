"""From a request's body to operations: what the formats' readers leave to the service."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mockserver.service.assembly import Mock
from tests.conftest import Client

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("body", "vendor", "library"),
    [
        ("operations=[]", 400, 500),
        ("a=b&OPERATIONS", 400, 500),
        ("%6fperations[]=x", 400, 500),
        ("operations[0].op=add", 400, 500),
        ("Operations[0][op]=add", 400, 500),
        ("operations[1].op=add&operations.op=add", 200, 200),
        ("a=operations", 200, 200),
        ("[]", 200, 200),
        ('[{"op":"add","path":"/CustomerType","value":"A&B"}]', 400, 400),
        ("a]=1&b]c[d]e=1", 200, 200),
    ],
)
def test_a_form(make_mock: Callable[..., Mock], body: str, vendor: int, library: int) -> None:
    """Row H9: no operations, unless a field claims to be them."""
    statuses = [Client(make_mock(dialect=name))(body, content_type=FORM)[0] for name in ("vendor", "library")]
    assert statuses == [vendor, library]


@pytest.mark.parametrize(
    "body",
    ["[" + "," * 1_000_000, "[" + "{}," * 300_000 + "{}]", "[" + "'x'," * 200_000, "[" + " {} ,0x1," * 90_000],
    ids=["commas", "objects", "texts", "lenient objects"],
)
def test_a_patch_over_the_bound_is_not_read_to_its_end(make_mock: Callable[..., Mock], body: str) -> None:
    """What stands behind the bound is no reason to keep others waiting."""
    status, headers, answer = Client(make_mock())(body)
    assert (status, headers["X-Mock-Explain"]) == (400, "too-many-operations")
    assert json.loads(answer) == {"Message": "The request has too many operations."}
