"""Signed headers that are refused: the vendor's text, the rule, and the order in which they are judged."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from mockserver.auth import signing as auth
from mockserver.auth.signing import Client
from mockserver.errors import Unauthorized
from tests.auth.verifying import (
    ACME,
    BAD_DATE,
    BAD_SCHEME,
    GOOD,
    JOHN,
    KEY,
    MISSING,
    NOW,
    SIGNATURE,
    STAMP,
    TOO_OLD,
    UNABLE,
    changed,
    signed,
    verify,
)

REFUSED = [
    pytest.param(None, MISSING, "auth-header-missing", id="absent"),
    pytest.param("", MISSING, "auth-header-missing", id="empty"),
    pytest.param(" \t ", MISSING, "auth-header-missing", id="blank"),
    pytest.param("Basic am9objpwdw==", BAD_SCHEME, "auth-scheme-invalid", id="basic"),
    pytest.param("Bearer abc", BAD_SCHEME, "auth-scheme-invalid", id="bearer"),
    pytest.param("null", BAD_SCHEME, "auth-scheme-invalid", id="null"),
    pytest.param(changed("INFO3", "INFO100"), BAD_SCHEME, "auth-scheme-invalid", id="the-vendors-own-example"),
    pytest.param(changed("INFO3", "INFO2"), BAD_SCHEME, "auth-scheme-invalid", id="old-version"),
    pytest.param(changed("-SHA256", ""), BAD_SCHEME, "auth-scheme-invalid", id="no-hash"),
    pytest.param(changed("SHA256", "SHA1"), BAD_SCHEME, "auth-scheme-invalid", id="sha1"),
    pytest.param(changed("SHA256", "SHA-256"), BAD_SCHEME, "auth-scheme-invalid", id="dash-in-hash"),
    pytest.param(changed("SHA256", "\u017fHA256"), BAD_SCHEME, "auth-scheme-invalid", id="long-s-for-s"),
    pytest.param(changed("SHA256", "SHA256:"), BAD_SCHEME, "auth-scheme-invalid", id="colon-after-scheme"),
    pytest.param(changed("SHA256 ", "SHA256\t"), BAD_SCHEME, "auth-scheme-invalid", id="tab-after-scheme"),
    pytest.param(f"Authorization: {GOOD}", BAD_SCHEME, "auth-scheme-invalid", id="name-in-value"),
    pytest.param(GOOD.partition(" ")[2], BAD_SCHEME, "auth-scheme-invalid", id="no-scheme"),
    pytest.param("PNAUTHINFO3-HMAC-SHA256", UNABLE, "auth-parameters-missing", id="scheme-alone"),
    pytest.param(GOOD.partition(" Sig")[0], UNABLE, "auth-parameters-missing", id="no-signature"),
    pytest.param(
        f"PNAUTHINFO3-HMAC-SHA256 Signature={SIGNATURE}", UNABLE, "auth-parameters-missing", id="no-credential"
    ),
    pytest.param(GOOD[:-20], UNABLE, "auth-signature-mismatch", id="only-a-bit-of-signature"),
    pytest.param(signed("")[:-44], UNABLE, "auth-parameters-missing", id="empty-values"),
    pytest.param(
        f"{GOOD.partition('Signature=')[0]}Signature=", UNABLE, "auth-parameters-missing", id="empty-signature"
    ),
    pytest.param(signed(STAMP, user_id=""), UNABLE, "auth-parameters-missing", id="no-user"),
    pytest.param(signed(""), UNABLE, "auth-parameters-missing", id="no-timestamp"),
    pytest.param(changed(f"com/{STAMP}", f"com:{STAMP}"), UNABLE, "auth-parameters-missing", id="no-slash"),
    pytest.param(changed("Credential=", "credential="), UNABLE, "auth-parameters-missing", id="small-credential"),
    pytest.param(changed(" Signature=", " signature="), UNABLE, "auth-parameters-missing", id="small-signature"),
    pytest.param(changed(" Signature=", "  Signature="), UNABLE, "auth-parameters-missing", id="two-spaces"),
    pytest.param(changed("256 Cred", "256  Cred"), UNABLE, "auth-parameters-missing", id="two-spaces-after-scheme"),
    pytest.param(changed(" Signature=", ",Signature="), UNABLE, "auth-parameters-missing", id="comma"),
    pytest.param(
        f"PNAUTHINFO3-HMAC-SHA256 Signature={SIGNATURE} Credential={JOHN.user_id}/{STAMP}",
        UNABLE,
        "auth-parameters-missing",
        id="parameters-swapped",
    ),
    pytest.param(signed("1714557570"), BAD_DATE, "auth-date-not-iso8601", id="epoch-seconds"),
    pytest.param(signed("05/01/2024 09:59:30"), BAD_DATE, "auth-date-not-iso8601", id="american-date"),
    pytest.param(signed("2024-05-01 09:59:30"), BAD_DATE, "auth-date-not-iso8601", id="space-for-t"),
    pytest.param(signed("2024-05-01"), BAD_DATE, "auth-date-not-iso8601", id="date-alone"),
    pytest.param(signed("20240501T095930Z"), BAD_DATE, "auth-date-not-iso8601", id="basic-format"),
    pytest.param(signed("2024-W18-3T09:59:30Z"), BAD_DATE, "auth-date-not-iso8601", id="week-date"),
    pytest.param(signed("2024-05-01t09:59:30z"), BAD_DATE, "auth-date-not-iso8601", id="small-letters"),
    pytest.param(signed("2024-05-01T09:59:30,5Z"), BAD_DATE, "auth-date-not-iso8601", id="decimal-comma"),
    pytest.param(signed("2024-05-01T09:59:30.Z"), BAD_DATE, "auth-date-not-iso8601", id="point-without-digits"),
    pytest.param(signed("2024-02-30T09:59:30Z"), BAD_DATE, "auth-date-not-iso8601", id="30-february"),
    pytest.param(signed("2024-05-01T24:00:00Z"), BAD_DATE, "auth-date-not-iso8601", id="hour-24"),
    pytest.param(signed("2024-04-30T23:59:60Z"), BAD_DATE, "auth-date-not-iso8601", id="leap-second"),
    pytest.param(signed("2024-05-01T09:59:30+14:01"), BAD_DATE, "auth-date-not-iso8601", id="offset-too-large"),
    pytest.param(signed("2024-05-01T09:59:30 UTC"), BAD_DATE, "auth-date-not-iso8601", id="zone-name"),
    pytest.param(signed("٢٠٢٤-05-01T09:59:30Z"), BAD_DATE, "auth-date-not-iso8601", id="other-digits"),
    pytest.param(changed(" Signature=", ", Signature="), BAD_DATE, "auth-date-not-iso8601", id="comma-and-space"),
    pytest.param(signed("2024-05-01T10:00:00.000001Z"), BAD_DATE, "auth-date-in-future", id="a-microsecond-ahead"),
    pytest.param(signed("2024-05-01T10:00:00-00:01"), BAD_DATE, "auth-date-in-future", id="a-minute-ahead-by-offset"),
    pytest.param(signed("9999-12-31T23:59:59-14:00"), BAD_DATE, "auth-date-in-future", id="end-of-time"),
    pytest.param(signed("2024-05-01T09:44:59.999999Z"), TOO_OLD, "auth-date-too-old", id="15-minutes-and-a-bit"),
    pytest.param(signed("2024-05-01T10:00:00+03:00"), TOO_OLD, "auth-date-too-old", id="three-hours-by-offset"),
    pytest.param(signed("0001-01-01T00:00:00+14:00"), TOO_OLD, "auth-date-too-old", id="start-of-time"),
    pytest.param(signed(STAMP, user_id="jane"), UNABLE, "auth-user-unknown", id="unknown-user"),
    pytest.param(signed(STAMP, user_id="John.Doe@acme.com"), UNABLE, "auth-user-unknown", id="user-in-other-case"),
    pytest.param(signed(STAMP, user_id="\udc80"), UNABLE, "auth-user-unknown", id="lone-surrogate"),
    pytest.param(signed(STAMP, user_id="oauth.only"), UNABLE, "auth-signature-mismatch", id="user-without-key"),
    pytest.param(signed(STAMP, secret="wrong"), UNABLE, "auth-signature-mismatch", id="wrong-key"),
    pytest.param(changed("SHA256", "SHA512"), UNABLE, "auth-signature-mismatch", id="other-hash-named"),
    pytest.param(changed("-HMAC", ""), UNABLE, "auth-signature-mismatch", id="keyed-signature-unkeyed-scheme"),
    pytest.param(GOOD.rstrip("="), UNABLE, "auth-signature-mismatch", id="no-padding"),
    pytest.param(f"{GOOD}=", UNABLE, "auth-signature-mismatch", id="more-padding"),
    pytest.param(f"{GOOD} x=y", UNABLE, "auth-signature-mismatch", id="third-parameter"),
    pytest.param(f"{GOOD[:-1]}é", UNABLE, "auth-signature-mismatch", id="non-ascii-signature"),
    pytest.param(f"{GOOD}\udc80", UNABLE, "auth-signature-mismatch", id="surrogate-in-signature"),
]


@pytest.mark.parametrize(("header", "text", "rule"), REFUSED)
def test_each_cause_has_the_vendors_text_and_its_own_rule(header: str | None, text: str, rule: str) -> None:
    """Byte for byte the vendor's five texts, with the challenge, and a story for each."""
    with pytest.raises(Unauthorized) as caught:
        verify(header)
    refused = caught.value
    assert (refused.status, refused.message, refused.rule) == (401, text, rule)
    assert refused.headers == {"WWW-Authenticate": 'PNAUTHINFO3 realm="https://pm.mypreferences.com"'}
    assert refused.why
    assert refused.hint


