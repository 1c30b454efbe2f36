"""Whatever is signed verifies, and nothing else does."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.auth import signing as auth
from mockserver.auth.signing import Client, User
from mockserver.errors import Unauthorized
from tests.auth.verifying import (
    ACME,
    BAD_DATE,
    BAD_SCHEME,
    GOOD,
    JOHN,
    MISSING,
    NOW,
    SIGNATURE,
    STAMP,
    TOO_OLD,
    UNABLE,
    signature_as_documented,
    verify,
)

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
