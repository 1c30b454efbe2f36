"""Signing and verifying requests: what is written, what is accepted, and who may do what."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mockserver.auth import signing as auth
from mockserver.auth.signing import Client, OAuthClient
from mockserver.errors import Forbidden, Unauthorized, UsageError
from tests.auth.verifying import ACME, JOHN, KEY, ODD, OLD_KEY, SLY, STAMP, UNABLE, signature_as_documented, verify

# -- signing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", auth.ALGORITHMS)
@pytest.mark.parametrize("secret", [KEY, "clé secrète", "x" * 200, ""], ids=["plain", "unicode", "long", "empty"])
def test_sign_writes_the_documented_keyed_header(algorithm: str, secret: str) -> None:
    """The header is scheme, Credential and Signature, one space apart; the signature is an HMAC in Base64."""
    expected = signature_as_documented("ACME", JOHN.user_id, secret, STAMP, algorithm)
    header = auth.sign("ACME", JOHN.user_id, secret, STAMP, algorithm=algorithm)
    assert header == f"PNAUTHINFO3-HMAC-{algorithm} Credential={JOHN.user_id}/{STAMP} Signature={expected}"


@pytest.mark.parametrize("algorithm", auth.ALGORITHMS)
def test_sign_writes_the_assumed_unkeyed_header(algorithm: str) -> None:
    """The un-keyed form hashes ClientId:UserId:Timestamp:SecretKey (assumed)."""
    digest = hashlib.new(algorithm, f"ACME:john:{STAMP}:{KEY}".encode()).digest()
    header = auth.sign("ACME", "john", KEY, STAMP, algorithm=algorithm, keyed=False)
    assert header == f"PNAUTHINFO3-{algorithm} Credential=john/{STAMP} Signature={base64.b64encode(digest).decode()}"


def test_sign_takes_the_algorithm_in_any_letter_case_and_names_the_ones_there_are() -> None:
    """An unknown algorithm is the caller's mistake, with a hint."""
    assert auth.sign("A", "u", KEY, STAMP, algorithm="sha512") == auth.sign("A", "u", KEY, STAMP, algorithm="SHA512")
    with pytest.raises(UsageError, match="unknown signature algorithm 'MD5'") as caught:
        auth.sign("A", "u", KEY, STAMP, algorithm="MD5")
    assert caught.value.hint == "write one of SHA256, SHA384, SHA512"


def test_issued_now_is_never_in_the_future() -> None:
    """Fractions are cut off, other zones become UTC."""
    tokyo = timezone(timedelta(hours=9))
    assert auth.issued_now(datetime(2024, 5, 1, 19, 0, 0, 999_999, tzinfo=tokyo)) == "2024-05-01T10:00:00Z"


# -- accepted headers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", auth.ALGORITHMS)
@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "unkeyed"])
@pytest.mark.parametrize("secret", [KEY, OLD_KEY], ids=["current-key", "previous-key"])
def test_verify_returns_the_user_who_signed(algorithm: str, keyed: bool, secret: str) -> None:
    """Every scheme works, and during a rotation both keys do."""
    assert verify(auth.sign("ACME", JOHN.user_id, secret, STAMP, algorithm=algorithm, keyed=keyed)) is JOHN


@pytest.mark.parametrize("scheme", ["pnauthinfo3-hmac-sha256", "PnAuthInfo3-Hmac-Sha256", "PNAUTHINFO3-HMAC-sha256"])
def test_the_scheme_is_case_insensitive(scheme: str) -> None:
    """Documented."""
    header = auth.sign("ACME", JOHN.user_id, KEY, STAMP)
    assert verify(header.replace("PNAUTHINFO3-HMAC-SHA256", scheme)) is JOHN


@pytest.mark.parametrize(
    "timestamp",
    [
        pytest.param("2024-05-01T10:00:00Z", id="utc"),
        pytest.param("2024-05-01T10:00:00", id="no-zone-is-utc"),
        pytest.param("2024-05-01T09:59:59.9Z", id="one-digit"),
        pytest.param("2024-05-01T09:59:59.667Z", id="milliseconds"),
        pytest.param("2024-05-01T09:59:59.667", id="milliseconds-no-zone"),
        pytest.param("2024-05-01T09:59:59.123456+00:00", id="python-isoformat"),
        pytest.param("2024-05-01T09:59:59.1234567Z", id="dotnet-round-trip"),
        pytest.param("2024-05-01T06:59:59.1234567-03:00", id="dotnet-round-trip-local"),
        pytest.param("2024-05-01T09:59:59.123456789Z", id="java-nanoseconds"),
        pytest.param("2024-05-01T10:00Z", id="no-seconds"),
        pytest.param("2024-05-01T13:00:00+03:00", id="offset"),
        pytest.param("2024-05-01T15:30:00+05:30", id="half-hour-offset"),
        pytest.param("2024-05-02T00:00:00+14:00", id="largest-offset"),
        pytest.param("2024-05-01T13:00:00+03", id="hour-offset"),
        pytest.param("2024-05-01T13:00:00+0300", id="offset-without-colon"),
        pytest.param("2024-05-01T09:45:00Z", id="exactly-15-minutes-old"),
    ],
)
def test_iso_8601_timestamps_are_read(timestamp: str) -> None:
    """What .NET programs, and others, print as ISO 8601; a missing zone is UTC (assumed)."""
    assert verify(auth.sign("ACME", JOHN.user_id, KEY, timestamp)) is JOHN


def test_white_space_around_the_header_does_not_count() -> None:
    """HTTP drops it before anyone sees it."""
    assert verify(f" {auth.sign('ACME', JOHN.user_id, KEY, STAMP)}\t") is JOHN


