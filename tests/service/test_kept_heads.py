"""Heads that are sent again: what was found out about them is kept, what depends on the moment is not."""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mockserver.auth.signing import issued_now, sign
from mockserver.faults.text import Known, from_text
from mockserver.service import door as vendor
from mockserver.service.assembly import Mock
from mockserver.settings import LONGEST_KEPT_HEAD
from tests.conftest import Client

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
USER = "editor@acme.example"
SIGNED = sign("ACME01", USER, "editor-test-key", issued_now(NOON))


@pytest.fixture
def signed(make_mock: Callable[..., Mock]) -> Client:
    """Return a client of a mock that checks signatures, at noon."""
    client = Client(make_mock(auth="strict"))
    client.mock.worlds.default.clock.freeze(NOON)
    return client


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, 200), (1, 200), (900, 200), (900.001, 401), (86_400, 401), (-0.001, 401)],
    ids=str,
)
def test_a_kept_signature_still_grows_old(signed: Client, seconds: float, status: int) -> None:
    """The time window is checked for each request, however often the head was good before."""
    assert [signed(authorization=SIGNED)[0] for _ in range(2)] == [200, 200]
    clock = signed.mock.worlds.default.clock
    clock.freeze(NOON + timedelta(seconds=seconds))
    assert signed(authorization=SIGNED)[0] == status
    clock.freeze(NOON)
    assert signed(authorization=SIGNED)[0] == 200


def test_a_signature_at_the_end_of_time(signed: Client) -> None:
    """A clock may stand so late that no date is left for the end of the time window."""
    late = datetime.max.replace(tzinfo=UTC, microsecond=0)
    signed.mock.worlds.default.clock.freeze(late)
    authorization = sign("ACME01", USER, "editor-test-key", issued_now(late))
    assert [signed(authorization=authorization)[0] for _ in range(2)] == [200, 200]


def test_a_refused_signature_is_refused_again(signed: Client) -> None:
    """Nothing that was found wrong is taken for good later, nor the other way round."""
    wrong = SIGNED[:-4] + "AAA="
    assert [signed(authorization=header)[0] for header in (wrong, SIGNED, wrong, SIGNED)] == [401, 200, 401, 200]


@pytest.mark.parametrize(
    ("first", "second", "statuses"),
    [
        ({}, {"target": Client.PROFILE.replace("C-000417", "C-2")}, (200, 200)),
        ({}, {"method": "PUT"}, (200, 405)),
        ({}, {"content_type": "text/plain"}, (200, 415)),
        ({}, {"host": "elsewhere.example"}, (200, 421)),
        ({}, {"x_mock_fault": "503"}, (200, 503)),
        ({}, {"target": Client.PROFILE.replace("ACME01", "NOBODY")}, (200, 404)),
    ],
    ids=["profile", "method", "content-type", "host", "fault", "client"],
)
def test_heads_that_differ_in_one_thing_are_told_apart(
    call: Callable[..., Client], first: dict[str, Any], second: dict[str, Any], statuses: tuple[int, int]
) -> None:
    client = call()
    for _ in range(2):
        assert (client("[]", **first)[0], client("[]", **second)[0]) == statuses


def test_a_world_of_its_own_for_each_header(call: Callable[..., Client]) -> None:
    """Two heads that differ in the world alone see two profiles."""
    client = call()
    for world in ("one", "two", "one", "two"):
        body = f'[{{"op": "replace", "path": "/CustomerType", "value": "{world}"}}]'
        assert f'"CustomerType":"{world}"'.encode() in client(body, x_mock_namespace=world)[2]
    for world in ("one", "two"):
        assert f'"CustomerType":"{world}"'.encode() in client("[]", x_mock_namespace=world)[2]


def test_a_fault_planned_later_strikes_a_kept_head(call: Callable[..., Client]) -> None:
    client = call()
    assert client("[]")[0] == 200
    client.mock.worlds.default.add_fault(from_text("503 first=1", known=Known()))
    assert [client("[]")[0] for _ in range(2)] == [503, 200]


def test_no_more_heads_are_kept_than_the_bound(call: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "KEPT_HEADS", 3)
    client = call()
    for number in range(10):
        assert client("[]", x_request_id=str(number % 5))[0] == 200
        assert len(client.door._heads) <= 3
    client("[]", x_request_id="x" * LONGEST_KEPT_HEAD)
    assert not any(len(head.headers.get("x-request-id", "")) > 1 for head in client.door._heads.values())


def test_no_long_target_is_kept(call: Callable[..., Client]) -> None:
    """A target counts like a header: by its length alone, heads of few headers would take hundreds of megabytes."""
    client = call()
    assert client("[]", target=Client.PROFILE + "?" + "x" * LONGEST_KEPT_HEAD)[0] == 200
    assert not client.door._heads


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_a_request_refused_by_the_door_names_its_profile_in_the_journal(
    call: Callable[..., Client], again: bool
) -> None:
    """As any other does: the journal's `key` is what the URL says, whoever answers."""
    client = call()
    for _ in range(1 + again):
        client("[]", method="PUT")
    assert client.mock.worlds.default.journal.entries(limit=1)[0].key == ("ACME01", "CRM", "C-000417")


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_a_patch_leaves_nothing_for_the_collector(signed: Client, accept: str) -> None:
    """What refers to itself stays until a collection, and takes the profile and the body along."""
    bodies = [f'[{{"op":"replace","path":"/Emails/0/EmailAddress","value":"{n}@a.example"}}]' for n in range(20)]
    [signed(body, authorization=SIGNED, accept=accept) for body in bodies]
    gc.collect()
    gc.disable()
    try:
        statuses = {signed(body, authorization=SIGNED, accept=accept)[0] for body in bodies}
        assert (statuses, gc.collect()) == ({200}, 0)
    finally:
        gc.enable()
