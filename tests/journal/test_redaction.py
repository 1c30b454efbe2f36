"""No secret is kept in the journal, however wrongly it is sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.auth.signing import ALGORITHMS, sign
from mockserver.journal.har import har
from mockserver.journal.log import Exchange
from mockserver.journal.view import curl_text, entry_json
from tests.journal.exchanges import TARGET, TREE, exchange, journal_of

STAMP = "2024-05-01T10:00:00Z"
HMAC = f"PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/{STAMP}"


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
    [entry] = journal_of(exchange(headers=(("authorization", sent),)))
    assert entry.headers == (("authorization", kept),)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("X-Mock-Admin-Token", "[redacted]"),
        ("x-admin-token", "[redacted]"),
        ("Cookie", "[redacted]"),
        ("Proxy-Authorization", "[redacted]"),
        ("X-Api-Key", "[redacted]"),
        ("X-Client-Secret", "[redacted]"),
        ("X-Signature", "[redacted]"),
        ("Accept", "value"),
        ("X-Correlation-Id", "value"),
    ],
)
def test_headers_that_hold_a_secret_by_their_name_lose_it(name: str, kept: str) -> None:
    """A token in a header of its own is a token too."""
    [entry] = journal_of(exchange(headers=((name, "value"),)))
    assert entry.headers == ((name, kept),)


@pytest.mark.parametrize(
    ("request_line", "sent", "kept"),
    [
        pytest.param(
            "POST /oauth/token",
            "grant_type=client_credentials&client_id=app&client_secret=s3cret&scope=ACME%2FJohn",
            "grant_type=client_credentials&client_id=app&client_secret=[redacted]&scope=ACME%2FJohn",
            id="form",
        ),
        pytest.param("POST /oauth/token", "client%5Fsecret=s3cret", "client%5Fsecret=[redacted]", id="encoded-name"),
        pytest.param("POST /oauth/token", '{"client_secret": "s3cret"}', "[redacted]", id="json-instead"),
        pytest.param("POST /oauth/token", "client_id=a\nclient_secret=s3cret", "[redacted]", id="lines-instead"),
        pytest.param("POST /oauth/token", "key=s3cret", "[redacted]", id="unknown-field"),
        pytest.param("POST /oauth/tokens", "client_secret=s3cret", "client_secret=[redacted]", id="wrong-url"),
        pytest.param("PATCH /oauth/token", "client_secret=s3cret", "client_secret=[redacted]", id="wrong-method"),
        pytest.param(f"PATCH {TARGET}", '[{"path":"/client_secret"}]', '[{"path":"/client_secret"}]', id="a-patch"),
        pytest.param(f"PUT {TARGET}", '[{"op":"add"}]', '[{"op":"add"}]', id="harmless-body"),
    ],
)
def test_bodies_lose_the_credentials_of_a_token_request(request_line: str, sent: str, kept: str) -> None:
    """Of a token request only what is public stays; a patch stays as it was sent."""
    method, _, target = request_line.partition(" ")
    [entry] = journal_of(exchange(method=method, target=target, body=sent.encode()))
    assert entry.body.decode() == kept


def test_the_token_that_is_answered_is_not_kept() -> None:
    """A bearer token in the journal would let its reader act for the user."""
    answer = b'{"access_token": "mpt1.abc.def","token_type":"bearer"}'
    [entry] = journal_of(exchange(method="POST", target="/Profiles/oauth/token", answer_body=answer))
    assert orjson.loads(entry.answer_body) == {"access_token": "[redacted]", "token_type": "bearer"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("/x?access_token=abc&a=1", "/x?access_token=[redacted]&a=1"),
        ("/x?client%5Fsecret=abc", "/x?client%5Fsecret=[redacted]"),
        ("/x?a=token&b", "/x?a=token&b"),
        (TARGET, TARGET),
    ],
)
def test_queries_lose_their_secrets(sent: str, kept: str) -> None:
    """RFC 6750 lets a token travel in the URL."""
    [entry] = journal_of(exchange(target=sent))
    assert entry.target == kept


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
    lambda header, signature: header.replace(" Credential=", f" Signature={signature} Credential="),
    lambda header, signature: header.replace(" ", "  "),
    lambda header, signature: header.partition(" ")[2],
    lambda header, signature: signature,
    lambda header, signature: f"Bearer {signature}",
    lambda header, signature: f"PNAUTHINFO3-HMAC-SHA256 {signature}",
]
# Marked, so that no secret is by chance a word of ours.
secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=9, max_size=45).map(
    "zqx{}".format
)


def everything_shown(entry: Exchange) -> Iterator[str]:
    yield repr(entry)
    yield orjson.dumps(entry_json(entry, TREE)).decode()
    yield orjson.dumps(har([entry])).decode()
    yield curl_text(entry, "http://localhost")


@settings(deadline=None)
@given(
    mangle=st.sampled_from(MANGLED),
    user=st.text("abc./ @", min_size=1, max_size=10),
    secret=secrets,
    algorithm=st.sampled_from(ALGORITHMS),
    keyed=st.booleans(),
)
def test_no_signature_is_ever_shown(
    mangle: Callable[[str, str], str], user: str, secret: str, algorithm: str, keyed: bool
) -> None:
    """However wrongly a signature is sent, nothing made from the journal contains it."""
    header = sign("ACME", user, secret, STAMP, algorithm=algorithm, keyed=keyed)
    signature = header.rpartition("Signature=")[2]
    [entry] = journal_of(exchange(headers=(("Authorization", mangle(header, signature)),)))
    for text in everything_shown(entry):
        assert signature not in text
        assert signature.rstrip("=") not in text


@settings(deadline=None)
@given(
    secret=secrets,
    others=st.lists(st.sampled_from(["grant_type=client_credentials", "client_id=app", "scope=ACME%2FJohn"])),
    name=st.sampled_from(["client_secret", "client%5Fsecret", "CLIENT_SECRET", "+client_secret", "Password"]),
    at=st.integers(0, 3),
)
def test_no_client_secret_is_ever_shown(secret: str, others: list[str], name: str, at: int) -> None:
    """Wherever the form has it, and in the Basic header too, it is gone."""
    body = "&".join([*others[:at], f"{name}={quote(secret)}", *others[at:]]).encode()
    basic = b64encode(f"app:{secret}".encode()).decode()
    sent = exchange(
        method="POST",
        target=f"/oauth/token?{urlencode({'client_secret': secret})}",
        headers=(("authorization", f"Basic {basic}"), ("x-admin-token", secret)),
        body=body,
        answer_body=orjson.dumps({"access_token": secret}),
    )
    [entry] = journal_of(sent)
    for text in everything_shown(entry):
        assert secret not in text
        assert basic not in text
        assert b64encode(secret.encode()).decode().rstrip("=")[:-2] not in text
