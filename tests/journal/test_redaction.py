"""What is taken out of text for people: by content, by likeness, by the name of a header; and what stays."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256, sha384, sha512
from time import process_time
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.auth.signing import ALGORITHMS, sign
from mockserver.formats.xml_read import PATCH_ROOT
from mockserver.journal.har import har
from mockserver.journal.log import Exchange
from mockserver.journal.redaction import Secrets
from mockserver.journal.view import curl_text, entry_json, explain_json, shown
from tests.examples import many
from tests.journal.exchanges import TARGET, TREE, exchange

STAMP = "2024-05-01T10:00:00Z"
HMAC = f"PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/{STAMP}"
KEY = 'q7w-2E&r"t8 y9\\u/1pL%k3jh=é§gfdsa'
SECRETS = Secrets([KEY, "short"], ["John.Doe"])
SIGNATURE = b64encode(sha256(b"what is signed").digest()).decode()
LONGER = [b64encode(hash_of(b"x").digest()).decode() for hash_of in (sha384, sha512)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(f"{HMAC} Signature=c2VjcmV0", f"{HMAC} Signature=[redacted]", id="as-documented"),
        pytest.param(f"{HMAC}, Signature=c2VjcmV0", f"{HMAC}, Signature=[redacted]", id="with-a-comma"),
        pytest.param(f"{HMAC} signature=c2VjcmV0", f"{HMAC} signature=[redacted]", id="lower-case-name"),
        pytest.param(f"{HMAC} Sig=c2VjcmV0", f"{HMAC} [redacted]", id="misspelt-name"),
        pytest.param(f"{HMAC} c2VjcmV0", f"{HMAC} [redacted]", id="no-name"),
        pytest.param(f"{HMAC}", f"{HMAC} [redacted]", id="no-signature"),
        pytest.param(f"{HMAC}c2VjcmV0", "PNAUTHINFO3-HMAC-SHA256 [redacted]", id="no-space"),
        pytest.param(
            f"PNAUTHINFO3-HMAC-SHA256 Signature=c2VjcmV0 Credential=John.Doe/{STAMP}",
            "PNAUTHINFO3-HMAC-SHA256 [redacted]",
            id="other-order",
        ),
        pytest.param(
            "PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/1714557600 Signature=c2VjcmV0",
            "PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/1714557600 Signature=[redacted]",
            id="not-iso-8601",
        ),
        pytest.param(
            f"PNAUTHINF-SHA1 Credential=a b/c/{STAMP} Signature=c2VjcmV0",
            f"PNAUTHINF-SHA1 Credential=a b/c/{STAMP} Signature=[redacted]",
            id="unknown-scheme",
        ),
        pytest.param(
            f"{HMAC}/{SIGNATURE} Signature={SIGNATURE}", "PNAUTHINFO3-HMAC-SHA256 [redacted]", id="signature-in-front"
        ),
        pytest.param(
            f"{HMAC} Signature=x,{HMAC} Signature={SIGNATURE}", f"{HMAC} Signature=[redacted]", id="two-headers"
        ),
        pytest.param(
            f"PNAUTHINFO3-HMAC-SHA256 Credential={KEY[:12]}/{STAMP} Signature=x",
            "PNAUTHINFO3-HMAC-SHA256 [redacted]",
            id="key-for-user",
        ),
        pytest.param(
            f"PNAUTHINFO3-HMAC-SHA256 Credential=me/{KEY[-9:]} Signature=x",
            "PNAUTHINFO3-HMAC-SHA256 [redacted]",
            id="key-for-time",
        ),
        pytest.param(f"{KEY} Credential=me/{STAMP} Signature=x", "[redacted]", id="key-for-scheme"),
        pytest.param("Bearer mpt1.abc.def", "Bearer [redacted]", id="bearer"),
        pytest.param("basic dTpw", "basic [redacted]", id="basic"),
        pytest.param("Basic", "Basic", id="scheme-alone"),
        pytest.param("c2VjcmV0", "[redacted]", id="a-bare-secret"),
        pytest.param("c2VjcmV0 c2VjcmV0", "[redacted]", id="secrets"),
        pytest.param("", "[redacted]", id="blank"),
    ],
)
def test_authorization_keeps_scheme_and_credential(sent: str, kept: str) -> None:
    """What a person needs to see who signed and when stays; the signature, under whatever name, goes."""
    assert SECRETS.headers([("authorization", sent)]) == (("authorization", kept),)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("X-Mock-Admin-Token", "[redacted]"),
        ("Cookie", "[redacted]"),
        ("Proxy-Authorization", "[redacted]"),
        ("Authorisation", "[redacted]"),
        ("Ocp-Apim-Subscription-Key", "[redacted]"),
        ("X-Auth", "[redacted]"),
        ("Referer", "[redacted]"),
        ("Accept", "value"),
        ("X-Correlation-Id", "value"),
    ],
)
def test_headers_keep_their_value_only_if_their_name_is_harmless(name: str, kept: str) -> None:
    """Nobody can list the names under which secrets are sent."""
    assert SECRETS.headers([(name, "value")]) == ((name, kept),)


def test_a_long_value_is_redacted_like_a_short_one() -> None:
    """Only short ones are remembered."""
    (_, value), (name, _) = SECRETS.headers([("user-agent", f"{'a ' * 200}{KEY[3:15]}"), (f"x-{KEY[:9]}", "")])
    assert value == f"{'a ' * 200}[redacted]"
    assert name == "x-[redacted]"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("/x?access_token=abc&a=1", "/x?access_token=[redacted]&a=1", id="query"),
        pytest.param("/x?client%5Fsecret=abc", "/x?client%5Fsecret=[redacted]", id="encoded-name"),
        pytest.param("/x?a=token&b", "/x?a=token&b", id="harmless-query"),
        pytest.param(TARGET, TARGET, id="route"),
        pytest.param(
            f"/Profiles/{'A' * 12}1/Profile/AlternateIdType/b/AlternateId/c",
            f"/Profiles/{'A' * 12}1/Profile/AlternateIdType/b/AlternateId/c",
            id="long-route",
        ),
        pytest.param(f"/a/{SIGNATURE}/b", "[redacted]/b", id="signature-in-a-path"),
        pytest.param(f"{TARGET[:-3]}{quote(SIGNATURE, safe='')}", f"{TARGET[:-3]}[redacted]", id="signature-as-an-id"),
        pytest.param(
            f"/{'Ab/1' * 11}=/Profile/AlternateIdType/{'Ab+1' * 16}/AlternateId/c",
            "[redacted]/Profile/AlternateIdType/[redacted]/AlternateId/c",
            id="in-front-of-a-route's-words",
        ),
        *(pytest.param(f"is {text}.", "is [redacted].", id=f"base64-of-{len(text)}") for text in LONGER),
        pytest.param(f"is {SIGNATURE[:-1]} so", "is [redacted] so", id="without-padding"),
        pytest.param("6f9619ff-8b86-d011-b42d-00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc964ff", id="guid"),
        pytest.param("6f9619ff8b86d011b42d00c04fc964ff", "6f9619ff8b86d011b42d00c04fc964ff", id="guid-without-hyphens"),
        pytest.param(f"as {sha256(b'x').hexdigest()}", "as [redacted]", id="hexadecimal"),
        pytest.param(f"as {sha256(b'x').hexdigest()[:40].upper()}", "as [redacted]", id="hexadecimal-of-20-bytes"),
        pytest.param("as azup7bqvmvt2g9yn6vsgkq8t9ow66jm7", "as [redacted]", id="small-letters-and-digits"),
        pytest.param("http://me:pass@host/", "http://[redacted]@host/", id="userinfo"),
        pytest.param("Authorization: Bearer abcdefghijklmnopqrst", "Authorization: Bearer [redacted]", id="bearer"),
        pytest.param(f"write <{PATCH_ROOT}>", f"write <{PATCH_ROOT}>", id="xml-root"),
        pytest.param(f"as {PATCH_ROOT}x", "as [redacted]", id="longer-than-the-xml-root"),
        pytest.param("ask for a bearer token.", "ask for a bearer token.", id="words"),
        pytest.param("Signature=<base64>", "Signature=<base64>", id="a-form"),
        pytest.param("no user 'x Signature=abc'", "no user 'x Signature=[redacted]'", id="signature-in-a-sentence"),
        pytest.param("mpt1.eyJhcHAiOiJ4.abcdefghijk", "[redacted]", id="own-token"),
        pytest.param("a short one", "a [redacted] one", id="short-secret"),
        pytest.param("in shorter words", "in shorter words", id="not-the-short-secret"),
    ],
)
def test_urls_and_sentences_lose_what_looks_like_a_credential(sent: str, kept: str) -> None:
    """By what it looks like, for the server can't know every secret; all else is shown as it was sent."""
    assert SECRETS.text(sent) == kept
    assert SECRETS.text(kept) == kept


