"""Whatever is sent: explaining a refused header neither fails nor tells a secret."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from mockserver.auth import signing as auth
from mockserver.auth.diagnosis import Diagnosis, explain
from mockserver.auth.signing import Client, User
from mockserver.errors import Unauthorized
from tests.auth.diagnosing import (
    ACME,
    GOOD,
    ID,
    KEY,
    ODD,
    OLD_KEY,
    SECRETS,
    SIGNATURE,
    b64,
    diagnose,
    hmac_digest,
    keyed,
    with_signature,
)
from tests.auth.verifying import NOW, STAMP

ANY_TEXT = st.text(st.characters(codec=None))
NAMES = ["PNAUTHINFO3-HMAC-SHA256", "PNAUTHINFO3-SHA512", "Credential=", " Signature="]
PIECES = st.sampled_from([*SECRETS, *NAMES, *' /=:,"\n+', ID, STAMP, SIGNATURE])
HEADERS = ANY_TEXT | st.lists(PIECES | ANY_TEXT).map("".join)


def shows_no_secret(found: Diagnosis) -> bool:
    return not any(secret in found.sentence + found.hint + found.cause for secret in SECRETS)


@given(header=HEADERS, known=st.booleans(), client_id=st.sampled_from(["Acme", "Acme~x", KEY]) | ANY_TEXT)
def test_no_header_makes_explaining_fail_or_tell_a_secret(header: str, known: bool, client_id: str) -> None:
    """Whatever is sent, in whatever place."""
    found = diagnose(header, client=ACME if known else None, client_id=client_id)
    assert shows_no_secret(found)


@given(user_id=PIECES | ANY_TEXT, stamp=PIECES | st.datetimes().map(str) | ANY_TEXT, signature=PIECES | ANY_TEXT)
def test_no_well_formed_header_makes_explaining_fail_or_tell_a_secret(user_id: str, stamp: str, signature: str) -> None:
    """The parts are where they belong, their content is anything."""
    assert shows_no_secret(diagnose(with_signature(signature, user=user_id, stamp=stamp)))


@given(signature=PIECES | ANY_TEXT | st.binary(min_size=32, max_size=32).map(b64))
def test_no_signature_brings_the_expected_one_to_light(signature: str) -> None:
    """A sentence never helps to forge a signature."""
    assume(signature != SIGNATURE)
    found = diagnose(with_signature(signature))
    assert shows_no_secret(found)
    assert SIGNATURE not in found.sentence + found.hint
    assert hmac_digest().hex() not in found.sentence + found.hint


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