def test_a_signature_has_one_base64_text_only() -> None:
    """Other last letters decode to the same bytes, and are refused all the same."""
    last = GOOD[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = f"{GOOD[:-2]}{alphabet[alphabet.index(last) ^ 1]}="
    assert base64.b64decode(twin[-44:]) == base64.b64decode(GOOD[-44:])
    with pytest.raises(Unauthorized, match=UNABLE):
        verify(twin)


@pytest.mark.parametrize(
    ("header", "rule"),
    [
        pytest.param("Basic Credential=x/y", "auth-scheme-invalid", id="scheme-before-parameters"),
        pytest.param("PNAUTHINFO3-SHA256 nothing", "auth-unkeyed-refused", id="unkeyed-before-parameters"),
        pytest.param(signed("yesterday", "jane")[:-44], "auth-parameters-missing", id="parameters-before-date"),
        pytest.param(signed("yesterday", "jane"), "auth-date-not-iso8601", id="date-before-user"),
        pytest.param(signed("2024-05-01T11:00:00Z", "jane"), "auth-date-in-future", id="future-before-user"),
        pytest.param(signed("2024-05-01T09:00:00Z", secret="x"), "auth-date-too-old", id="age-before-signature"),
        pytest.param(signed(STAMP, "jane", "x"), "auth-user-unknown", id="user-before-signature"),
    ],
)
def test_the_first_thing_wrong_is_the_one_named(header: str, rule: str) -> None:
    """Scheme, parameters, date, user, signature (assumed)."""
    with pytest.raises(Unauthorized) as caught:
        verify(header, allow_unkeyed=False)
    assert caught.value.rule == rule


def test_an_unknown_client_is_refused_like_an_unknown_user() -> None:
    """Same text; the date is still judged first, by the default window."""
    with pytest.raises(Unauthorized, match=UNABLE) as caught:
        verify(GOOD, client=None)
    assert caught.value.rule == "auth-client-unknown"
    with pytest.raises(Unauthorized, match="difference between"):
        verify(signed("2024-05-01T09:44:00Z"), client=None)


def test_unkeyed_schemes_can_be_switched_off() -> None:
    """What the vendor's un-keyed form hashes is an assumption that a user may not want to rely on."""
    header = auth.sign("ACME", JOHN.user_id, KEY, STAMP, keyed=False)
    assert verify(header, allow_unkeyed=True) is JOHN
    with pytest.raises(Unauthorized, match=BAD_SCHEME) as caught:
        verify(header, allow_unkeyed=False)
    assert caught.value.rule == "auth-unkeyed-refused"


@pytest.mark.parametrize("window_s", [10**12, 10**20], ids=["past-the-last-date", "past-any-duration"])
def test_a_window_beyond_all_dates_never_closes(window_s: int) -> None:
    client = Client("ACME", ACME.users, signature_window_s=window_s)
    found = auth.verify(GOOD, client=client, client_id="ACME", now=NOW, allow_unkeyed=True)
    assert found.since < datetime(9999, 12, 31, tzinfo=UTC) < found.until


@pytest.mark.parametrize(("window_s", "age_s", "passes"), [(60, 60, True), (60, 61, False), (3600, 3600, True)])
def test_the_window_is_the_clients_own(window_s: int, age_s: int, passes: bool) -> None:
    """Documented: 15 minutes by default, adjustable for each client."""
    client = Client("ACME", ACME.users, signature_window_s=window_s)
    header = signed(auth.issued_now(NOW - timedelta(seconds=age_s)))
    if passes:
        assert verify(header, client=client) is JOHN
    else:
        with pytest.raises(Unauthorized, match="difference between"):
            verify(header, client=client)
