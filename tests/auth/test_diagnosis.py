"""Explaining which part of a refused Authorization header is wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from itertools import permutations
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mockserver.auth import header_mistakes as auth_header_mistakes
from mockserver.auth import recipes as auth_recipes
from mockserver.auth import signing as auth
from mockserver.auth import spelling as auth_spelling
from mockserver.auth.diagnosis import Diagnosis, explain
from mockserver.auth.messages import Signing
from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.errors import Unauthorized

NOW = datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC)
STAMP = "2024-05-01T09:59:30Z"
# Base64 and hexadecimal digits at once, so that a client may be tempted to decode it either way.
KEY = "Abcdef0123456789ABCDEF0123456789"
OLD_KEY = "old0key0of0john0"
JANES_KEY = "jane-has-this-key"
OTHERS_KEY = "globex-has-this-key"
APP_SECRET = "the-application-has-this"
SECRETS = (KEY, OLD_KEY, JANES_KEY, OTHERS_KEY, APP_SECRET)

JOHN = User("John.Doe@acme.com", (KEY, OLD_KEY))
JOSE = User("josé", (KEY,))
APP = OAuthClient("acme-application", APP_SECRET, frozenset({"jane"}))
ACME = Client(
    "Acme", {u.user_id: u for u in (JOHN, JOSE, User("jane", (JANES_KEY,)), User("robot", ()))}, {APP.client_id: APP}
)
GLOBEX = Client("Globex", {"hank": User("hank", (OTHERS_KEY,))})
CLIENTS = {client.client_id: client for client in (ACME, GLOBEX)}
ID = JOHN.user_id
MESSAGE = f"Acme:{ID}:{STAMP}"


def diagnose(
    header: str | None, *, client: Client | None = ACME, client_id: str = "Acme", allow_unkeyed: bool = True
) -> Diagnosis:
    return explain(
        header,
        client=client,
        client_id=client_id,
        clients=CLIENTS,
        now=NOW,
        allow_unkeyed=allow_unkeyed,
    )


def refusal(header: str | None, *, client: Client | None = ACME, client_id: str = "Acme") -> str | None:
    with pytest.raises(Unauthorized) as caught:
        auth.verify(header, client=client, client_id=client_id, now=NOW, allow_unkeyed=True)
    return caught.value.message


def with_signature(
    signature: str, *, scheme: str = "PNAUTHINFO3-HMAC-SHA256", user: str = ID, stamp: str = STAMP
) -> str:
    return f"{scheme} Credential={user}/{stamp} Signature={signature}"


def hmac_digest(message: str | bytes = MESSAGE, key: str | bytes = KEY, algorithm: str = "sha256") -> bytes:
    key = key.encode() if isinstance(key, str) else key
    message = message.encode() if isinstance(message, str) else message
    return hmac.new(key, message, algorithm).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def over(message: str | bytes) -> str:
    """A header whose signature covers another message."""
    return with_signature(b64(hmac_digest(message)))


def keyed(key: str | bytes) -> str:
    """A header signed with another key."""
    return with_signature(b64(hmac_digest(key=key)))


GOOD = over(MESSAGE)
SIGNATURE = b64(hmac_digest())
UNABLE = "Unable to authenticate request"
BAD_DATE = "The specified date does not match an expected ISO 8601 format"
TOO_OLD = "The difference between the issued timestamp and the current time is too large"
BAD_SCHEME = "The scheme is invalid"


def stamped(stamp: str) -> str:
    """A header that is right but for its timestamp."""
    return auth.sign("Acme", ID, KEY, stamp)


def user(user_id: str) -> str:
    """A header that is right but for its UserId."""
    return auth.sign("Acme", user_id, KEY, STAMP)


def plus_and_slash() -> str:
    """A good header whose signature holds both + and /; there is one within some seconds."""
    stamps = (auth.issued_now(NOW - timedelta(seconds=s)) for s in range(900))
    return next(h for h in map(stamped, stamps) if "+" in h[-44:] and "/" in h[-44:])


ODD_SIGNATURE = plus_and_slash()[-44:]
ODD = plus_and_slash()

SCHEME = [
    pytest.param("Basic am9obg==", "scheme-basic", id="basic"),
    pytest.param("Bearer abc.def", "scheme-bearer", id="bearer"),
    pytest.param(f"Authorization: {GOOD}", "header-name-in-value", id="header-name-in-value"),
    pytest.param(GOOD.partition(" ")[2], "scheme-missing", id="no-scheme"),
    pytest.param(GOOD.replace("-HMAC-SHA256", ""), "scheme-misspelt", id="no-hash"),
    pytest.param(GOOD.replace("-SHA256", ""), "scheme-misspelt", id="hmac-of-what"),
    pytest.param(GOOD.replace("SHA256", "SHA-256"), "scheme-misspelt", id="sha-256"),
    pytest.param(GOOD.replace("HMAC-SHA256", "HMACSHA256"), "scheme-misspelt", id="hmacsha256"),
    pytest.param(GOOD.replace("HMAC-SHA256", "SHA256-HMAC"), "scheme-misspelt", id="sha256-hmac"),
    pytest.param(GOOD.replace("SHA256", "SHA1"), "scheme-misspelt", id="sha1"),
    pytest.param(GOOD.replace("SHA256", "MD5"), "scheme-misspelt", id="md5"),
    pytest.param(GOOD.replace("SHA256 ", "SHA256: "), "scheme-misspelt", id="colon-after-scheme"),
    pytest.param(GOOD.replace("PNAUTH", "PNATUH"), "scheme-misspelt", id="letters-swapped"),
    pytest.param(GOOD.replace("HMAC", "HMCA"), "scheme-misspelt", id="hmca"),
    pytest.param("Digest username=x", "scheme-unknown", id="digest"),
]

PARAMETERS = [
    pytest.param("PNAUTHINFO3-HMAC-SHA256", "parameters-missing", id="scheme-alone"),
    pytest.param(GOOD.partition(" Sig")[0], "signature-missing", id="no-signature"),
    pytest.param(f"PNAUTHINFO3-HMAC-SHA256 Signature={SIGNATURE}", "credential-missing", id="no-credential"),
    pytest.param(with_signature(""), "signature-empty", id="empty-signature"),
    pytest.param(GOOD.replace(f"/{STAMP}", f":{STAMP}"), "credential-separator", id="colon-for-slash"),
    pytest.param(GOOD.replace(f"/{STAMP}", ""), "credential-separator", id="no-timestamp-no-slash"),
    pytest.param(GOOD.replace(STAMP, ""), "credential-timestamp-missing", id="no-timestamp"),
    pytest.param(GOOD.replace(ID, ""), "credential-user-missing", id="no-user"),
    pytest.param(GOOD.replace(" Sig", ",Sig"), "parameters-punctuation", id="comma-for-space"),
    pytest.param(GOOD.replace(" Sig", "&Sig"), "parameters-punctuation", id="ampersand-for-space"),
    pytest.param(GOOD.replace(" Sig", "  Sig"), "parameters-spacing", id="two-spaces"),
    pytest.param(GOOD.replace("256 ", "256  "), "parameters-spacing", id="two-spaces-after-scheme"),
    pytest.param(GOOD.replace(" Sig", "\tSig"), "parameters-spacing", id="tab"),
    pytest.param(GOOD.replace("Signature=", "signature="), "parameter-name", id="small-signature"),
    pytest.param(GOOD.replace("Credential=", "Credentials="), "parameter-name", id="credentials"),
    pytest.param(GOOD.replace("Signature=", "Sig="), "parameter-name", id="sig"),
    pytest.param(quote(GOOD, safe=" "), "parameters-url-encoded", id="url-encoded"),
    pytest.param(
        f"PNAUTHINFO3-HMAC-SHA256 Signature={SIGNATURE} Credential={ID}/{STAMP}", "parameters-order", id="swapped"
    ),
]

DATE = [
    pytest.param(GOOD.replace(" Sig", ", Sig"), "parameters-punctuation", id="comma-and-space"),
    pytest.param(
        f'PNAUTHINFO3-HMAC-SHA256 Credential="{ID}/{STAMP}" Signature="{SIGNATURE}"', "parameters-quoted", id="quoted"
    ),
    pytest.param(stamped("1714557570"), "timestamp-epoch", id="epoch-seconds"),
    pytest.param(stamped("1714557570123"), "timestamp-epoch", id="epoch-milliseconds"),
    pytest.param(stamped("1714557570.25"), "timestamp-epoch", id="epoch-with-fraction"),
    pytest.param(stamped("05/01/2024 09:59:30"), "timestamp-us-format", id="american-slashes"),
    pytest.param(stamped("5/1/2024 9:59:30 AM"), "timestamp-us-format", id="dotnet-default-format"),
    pytest.param(stamped("05-01-2024T09:59:30Z"), "timestamp-us-format", id="american-hyphens"),
    pytest.param(stamped("Wed, 01 May 2024 09:59:30 GMT"), "timestamp-http-date", id="http-date"),
    pytest.param(stamped("20240501T095930Z"), "timestamp-basic-format", id="basic-format"),
    pytest.param(stamped("20240501095930"), "timestamp-basic-format", id="digits-only"),
    pytest.param(stamped("2024-05-01 09:59:30"), "timestamp-space", id="space-for-t"),
    pytest.param(stamped("2024-05-01"), "timestamp-date-only", id="date-alone"),
    pytest.param(stamped("2024-05-01t09:59:30z"), "timestamp-lower-case", id="small-letters"),
    pytest.param(stamped("2024-05-01T11:59:30 02:00"), "timestamp-offset-space", id="plus-became-space"),
    pytest.param(stamped("2024-05-01T09%3A59%3A30Z"), "timestamp-url-encoded", id="url-encoded-date"),
    pytest.param(stamped("2024-02-30T09:59:30Z"), "timestamp-impossible", id="30-february"),
    pytest.param(stamped("2024-05-01T25:00:00Z"), "timestamp-impossible", id="25-o-clock"),
    pytest.param(stamped("yesterday"), "timestamp-not-iso8601", id="no-date-at-all"),
    pytest.param(stamped(f"2024-05-01 {'T' * 9000} 1"), "timestamp-not-iso8601", id="endless-date"),
]

USER = [
    pytest.param(user("john.doe@ACME.com"), "user-letter-case", id="other-letter-case"),
    pytest.param(user(quote(ID)), "user-url-encoded", id="at-sign-encoded"),
    pytest.param(user("hank"), "user-of-other-client", id="user-of-other-client"),
    pytest.param(user("Acme"), "user-is-client", id="client-for-user"),
    pytest.param(user(KEY), "user-is-secret", id="secret-for-user"),
    pytest.param(user("John.Do@acme.com"), "user-unknown", id="typing-error"),
    pytest.param(user("nobody"), "user-unknown", id="nobody"),
    pytest.param(user("robot"), "user-without-key", id="user-without-key"),
]

SIGNATURES = [
    # The message names another client.
    pytest.param(over(f"ACME:{ID}:{STAMP}"), "message-client-spelling", id="client-in-capitals"),
    pytest.param(over(f"acme:{ID}:{STAMP}"), "message-client-spelling", id="client-in-small-letters"),
    # The message names the user otherwise.
    pytest.param(over(f"Acme:{ID.lower()}:{STAMP}"), "message-user-spelling", id="user-in-small-letters"),
    pytest.param(over(f"Acme:{quote(ID)}:{STAMP}"), "message-user-spelling", id="user-url-encoded"),
    # The timestamp in the message is not the one in Credential.
    pytest.param(over(f"Acme:{ID}:2024-05-01T09:59:30"), "message-timestamp-form", id="z-left-out"),
    pytest.param(over(f"Acme:{ID}:2024-05-01T09:59:30+00:00"), "message-timestamp-form", id="z-as-offset"),
    pytest.param(over(f"Acme:{ID}:2024-05-01T09:59:30.000Z"), "message-timestamp-form", id="milliseconds-added"),
    pytest.param(over(f"Acme:{ID}:2024-05-01T09:59:30.0000000Z"), "message-timestamp-form", id="ticks-added"),
    pytest.param(over(f"Acme:{ID}:1714557570"), "message-timestamp-form", id="epoch-signed"),
    pytest.param(over(f"Acme:{ID}:{quote(STAMP)}"), "message-timestamp-form", id="timestamp-url-encoded"),
    pytest.param(over(f"Acme:{ID}:2024-05-01 09:59:30"), "message-timestamp-form", id="space-signed"),
    pytest.param(over(f"Acme:{ID}:2024-05-01T09:59:29Z"), "message-timestamp-other", id="clock-read-twice"),
    pytest.param(
        with_signature(b64(hmac_digest(f"Acme:{ID}:2024-05-01T09:59:30.250Z")), stamp="2024-05-01T09:59:30.253Z"),
        "message-timestamp-other",
        id="clock-read-twice-in-milliseconds",
    ),
    pytest.param(
        with_signature(b64(hmac_digest(MESSAGE)), stamp="2024-05-01T12:59:30+03:00"),
        "message-timestamp-form",
        id="utc-signed-offset-sent",
    ),
    # The parts are put together otherwise.
    *(
        pytest.param(over(":".join(parts)), "message-order", id=f"order-{'-'.join(p[:2] for p in parts)}")
        for parts in list(permutations(("Acme", ID, STAMP)))[1:]
    ),
    *(
        pytest.param(over(mark.join(("Acme", ID, STAMP))), "message-separator", id=f"separator-{name}")
        for name, mark in {"nothing": "", "bar": "|", "comma": ",", "newline": "\n", "slash": "/", "space": " "}.items()
    ),
    pytest.param(over(f"{ID}:{STAMP}"), "message-incomplete", id="no-client"),
    pytest.param(over(f"{ID}/{STAMP}"), "message-incomplete", id="value-of-credential"),
    pytest.param(over(f"{MESSAGE}\n"), "message-framed", id="newline-after-message"),
    pytest.param(over(f'"{MESSAGE}"'), "message-framed", id="message-quoted"),
    # Another hash, or none, or an HMAC where none belongs.
    pytest.param(GOOD.replace("SHA256", "SHA512"), "hash-other", id="sha512-named-sha256-used"),
    pytest.param(
        with_signature(b64(hmac_digest(algorithm="sha384")), scheme="PNAUTHINFO3-HMAC-SHA512"),
        "hash-other",
        id="sha512-named-sha384-used",
    ),
    pytest.param(with_signature(b64(hmac_digest(algorithm="sha1"))), "hash-other", id="sha1-used"),
    pytest.param(
        auth.sign("Acme", ID, KEY, STAMP, keyed=False).replace("-SHA", "-HMAC-SHA"),
        "hash-instead-of-hmac",
        id="unkeyed-signature-keyed-scheme",
    ),
    pytest.param(
        with_signature(b64(hashlib.sha256(MESSAGE.encode()).digest())), "hash-instead-of-hmac", id="hash-without-key"
    ),
    pytest.param(GOOD.replace("-HMAC", ""), "hmac-instead-of-hash", id="keyed-signature-unkeyed-scheme"),
    # Another key.
    pytest.param(with_signature(b64(hmac_digest(KEY, MESSAGE))), "key-and-message-swapped", id="swapped"),
    pytest.param(keyed(f"{KEY}\n"), "key-whitespace", id="key-with-newline"),
    pytest.param(keyed(f"{KEY}\r\n"), "key-whitespace", id="key-with-crlf"),
    pytest.param(keyed(f" {KEY}"), "key-whitespace", id="key-with-space"),
    pytest.param(keyed(f'"{KEY}"'), "key-quoted", id="key-with-quotes"),
    pytest.param(keyed(base64.b64decode(KEY)), "key-base64-decoded", id="key-base64-decoded"),
    pytest.param(keyed(JANES_KEY), "key-of-other", id="key-of-another-user"),
    pytest.param(keyed(OTHERS_KEY), "key-of-other", id="key-of-another-client"),
    pytest.param(keyed(APP_SECRET), "key-of-other", id="oauth-secret-as-key"),
    # The right signature, written down wrongly.
    pytest.param(with_signature(hmac_digest().hex()), "signature-hex", id="hex"),
    pytest.param(with_signature(hmac_digest().hex().upper()), "signature-hex", id="hex-in-capitals"),
    pytest.param(with_signature(hmac_digest().hex("-").upper()), "signature-hex", id="dotnet-bitconverter"),
    pytest.param(ODD[:-44] + ODD_SIGNATURE.translate(str.maketrans("+/", "-_")), "signature-url-safe", id="url-safe"),
    pytest.param(ODD[:-1], "signature-no-padding", id="no-padding"),
    pytest.param(ODD[:-44] + quote(ODD_SIGNATURE, safe=""), "signature-url-encoded", id="percent-3d"),
    pytest.param(ODD.replace("+", " "), "signature-plus-lost", id="plus-became-space"),
    pytest.param(ODD[:-20] + " " + ODD[-20:], "signature-broken-line", id="wrapped-line"),
    pytest.param(with_signature(b64(hmac_digest().hex().encode())), "signature-base64-of-hex", id="base64-of-hex"),
    pytest.param(GOOD[:-10], "signature-truncated", id="cut-short"),
    # Nothing reproduces it.
    pytest.param(with_signature(KEY), "signature-is-secret", id="secret-for-signature"),
    pytest.param(with_signature("not base64 at all!"), "signature-not-base64", id="not-base64"),
    pytest.param(with_signature(b64(hmac_digest(key="?", algorithm="md5"))), "signature-length", id="16-bytes"),
    pytest.param(keyed("a key that nobody knows"), "cannot-tell", id="unknown-key"),
    pytest.param(over("something else"), "cannot-tell", id="unknown-message"),
]

TABLE = (
    [(param, BAD_SCHEME) for param in SCHEME]
    + [(param, UNABLE) for param in (*PARAMETERS, *USER, *SIGNATURES)]
    + [(param, BAD_DATE) for param in DATE]
)


@pytest.mark.parametrize(
    ("header", "cause", "text"),
    [pytest.param(*param.values, text, id=param.id) for param, text in TABLE],
)
def test_a_wrong_header_has_the_vendors_text_and_a_cause_of_its_own(header: str, cause: str, text: str) -> None:
    """The right one of the vendor's texts goes out, the right cause goes into the story."""
    assert refusal(header) == text
    found = diagnose(header)
    assert found.cause == cause
    assert found.certain == (cause != "cannot-tell")
    assert found.sentence.endswith(".")
    assert found.hint
    assert "{" not in found.sentence + found.hint


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
    pytest.param("2024-05-01T06:00:00", "timestamp-local-time", "4 h 0 min behind", False, id="atlanta-no-zone"),
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


