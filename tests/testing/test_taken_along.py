"""Requests of the journal as tests of one's own: each does again what was seen, in another world."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from urllib.request import urlopen

import pytest

from mockserver.testing import MockServer, MyPreferences

PATH = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
PATCH = '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'
SIGNED_BADLY = "PNAUTHINFO3-HMAC-SHA256 Credential=editor@acme.example/2026-01-31T12:00:00Z Signature=AAAA"

SENT = {
    "a change": ("PATCH", PATH, {}, ""),
    "no header": ("PATCH", PATH, {"Authorization": None}, ""),
    "another scheme": ("PATCH", PATH, {"Authorization": "Basic abc"}, ""),
    "no scheme": ("PATCH", PATH, {"Authorization": "once upon a time"}, ""),
    "an old signature": ("PATCH", PATH, {"Authorization": SIGNED_BADLY}, ""),
    "a clientId with a world": ("PATCH", PATH.replace("ACME01", "ACME01~other"), {}, ""),
    "an unknown profile": ("PATCH", PATH.replace("417", "%2F~7"), {}, ""),
    "a fault of its own": ("PATCH", PATH, {"X-Mock-Fault": "500 after-commit"}, ""),
    "a reset of its own": ("PATCH", PATH, {"X-Mock-Fault": "reset"}, ""),
    "a planned failure": ("PATCH", PATH, {}, "502 message='Bad day' after-commit"),
    "a planned 401": ("PATCH", PATH, {}, "401"),
    "a planned end": ("PATCH", PATH, {}, "truncate"),
    "a planned delay": ("PATCH", PATH, {}, "delay=1"),
    "a magic id": ("PATCH", PATH.replace("C-000417", "fault-503"), {}, ""),
    "a read": ("GET", PATH, {"Accept": "application/xml"}, ""),
}


@pytest.mark.parametrize(("method", "target", "headers", "fault"), SENT.values(), ids=SENT)
def test_a_request_taken_along_does_the_same(
    mypreferences: MyPreferences,
    mypreferences_server: MockServer,
    method: str,
    target: str,
    headers: Mapping[str, str | None],
    fault: str,
) -> None:
    """Also where it was refused, or a fault struck."""
    if fault:
        mypreferences.fault(fault)
    client = mypreferences.client(client="ACME01~other" if "~other" in target else None)
    with suppress(OSError, HTTPException):
        client.request(method, target, PATCH, headers={"Content-Type": "application/json", **headers})
    (seen,) = mypreferences.requests
    with urlopen(f"{mypreferences.url}/__admin/requests/{seen.id}/pytest?namespace={mypreferences.world}") as answer:
        text = answer.read().decode()
    names: dict[str, object] = {}
    exec(text, names)
    copied = next(value for name, value in names.items() if name.startswith("test_"))
    with mypreferences_server.world("taken along") as world:
        copied(world)  # type: ignore[operator]
        (again,) = world.requests
    assert (again.status, again.connection) == (seen.status, seen.connection)
    assert [change.path for change in again.changes] == [change.path for change in seen.changes]