def test_user_ids_may_hold_slashes_spaces_and_letters_outside_ascii() -> None:
    """The timestamp follows the last slash, the signature the last Signature=."""
    assert verify(auth.sign("ACME", ODD.user_id, ODD.secrets[0], STAMP)) is ODD
    assert verify(auth.sign("ACME", SLY.user_id, SLY.secrets[0], STAMP)) is SLY


def test_a_gateway_may_hand_the_headers_utf8_over_as_latin1() -> None:
    """PEP 3333: header bytes arrive decoded as Latin-1."""
    header = auth.sign("ACME", ODD.user_id, ODD.secrets[0], STAMP)
    assert verify(header.encode().decode("latin-1")) is ODD


def test_the_client_signs_the_segment_as_sent() -> None:
    """With the name of a world in the URL, the signature covers it too."""
    header = auth.sign("ACME~blue", JOHN.user_id, KEY, STAMP)
    assert verify(header, client_id="ACME~blue") is JOHN
    with pytest.raises(Unauthorized, match=UNABLE):
        verify(header, client_id="ACME")


# -- permissions and secrets -------------------------------------------------------------------------------------------


def test_require_lets_a_permitted_user_pass() -> None:
    """No error is the answer."""
    auth.require(JOHN, "profile:update")
    assert "profile:update" in JOHN.permissions


def test_require_refuses_a_known_user_without_the_permission() -> None:
    """403, with the user and the permission in the story only."""
    with pytest.raises(Forbidden) as caught:
        auth.require(JOHN, "profile:delete")
    assert (caught.value.status, caught.value.rule) == (403, "auth-permission-missing")
    assert "'profile:delete'" in caught.value.why
    assert "john" not in (caught.value.message or "")


def test_no_repr_shows_a_secret() -> None:
    """Whatever is logged by mistake."""
    app = OAuthClient("app", "app-s3cret", frozenset({JOHN.user_id}))
    text = repr(Client("ACME", {JOHN.user_id: JOHN}, {"app": app}))
    assert "john.doe@acme.com" in text
    assert not any(secret in text for secret in (KEY, OLD_KEY, "app-s3cret"))


@pytest.mark.parametrize(
    ("timestamp", "keyed", "rests_on"),
    [
        pytest.param("2024-05-01T10:00:00Z", True, (), id="nothing-assumed"),
        pytest.param("2024-05-01T12:00+02:00", True, (), id="offset-ahead"),
        pytest.param("2024-05-01T06:00:00.5-0400", True, (), id="offset-behind"),
        pytest.param("2024-05-01T10:00:00", True, ("auth-zone-missing",), id="no-zone"),
        pytest.param("2024-05-01T10:00:00Z", False, ("auth-unkeyed-accepted",), id="no-key"),
        pytest.param("2024-05-01T10:00", False, ("auth-unkeyed-accepted", "auth-zone-missing"), id="neither"),
    ],
)
def test_an_accepted_header_names_the_assumptions_that_it_rests_on(
    timestamp: str, keyed: bool, rests_on: tuple[str, ...]
) -> None:
    header = auth.sign("ACME", JOHN.user_id, KEY, timestamp, keyed=keyed)
    now = datetime(2024, 5, 1, 10, 5, tzinfo=UTC)
    for spelled in (header, f" {header.replace('PNAUTH', 'pnauth')}"):
        signed = auth.verify(spelled, client=ACME, client_id="ACME", now=now, allow_unkeyed=True)
        assert (signed.user, signed.rests_on) == (JOHN, rests_on)


@pytest.mark.parametrize(
    ("timestamp", "dates", "rests_on"),
    [
        pytest.param("2024-05-01T10:00:00", auth.Dates("utc"), "auth-zone-missing", id="utc-as-utc"),
        pytest.param("2024-05-01T10:00:00", auth.Dates("eastern"), "auth-date-in-future", id="utc-as-eastern"),
        pytest.param("2024-05-01T06:00:00", auth.Dates("utc"), "auth-date-too-old", id="eastern-as-utc"),
        pytest.param("2024-05-01T06:00:00", auth.Dates("eastern"), "auth-zone-eastern", id="eastern-as-eastern"),
        pytest.param("2024-05-01T06:00:00", auth.Dates(), "auth-zone-eastern", id="eastern-as-either"),
        pytest.param("2024-05-01T10:00:00", auth.Dates(), "auth-zone-missing", id="utc-as-either"),
        pytest.param("2024-05-01T08:00:00", auth.Dates(), "auth-date-too-old", id="between-the-two"),
        pytest.param("2024-05-01T10:05:01Z", auth.Dates(), "auth-date-in-future", id="ahead"),
        pytest.param("2024-05-01T10:05:02Z", auth.Dates(skew_s=2), "", id="ahead-within-the-skew"),
        pytest.param("2024-05-01T10:05:03Z", auth.Dates(skew_s=2), "auth-date-in-future", id="ahead-of-the-skew"),
        pytest.param("2024-05-01T09:49:58Z", auth.Dates(skew_s=2), "", id="old-within-the-skew"),
        pytest.param("2024-05-01T09:49:57Z", auth.Dates(skew_s=2), "auth-date-too-old", id="older-than-the-skew"),
    ],
)
def test_a_timestamp_is_fresh_by_the_zone_and_the_skew(timestamp: str, dates: auth.Dates, rests_on: str) -> None:
    """Now is 10:05 in UTC, 06:05 in New York."""
    now = datetime(2024, 5, 1, 10, 5, tzinfo=UTC)
    try:
        found = " ".join(auth.read_date(timestamp, None, now, dates)[1])
    except Unauthorized as refused:
        found = refused.rule
    assert found == rests_on
