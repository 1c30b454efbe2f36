"""The server's own zone: what a PATCH makes of a date with an offset (docs/dialect.md, row C16)."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from mockserver.errors import UsageError
from tests.conftest import Client

# 10:00 at an offset of two hours is 08:00 UTC, which in July is 04:00 in New York.
SENT, IN_UTC, IN_NEW_YORK = "2024-07-05T10:00:00+02:00", "2024-07-05T08:00:00+00:00", "2024-07-05T04:00:00-04:00"


def patch(operation: str) -> str:
    return orjson.dumps([{"op": operation, "path": "/CustomerType", "value": SENT}]).decode()


@pytest.mark.parametrize("dialect", ["vendor", "library"])
@pytest.mark.parametrize(("zone", "stored"), [("UTC", IN_UTC), ("America/New_York", IN_NEW_YORK)])
def test_a_date_is_stored_in_the_servers_zone(
    call: Callable[..., Client], dialect: str, zone: str, stored: str
) -> None:
    """And a test for the same moment at any offset finds it."""
    client = call(server_zone=zone, dialect=dialect)
    assert orjson.loads(client(patch("replace"))[2])["CustomerType"] == stored
    assert client(patch("test"))[0] == 200


def test_a_refusal_shows_the_servers_time(call: Callable[..., Client]) -> None:
    """As .NET prints it."""
    _, _, body = call(server_zone="America/New_York")(patch("test"))
    assert orjson.loads(body)["Message"].endswith("is not equal to the test value '7/5/2024 4:00:00 AM'.")


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/NewYork", "did you mean America/New_York?"),
        ("../etc/passwd", "there is no time zone '../etc/passwd'"),
        ("America", "there is no time zone 'America'"),
        ("", "write a name of the IANA database, or UTC"),
    ],
    ids=["misspelt", "a path", "a folder", "nothing"],
)
def test_no_server_starts_in_an_unknown_zone(call: Callable[..., Client], zone: str, words: str) -> None:
    """It says which one may be meant."""
    with pytest.raises(UsageError) as caught:
        call(server_zone=zone)
    assert words in str(caught.value)


def test_the_strict_dialect_knows_no_dates(call: Callable[..., Client]) -> None:
    """A text stays the text that it is."""
    client = call(server_zone="America/New_York", dialect="rfc6902")
    assert orjson.loads(client(patch("replace"))[2])["CustomerType"] == SENT
