"""Explaining which part of a refused Authorization header is wrong: what is measured, told and bounded."""

from __future__ import annotations

import pytest

from mockserver.auth import recipes as auth_recipes
from mockserver.auth import signing as auth
from mockserver.auth.diagnosis import Diagnosis, explain
from mockserver.auth.mistaken_messages import Signing
from mockserver.auth.signing import Client, User
from tests.auth.diagnosing import (
    ACME,
    GOOD,
    ID,
    JANES_KEY,
    JOSE,
    KEY,
    MESSAGE,
    OLD_KEY,
    OTHERS_KEY,
    diagnose,
    hmac_digest,
    keyed,
    over,
    refusal,
    stamped,
    with_signature,
)
from tests.auth.verifying import BAD_DATE, NOW, STAMP, TOO_OLD, UNABLE


def test_a_good_header_is_valid() -> None:
    """Nothing to explain, with either key; the previous one earns a word."""
    assert diagnose(GOOD) == Diagnosis("valid", "The header is right.", "")
    assert "previous key" in diagnose(keyed(OLD_KEY)).hint
    assert diagnose(keyed(OLD_KEY)).cause == "valid"


@pytest.mark.parametrize("header", [None, "", "  "], ids=["absent", "empty", "blank"])
def test_a_missing_header_is_named(header: str | None) -> None:
    """Absent and blank are the same to the API."""
    assert refusal(header) == "Missing Authorization Header"
    assert diagnose(header).cause == "header-missing"


def test_an_unkeyed_scheme_may_be_what_is_refused() -> None:
    """When the server is told not to take them."""
    header = auth.sign("Acme", ID, KEY, STAMP, keyed=False)
    assert diagnose(header).cause == "valid"
    assert diagnose(header, allow_unkeyed=False).cause == "scheme-unkeyed-refused"


CLOCK = [
    pytest.param("2024-05-01T10:00:00.250Z", "timestamp-in-future", "250 ms ahead of", True, id="250-ms-ahead"),
    pytest.param("2024-05-01T10:00:07Z", "timestamp-in-future", "7 s ahead of", True, id="7-s-ahead"),
    pytest.param("2024-05-01T10:20:10Z", "timestamp-in-future", "20 min 10 s ahead of", True, id="20-min-ahead"),
    pytest.param("2024-05-01T13:05:00Z", "timestamp-in-future", "3 h 5 min ahead of", True, id="no-zones-offset"),
    pytest.param("2024-05-01T10:15:00Z", "timestamp-in-future", "15 min 0 s ahead of", True, id="too-near-for-a-zone"),
    pytest.param("2024-05-01T13:00:00Z", "timestamp-local-time", "3 h 0 min ahead of", False, id="moscow-marked-z"),
    pytest.param("2024-05-01T15:29:58", "timestamp-local-time", "5 h 29 min ahead of", False, id="mumbai-no-zone"),
    pytest.param("2024-05-01T05:00:00", "timestamp-local-time", "5 h 0 min behind", False, id="chicago-no-zone"),
    pytest.param("2024-05-01T06:00:00-00:00", "timestamp-local-time", "4 h 0 min behind", False, id="atlanta-minus-0"),
    pytest.param("2024-05-01T09:00:00-03:00", "timestamp-in-future", "2 h 0 min ahead of", True, id="explicit-offset"),
    pytest.param("2024-05-01T09:41:00Z", "timestamp-too-old", "19 min 0 s behind", True, id="19-min-old"),
    pytest.param("2024-04-28T08:00:00Z", "timestamp-too-old", "3 d 2 h behind", True, id="3-days-old"),
    pytest.param("0001-01-01T00:00:00+14:00", "timestamp-too-old", "d", True, id="start-of-time"),
    pytest.param("9999-12-31T23:59:59-14:00", "timestamp-in-future", "d", True, id="end-of-time"),
]


@pytest.mark.parametrize(("stamp", "cause", "words", "certain"), CLOCK)
def test_a_clock_that_is_off_is_measured(stamp: str, cause: str, words: str, certain: bool) -> None:
    """By how much is a fact; that a whole number of quarter hours is a time zone is a guess."""
    found = diagnose(stamped(stamp))
    assert refusal(stamped(stamp)) == (BAD_DATE if "ahead" in found.sentence else TOO_OLD)
    assert (found.cause, found.certain) == (cause, certain)
    assert words in found.sentence
    assert "Apart from its date the header is right." in found.sentence


def test_local_time_names_the_zone_to_write() -> None:
    """Atlanta in summer is four hours behind UTC."""
    assert "-04:00" in diagnose(stamped("2024-05-01T05:59:58Z")).hint


