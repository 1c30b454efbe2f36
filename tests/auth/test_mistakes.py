"""Each mistake that people make in an Authorization header: the vendor's text, and a cause of its own."""

from __future__ import annotations

import base64
import hashlib
from itertools import permutations
from urllib.parse import quote

import pytest

from mockserver.auth import header_mistakes as auth_header_mistakes
from mockserver.auth import recipes as auth_recipes
from mockserver.auth import signing as auth
from mockserver.auth import spelling as auth_spelling
from tests.auth.diagnosing import (
    APP_SECRET,
    GOOD,
    ID,
    JANES_KEY,
    KEY,
    MESSAGE,
    ODD,
    ODD_SIGNATURE,
    OTHERS_KEY,
    SIGNATURE,
    b64,
    diagnose,
    hmac_digest,
    keyed,
    over,
    refusal,
    stamped,
    user,
    with_signature,
)
from tests.auth.verifying import BAD_DATE, BAD_SCHEME, STAMP, UNABLE

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


def test_every_mistake_in_the_tables_has_an_example() -> None:
    """A row that nothing reaches would be a claim without proof."""
    shown = {param.values[1] for param, _ in TABLE}
    elsewhere = {"message-client-without-world", "signature-not-canonical"}
    texts = (*auth_header_mistakes.SCHEME, *auth_header_mistakes.PARAMETERS, *auth_header_mistakes.TIMESTAMP)
    causes = {row.cause for row in texts} | {row.cause for row in auth_recipes.RECIPES}
    causes |= {spelling.cause for spelling, _ in auth_spelling.SPELLINGS} | {auth_spelling.TRUNCATED.cause}
    assert causes - shown == elsewhere