def test_members_and_bodies_keep_what_only_looks_like_a_credential() -> None:
    """A profile may hold any text."""
    body = orjson.dumps({"Signature=": SIGNATURE, "Url": "http://me:pass@host/?token=x"})
    assert SECRETS.body(body) is body
    assert SECRETS.content(orjson.loads(body)) == orjson.loads(body)


@pytest.mark.parametrize(
    "piece",
    ["/a", "?key", "=?key", "key", "=;sig=", "Signature= ", "signature", "://", "://a", "Bearer ", "A1a", "%25", "\\\\",
     "mpt1.", "Profile/", "PNAUTHINFO3-SHA256 Credential=", "/2024-05-01T10:00", KEY[:7], "&#1", "\0"],
)  # fmt: skip
def test_no_text_keeps_the_server_busy(piece: str) -> None:
    """As long as a head may be, and made to be searched again and again."""
    text = "=" + piece * (64_000 // len(piece))
    started = process_time()
    SECRETS.text(text)
    SECRETS.headers([("authorization", text), ("authorization", f"Basic {text}")])
    assert process_time() - started < 2


SPELLINGS: list[Callable[[str], str]] = [
    str,
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text)),
    lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    lambda text: orjson.dumps(text).decode()[1:-1],
    lambda text: orjson.dumps(orjson.dumps(text).decode()).decode(),
    lambda text: "".join(f"\\u{ord(letter):04X}" for letter in text),
    lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    lambda text: text.encode().decode("latin-1"),
    "\0".join,
    lambda text: repr(text)[1:-1],
    lambda text: text.encode().upper().decode(),
    lambda text: text.replace(" ", "+"),
]