def test_a_time_in_utc_that_was_read_as_eastern_is_ahead() -> None:
    """Measured as it was refused; the remedy is to say that it is UTC."""
    found = diagnose(stamped("2024-05-01T10:00:00"), zoneless="eastern")
    assert found.cause == "timestamp-in-future"
    assert "4 h 0 min ahead of this server's clock; it has no zone and was read as US Eastern time" in found.sentence
    assert "Apart from its date the header is right." in found.sentence
    assert "Write Z after" in found.hint


def test_what_else_is_wrong_with_an_outdated_header_is_said_too() -> None:
    """So that the second mistake does not have to wait for the first to be mended."""
    found = diagnose(auth.sign("Acme", ID, JANES_KEY, "2024-05-01T09:00:00Z"))
    assert found.sentence.endswith("Also wrong: The key is that of 'user jane'.")


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-05-01T08:00+02:00"])
def test_dates_at_the_edge_of_time_are_explained_too(stamp: str) -> None:
    """Neither another form of them nor a neighbour needs to exist."""
    assert "No known mistake" in diagnose(auth.sign("Acme", ID, "unknown", stamp)).sentence


@pytest.mark.parametrize(
    ("client_id", "hint"), [("acme", "Did you mean 'Acme'?"), ("Globx", "Did you mean 'Globex'?"), ("Initech", "Check")]
)
def test_an_unknown_client_is_named_with_the_closest_one(client_id: str, hint: str) -> None:
    """The client is in the URL, not in the header."""
    header = auth.sign(client_id, ID, KEY, STAMP)
    assert refusal(header, client=None, client_id=client_id) == UNABLE
    found = diagnose(header, client=None, client_id=client_id)
    assert found.cause == "client-unknown"
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        pytest.param(over(f"{STAMP}:Acme:{ID}"), "'Timestamp:ClientId:UserId'", id="order"),
        pytest.param(over(f"Acme|{ID}|{STAMP}"), "joined with '|'", id="separator"),
        pytest.param(over(f"Acme:{ID}:{STAMP[:-1]}"), "'2024-05-01T09:59:30'", id="timestamp"),
        pytest.param(GOOD.replace("SHA256", "SHA512"), "'SHA256'", id="hash"),
        pytest.param(keyed(OTHERS_KEY), "'user hank of client Globex'", id="key"),
        pytest.param(keyed("unknown"), "No known mistake", id="cannot-tell"),
    ],
)
def test_the_sentence_shows_the_detail(header: str, words: str) -> None:
    """Which client, which order, which hash."""
    assert words in diagnose(header).sentence


def test_the_hint_of_last_resort_shows_the_string_to_sign() -> None:
    """It holds nothing that the client did not send."""
    assert repr(MESSAGE) in diagnose(keyed("unknown")).hint
    unkeyed = diagnose(auth.sign("Acme", ID, "unknown", STAMP, keyed=False))
    assert f"{MESSAGE!r}, a colon and the key, which is what this server assumes" in unkeyed.hint


def test_two_mistakes_at_once_are_both_named() -> None:
    """A wrong message, and the signature in hexadecimal digits."""
    found = diagnose(with_signature(hmac_digest(f"{ID}:Acme:{STAMP}").hex()))
    assert found.cause == "message-order"
    assert "hexadecimal" in found.sentence


def test_a_base64_text_that_is_not_the_canonical_one_is_named() -> None:
    """The last letter's unused bits are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = f"{GOOD[:-2]}{alphabet[alphabet.index(GOOD[-2]) ^ 1]}="
    assert diagnose(twin).cause == "signature-not-canonical"


def test_the_world_in_the_url_belongs_to_the_message() -> None:
    """The segment is signed as sent."""
    header = auth.sign("Acme", ID, KEY, STAMP)
    found = diagnose(header, client_id="Acme~blue")
    assert found.cause == "message-client-without-world"


def test_a_user_id_outside_ascii_is_followed_through_the_gateway() -> None:
    """The header arrives as Latin-1 and is still recognised."""
    header = auth.sign("Acme", JOSE.user_id, KEY, STAMP).encode().decode("latin-1")
    assert diagnose(header).cause == "valid"


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clients and users there are."""
    made: list[str | bytes] = []
    digest = Signing.digest

    def counted(self: Signing, key: str | bytes, message: str | bytes, algorithm: str = "") -> bytes:
        made.append(message)
        return digest(self, key, message, algorithm)

    monkeypatch.setattr(Signing, "digest", counted)
    crowd = {f"u{n}": User(f"u{n}", (f"key-number-{n}", f"old-number-{n}")) for n in range(500)}
    clients = {f"c{n}": Client(f"c{n}", crowd) for n in range(200)} | {"Acme": ACME}
    found = explain(keyed("unknown"), client=ACME, client_id="Acme", clients=clients, now=NOW, allow_unkeyed=True)
    assert found.cause == "cannot-tell"
    assert 200 < len(made) <= auth_recipes.MAX_ATTEMPTS
