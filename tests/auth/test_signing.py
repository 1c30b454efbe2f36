"""Signing and verifying the vendor's Authorization header."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.auth import signing as auth
from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.errors import Forbidden, Unauthorized, UsageError

NOW = datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC)
STAMP = "2024-05-01T09:59:30Z"
KEY = "k3y-of-john-0123456789"
OLD_KEY = "0ld-k3y-of-john-012345"
JOHN = User("john.doe@acme.com", (KEY, OLD_KEY), frozenset({"profile:update"}))
ODD = User("jos\u00e9/de la+cruz", ("k3y-of-jos\u00e9",))
SLY = User("x/2024 Signature=y", ("k3y-of-sly",))
KEYLESS = User("oauth.only", ())
ACME = Client("ACME", {user.user_id: user for user in (JOHN, ODD, SLY, KEYLESS)})

UNABLE = "Unable to authenticate request"
BAD_DATE = "The specified date does not match an expected ISO 8601 format"
TOO_OLD = "The difference between the issued timestamp and the current time is too large"
MISSING = "Missing Authorization Header"
BAD_SCHEME = "The scheme is invalid"


def verify(
    header: str | None,
    *,
    client: Client | None = ACME,
    client_id: str = "ACME",
    now: datetime = NOW,
    allow_unkeyed: bool = True,
) -> User:
    return auth.verify(
        header,
        client=client,
        client_id=client_id,
        now=now,
        allow_unkeyed=allow_unkeyed,
    )


def signature_as_documented(client_id: str, user_id: str, secret: str, timestamp: str, algorithm: str) -> str:
    """The documented keyed signature, from RFC 2104 instead of the hmac module."""
    block = 64 if algorithm == "SHA256" else 128
    key = secret.encode()
    if len(key) > block:
        key = hashlib.new(algorithm, key).digest()
    key = key.ljust(block, b"\0")
    message = ":".join((client_id, user_id, timestamp)).encode()
    inner = hashlib.new(algorithm, bytes(b ^ 0x36 for b in key) + message).digest()
    outer = hashlib.new(algorithm, bytes(b ^ 0x5C for b in key) + inner).digest()
    return base64.b64encode(outer).decode()


# --- signing -------------------------------------------------------------------------------------------------------


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


# --- accepted headers ----------------------------------------------------------------------------------------------


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


# --- refused headers -----------------------------------------------------------------------------------------------

GOOD = auth.sign("ACME", JOHN.user_id, KEY, STAMP)
SIGNATURE = GOOD.rpartition("Signature=")[2]


def signed(timestamp: str, user_id: str = JOHN.user_id, secret: str = KEY) -> str:
    return auth.sign("ACME", user_id, secret, timestamp)


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


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
    since, until = auth.valid_between(f"PNAUTHINFO3-HMAC-SHA256 Credential=x/{STAMP} Signature=x", client)
    assert since < datetime(9999, 12, 31, tzinfo=UTC) < until


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


# --- permissions and secrets ---------------------------------------------------------------------------------------


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


# --- laws ----------------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None))


@given(
    client_id=ANY_TEXT,
    user_id=ANY_TEXT.filter(bool),
    secret=ANY_TEXT,
    algorithm=st.sampled_from(auth.ALGORITHMS),
    keyed=st.booleans(),
    age_s=st.integers(0, 900),
)
def test_what_is_signed_verifies(
    client_id: str, user_id: str, secret: str, algorithm: str, keyed: bool, age_s: int
) -> None:
    """For any ids and keys, also those with slashes, spaces, line ends or half a surrogate pair."""
    user = User(user_id, (secret,))
    stamp = auth.issued_now(NOW - timedelta(seconds=age_s))
    header = auth.sign(client_id, user_id, secret, stamp, algorithm=algorithm, keyed=keyed)
    assert verify(header, client=Client(client_id, {user_id: user}), client_id=client_id) is user


@given(client_id=st.text(), user_id=st.text(), secret=st.text(), algorithm=st.sampled_from(auth.ALGORITHMS))
def test_sign_agrees_with_an_independent_signature(client_id: str, user_id: str, secret: str, algorithm: str) -> None:
    """RFC 2104 by hand."""
    header = auth.sign(client_id, user_id, secret, STAMP, algorithm=algorithm)
    assert header.endswith(f" Signature={signature_as_documented(client_id, user_id, secret, STAMP, algorithm)}")
    key, message = secret.encode(), f"{client_id}:{user_id}:{STAMP}".encode()
    assert header.endswith(base64.b64encode(hmac.new(key, message, algorithm).digest()).decode())


NAMES = ["PNAUTHINFO3-HMAC-SHA256", "PNAUTHINFO3-SHA512", "Basic", "Credential=", "Signature=", JOHN.user_id]
MARKS = [" ", "/", "=", ":", ",", '"', "\n", "2024", "T", "Z", "+", "\udcff", "é", STAMP, SIGNATURE]
PIECES = st.sampled_from([*NAMES, *MARKS])
HEADERS = ANY_TEXT | st.lists(PIECES | ANY_TEXT).map("".join)


@given(header=HEADERS, known=st.booleans())
def test_any_other_header_is_refused_and_nothing_else_happens(header: str, known: bool) -> None:
    """No text makes the check fail in another way."""
    with pytest.raises(Unauthorized) as caught:
        verify(header, client=ACME if known else None)
    assert caught.value.message in {MISSING, BAD_SCHEME, BAD_DATE, TOO_OLD, UNABLE}


@given(position=st.integers(0, len(GOOD) - 1), letter=st.characters(codec="utf-8"))
def test_a_header_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    """Only the letter case of the scheme is free."""
    header = f"{GOOD[:position]}{letter}{GOOD[position + 1 :]}"
    scheme = len("PNAUTHINFO3-HMAC-SHA256")
    same = header[scheme:] == GOOD[scheme:] and header[:scheme].lower() == GOOD[:scheme].lower()
    if same:
        assert verify(header) is JOHN
    else:
        with pytest.raises(Unauthorized):
            verify(header)


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
    header = auth.sign("Acme", "jane+x-y/Z", "key", timestamp, keyed=keyed)
    assert auth.assumptions(header) == auth.assumptions(f" {header.replace('PNAUTH', 'pnauth')}") == rests_on