@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
@settings(max_examples=many(60))
@given(
    start=st.integers(0, len(KEY) - 8),
    length=st.integers(8, len(KEY)),
    before=st.text(st.characters(codec="utf-8", exclude_characters="\\%&"), max_size=9),
    after=st.text(st.characters(codec="utf-8", exclude_characters="0123456789abcdefABCDEF;"), max_size=9),
)
def test_a_known_secret_goes_in_whole_and_in_part(
    spelling: int, start: int, length: int, before: str, after: str
) -> None:
    """However it is written and whatever stands around it, which stays."""
    part = KEY[start : start + length]
    if len(part) < 8:
        part = KEY[-8:]
    # Between them stands what is not in the key, or both together could be more of it.
    text = SECRETS.known(f"{before}| {SPELLINGS[spelling](part)} |{after}")
    assert text.startswith(before)
    assert text.endswith(after)
    assert "[redacted]" in text


MANGLED: list[Callable[[str, str], str]] = [
    lambda header, signature: header,
    lambda header, signature: header.lower().replace(signature.lower(), signature),
    lambda header, signature: header.replace(" Signature=", ", Signature="),
    lambda header, signature: header.replace(" Signature=", " Sig="),
    lambda header, signature: header.replace(" Signature=", " Signature: "),
    lambda header, signature: header.replace(" Signature=", "\tSignature="),
    lambda header, signature: header.replace(" Signature=", " "),
    lambda header, signature: header.replace(" Signature=", ""),
    lambda header, signature: header.replace(" Signature=", f" {signature} Signature="),
    lambda header, signature: header.replace(" Signature=", f"/{signature} Signature="),
    lambda header, signature: header.replace(" Credential=", f" Signature={signature} Credential="),
    lambda header, signature: header.replace(" ", "  "),
    lambda header, signature: f"{header},{header}",
    lambda header, signature: header.partition(" ")[2],
    lambda header, signature: signature,
    lambda header, signature: f"Bearer {signature}",
    lambda header, signature: f"PNAUTHINFO3-HMAC-SHA256 {signature}",
]


def everything_shown(entry: Exchange) -> Iterator[str]:
    entry = shown(entry, SECRETS, "http")
    yield orjson.dumps(entry_json(entry, TREE)).decode()
    yield orjson.dumps(explain_json(entry, TREE)).decode()
    yield orjson.dumps(har([entry])).decode()
    yield curl_text(entry, "http://localhost")


@given(
    mangle=st.sampled_from(MANGLED),
    user=st.text("abc./ @", min_size=1, max_size=10),
    secret=st.text(min_size=1),
    algorithm=st.sampled_from(ALGORITHMS),
    keyed=st.booleans(),
)
def test_no_signature_is_ever_shown(
    mangle: Callable[[str, str], str], user: str, secret: str, algorithm: str, keyed: bool
) -> None:
    """However wrongly a signature is sent, nothing made from the journal contains it."""
    header = sign("ACME", user, secret, STAMP, algorithm=algorithm, keyed=keyed)
    signature = header.rpartition("Signature=")[2]
    headers = SECRETS.headers([("Authorization", mangle(header, signature))])
    for text in everything_shown(exchange(headers=headers)):
        assert not any(signature[at : at + 8] in text for at in range(len(signature) - 8))