def test_every_mistake_in_the_tables_has_an_example() -> None:
    """A row that nothing reaches would be a claim without proof."""
    shown = {param.values[1] for param, _ in TABLE}
    elsewhere = {"message-client-without-world", "signature-not-canonical"}
    texts = (*auth_header_mistakes.SCHEME, *auth_header_mistakes.PARAMETERS, *auth_header_mistakes.TIMESTAMP)
    causes = {row.cause for row in texts} | {row.cause for row in auth_recipes.RECIPES}
    causes |= {spelling.cause for spelling, _ in auth_spelling.SPELLINGS} | {auth_spelling.TRUNCATED.cause}
    assert causes - shown == elsewhere


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


# --- laws ----------------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None))
NAMES = ["PNAUTHINFO3-HMAC-SHA256", "PNAUTHINFO3-SHA512", "Credential=", " Signature="]
PIECES = st.sampled_from([*SECRETS, *NAMES, *' /=:,"\n+', ID, STAMP, SIGNATURE])
HEADERS = ANY_TEXT | st.lists(PIECES | ANY_TEXT).map("".join)


def shows_no_secret(found: Diagnosis) -> bool:
    return not any(secret in found.sentence + found.hint + found.cause for secret in SECRETS)


@settings(deadline=None)
@given(header=HEADERS, known=st.booleans(), client_id=st.sampled_from(["Acme", "Acme~x", KEY]) | ANY_TEXT)
def test_no_header_makes_explaining_fail_or_tell_a_secret(header: str, known: bool, client_id: str) -> None:
    """Whatever is sent, in whatever place."""
    found = diagnose(header, client=ACME if known else None, client_id=client_id)
    assert shows_no_secret(found)


@settings(deadline=None)
@given(user_id=PIECES | ANY_TEXT, stamp=PIECES | st.datetimes().map(str) | ANY_TEXT, signature=PIECES | ANY_TEXT)
def test_no_well_formed_header_makes_explaining_fail_or_tell_a_secret(user_id: str, stamp: str, signature: str) -> None:
    """The parts are where they belong, their content is anything."""
    assert shows_no_secret(diagnose(with_signature(signature, user=user_id, stamp=stamp)))


@settings(deadline=None)
@given(signature=PIECES | ANY_TEXT | st.binary(min_size=32, max_size=32).map(b64))
def test_no_signature_brings_the_expected_one_to_light(signature: str) -> None:
    """A sentence never helps to forge a signature."""
    assume(signature != SIGNATURE)
    found = diagnose(with_signature(signature))
    assert shows_no_secret(found)
    assert SIGNATURE not in found.sentence + found.hint
    assert hmac_digest().hex() not in found.sentence + found.hint


@settings(deadline=None)
@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=12),
    place=st.sampled_from(["user", "stamp", "signature", "client"]),
)
def test_no_secret_is_told_wherever_the_client_puts_it(secret: str, place: str) -> None:
    """Also for keys with quotes, braces and backslashes in them."""
    owner = User("owner", (secret,))
    client = Client("Owned", {"owner": owner})
    parts = {"user": "owner", "stamp": STAMP, "signature": SIGNATURE, "client": "Owned"} | {place: f"x{secret}y"}
    found = explain(
        with_signature(parts["signature"], user=parts["user"], stamp=parts["stamp"]),
        client=client,
        client_id=parts["client"],
        clients={"Owned": client},
        now=NOW,
        allow_unkeyed=True,
    )
    shown = found.sentence + found.hint
    assert secret not in shown
    assert repr(secret)[1:-1] not in shown
    assert found.cause != "valid"


@settings(deadline=None)
@given(header=st.sampled_from([GOOD, ODD, keyed(OLD_KEY)]) | HEADERS)
def test_only_what_is_accepted_is_called_valid(header: str) -> None:
    """Explaining and verifying agree."""
    try:
        auth.verify(header, client=ACME, client_id="Acme", now=NOW, allow_unkeyed=True)
    except Unauthorized:
        accepted = False
    else:
        accepted = True
    assert (diagnose(header).cause == "valid") == accepted
