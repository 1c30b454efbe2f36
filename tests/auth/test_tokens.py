"""OAuth 2.0 client credentials and the bearer tokens that come of them."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.auth import tokens as oauth
from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.auth.tokens import OAuthError
from mockserver.errors import Unauthorized

NOW = datetime(2024, 5, 1, 10, 0, 0, 750_000, tzinfo=UTC)
SERVER_KEY = b"the server's own key"
APP_ID = "a" * 48
APP_SECRET = "s3cr3t+of/the%20app==" + "x" * 43
JOHN = User("John.Doe", ("johns-own-key",))
ODD = User("jane/of sales", ("janes-own-key",))
APP = OAuthClient(APP_ID, APP_SECRET, frozenset({JOHN.user_id, ODD.user_id, "Gone", "Hank"}))
SPECIAL = OAuthClient("id with:colon", "plain", frozenset({"Hank"}))
ACME = Client("ACME_CORP", {u.user_id: u for u in (JOHN, ODD, User("Mute", ()))}, {APP_ID: APP})
GLOBEX = Client("Globex", {"Hank": User("Hank", ())}, {SPECIAL.client_id: SPECIAL})
CLIENTS = {client.client_id: client for client in (ACME, GLOBEX)}
FORM = {"grant_type": "client_credentials", "scope": "ACME_CORP/John.Doe"}
IN_BODY = {"client_id": APP_ID, "client_secret": APP_SECRET}


def basic(text: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(text.encode()).decode()}"


BASIC = basic(f"{APP_ID}:{APP_SECRET}")


def ask(form: Mapping[str, str], authorization: str | None = None) -> dict[str, object]:
    return oauth.token_request(form, authorization, CLIENTS, now=NOW, lifetime_s=3600, key=SERVER_KEY)


def token(user_id: str = "John.Doe", *, client_id: str = "ACME_CORP", key: bytes = SERVER_KEY) -> str:
    return oauth.issue(APP, client_id, user_id, now=NOW, lifetime_s=3600, key=key)


def refused(bearer: str, *, client: Client | None = ACME, now: datetime = NOW) -> Unauthorized:
    with pytest.raises(Unauthorized) as caught:
        oauth.authenticate(bearer, client=client, now=now, key=SERVER_KEY)
    return caught.value


# -- asking for a token ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "authorization"),
    [
        pytest.param(FORM | IN_BODY, None, id="in-the-body"),
        pytest.param(FORM | IN_BODY, " ", id="in-the-body-blank-header"),
        pytest.param(FORM, BASIC, id="in-the-header"),
        pytest.param(FORM, basic(f"{APP_ID}:{APP_SECRET}", "bAsIc"), id="scheme-in-any-letter-case"),
        pytest.param(FORM, basic(f"{APP_ID}:{quote_plus(APP_SECRET)}"), id="form-encoded-as-in-rfc-6749"),
        pytest.param(FORM | {"client_id": APP_ID}, BASIC, id="client-id-repeated-in-the-body"),
        pytest.param(FORM | {"scope": "ACME_CORP~blue/John.Doe"}, BASIC, id="client-with-the-name-of-a-world"),
    ],
)
def test_the_right_credentials_get_a_bearer_token(form: dict[str, str], authorization: str | None) -> None:
    """In a Basic header or in the body (documented)."""
    answer = ask(form, authorization)
    assert list(answer) == ["access_token", "token_type", "expires_in"]
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert oauth.read(str(answer["access_token"]), now=NOW, key=SERVER_KEY) == ("ACME_CORP", "John.Doe")


def test_client_ids_with_a_colon_can_be_form_encoded() -> None:
    """The reason why RFC 6749 encodes both parts."""
    answer = ask(FORM | {"scope": "Globex/Hank"}, basic(f"{quote_plus(SPECIAL.client_id)}:plain"))
    assert oauth.read(str(answer["access_token"]), now=NOW, key=SERVER_KEY) == ("Globex", "Hank")


REFUSED = [
    pytest.param(IN_BODY | {"scope": "ACME_CORP/John.Doe"}, None, 400, "invalid_request", id="no-grant-type"),
    pytest.param(FORM | IN_BODY | {"grant_type": ""}, None, 400, "invalid_request", id="empty-grant-type"),
    pytest.param(FORM | IN_BODY | {"grant_type": "password"}, None, 400, "unsupported_grant_type", id="other-grant"),
    pytest.param(FORM, None, 401, "invalid_client", id="no-credentials"),
    pytest.param(FORM | {"client_id": APP_ID}, None, 401, "invalid_client", id="no-secret"),
    pytest.param(FORM | {"client_secret": APP_SECRET}, None, 401, "invalid_client", id="no-client-id"),
    pytest.param(FORM | IN_BODY | {"client_secret": "x"}, None, 401, "invalid_client", id="wrong-secret"),
    pytest.param(FORM | IN_BODY | {"client_id": "x"}, None, 401, "invalid_client", id="unknown-client-id"),
    pytest.param(FORM | IN_BODY | {"client_id": "ACME_CORP"}, None, 401, "invalid_client", id="account-for-client-id"),
    pytest.param(FORM | IN_BODY, BASIC, 400, "invalid_request", id="header-and-body"),
    pytest.param(FORM | {"client_id": "x"}, BASIC, 400, "invalid_request", id="two-client-ids"),
    pytest.param(FORM, basic(f"{APP_ID}:wrong"), 401, "invalid_client", id="wrong-secret-in-header"),
    pytest.param(FORM, basic(APP_ID), 401, "invalid_client", id="header-without-colon"),
    pytest.param(FORM, basic(f"{APP_ID}:"), 401, "invalid_client", id="header-without-secret"),
    pytest.param(FORM, "Basic %%%", 401, "invalid_client", id="header-not-base64"),
    pytest.param(FORM, "Basic /w==", 401, "invalid_client", id="header-not-utf8"),
    pytest.param(FORM, BASIC.replace("Basic", "Bearer"), 401, "invalid_client", id="other-scheme"),
    pytest.param({"grant_type": "client_credentials"}, BASIC, 400, "invalid_scope", id="no-scope"),
    pytest.param(FORM | {"scope": "ACME_CORP"}, BASIC, 400, "invalid_scope", id="scope-without-user"),
    pytest.param(FORM | {"scope": "/John.Doe"}, BASIC, 400, "invalid_scope", id="scope-without-client"),
    pytest.param(FORM | {"scope": "ACME_CORP/"}, BASIC, 400, "invalid_scope", id="scope-with-empty-user"),
    pytest.param(FORM | {"scope": "Initech/John.Doe"}, BASIC, 400, "invalid_scope", id="unknown-account"),
    pytest.param(FORM | {"scope": "Globex/Hank"}, BASIC, 400, "invalid_scope", id="another-account"),
    pytest.param(FORM | {"scope": "ACME_CORP/Nobody"}, BASIC, 400, "invalid_scope", id="unknown-user"),
    pytest.param(FORM | {"scope": "ACME_CORP/Mute"}, BASIC, 400, "invalid_scope", id="user-not-granted"),
    pytest.param(FORM | {"scope": "ACME_CORP/Gone"}, BASIC, 400, "invalid_scope", id="granted-user-gone"),
]


@pytest.mark.parametrize(("form", "authorization", "status", "error"), REFUSED)
def test_a_wrong_request_is_refused_as_in_rfc_6749(
    form: dict[str, str], authorization: str | None, status: int, error: str
) -> None:
    """Section 5.2: code, description in its alphabet, no caching, and a challenge for those who used the header."""
    with pytest.raises(OAuthError) as caught:
        ask(form, authorization)
    answer = caught.value
    assert (answer.status, answer.error) == (status, error)
    assert answer.body == {"error": error, "error_description": answer.error_description}
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.error_description)
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) == (status == 401 and authorization is not None)


# -- using a token -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [JOHN, ODD], ids=["plain", "slash-and-space"])
def test_a_token_opens_the_account_for_its_user(user: User) -> None:
    """Issued for one user of one client."""
    assert oauth.authenticate(token(user.user_id), client=ACME, now=NOW, key=SERVER_KEY) is user


def test_a_token_lasts_no_longer_than_it_says() -> None:
    """Whole seconds, counted from the second in which it was issued."""
    start = NOW.replace(microsecond=0)
    last = start + timedelta(seconds=3600) - timedelta(microseconds=1)
    assert oauth.read(token(), now=last, key=SERVER_KEY) == ("ACME_CORP", "John.Doe")
    late = refused(token(), now=start + timedelta(seconds=3600))
    assert (late.message, late.rule) == ("Unable to authenticate request", "oauth-token-expired")
    assert "expired 0 s ago" in late.why


@pytest.mark.parametrize(
    ("bearer", "client", "rule"),
    [
        pytest.param("", ACME, "oauth-token-invalid", id="empty"),
        pytest.param("abc", ACME, "oauth-token-invalid", id="not-a-token"),
        pytest.param("mpt1.e30.", ACME, "oauth-token-invalid", id="unsealed"),
        pytest.param("é.\udc80", ACME, "oauth-token-invalid", id="not-ascii"),
        pytest.param(token()[:-1], ACME, "oauth-token-invalid", id="cut-short"),
        pytest.param(f"{token()}=", ACME, "oauth-token-invalid", id="padded"),
        pytest.param(token(key=b"another key"), ACME, "oauth-token-invalid", id="of-another-server"),
        pytest.param(token(client_id="Globex"), ACME, "oauth-token-invalid", id="for-another-client"),
        pytest.param(token("Gone"), ACME, "auth-user-unknown", id="user-gone"),
        pytest.param(token(), None, "auth-client-unknown", id="unknown-client"),
    ],
)
def test_a_token_that_does_not_open_the_account_is_refused(bearer: str, client: Client | None, rule: str) -> None:
    """The vendor's general text (assumed), with the challenge of the other scheme."""
    answer = refused(bearer, client=client)
    assert (answer.status, answer.message, answer.rule) == (401, "Unable to authenticate request", rule)
    assert answer.headers["WWW-Authenticate"].startswith("PNAUTHINFO3 ")
    assert answer.why
    assert answer.hint


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("PNAUTHINFO3-HMAC-SHA256 Credential=a/b Signature=c", None),
        ("Bearerabc", None),
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
    ],
)
def test_bearer_headers_are_told_from_others(header: str | None, expected: str | None) -> None:
    """None sends the caller to the custom scheme; a Bearer header without a token is still one."""
    assert oauth.bearer_token(header) == expected


# -- laws --------------------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None))


@given(client_id=ANY_TEXT, user_id=ANY_TEXT, key=st.binary(), lifetime_s=st.integers(1, 10**6))
def test_what_is_issued_can_be_read(client_id: str, user_id: str, key: bytes, lifetime_s: int) -> None:
    """For any ids, within the lifetime; the token is ASCII without spaces and without the secret."""
    bearer = oauth.issue(APP, client_id, user_id, now=NOW, lifetime_s=lifetime_s, key=key)
    assert oauth.read(bearer, now=NOW, key=key) == (client_id, user_id)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", bearer)


@given(position=st.integers(0, len(token()) - 1), letter=st.characters(codec=None))
def test_a_token_with_one_letter_changed_is_refused(position: int, letter: str) -> None:
    """Content and seal."""
    bearer = f"{token()[:position]}{letter}{token()[position + 1 :]}"
    if bearer == token():
        assert oauth.read(bearer, now=NOW, key=SERVER_KEY)
    else:
        assert refused(bearer).rule == "oauth-token-invalid"


NAMES = st.sampled_from(["grant_type", "client_id", "client_secret", "scope", "other"])
VALUES = st.sampled_from(["client_credentials", APP_ID, "ACME_CORP/John.Doe", "x", APP_SECRET[:-1]]) | ANY_TEXT


@given(
    form=st.dictionaries(NAMES, VALUES), authorization=st.none() | ANY_TEXT | ANY_TEXT.map(lambda text: f"Basic {text}")
)
def test_no_request_fails_in_another_way_or_tells_a_secret(form: dict[str, str], authorization: str | None) -> None:
    """Without the secret there is no token, whatever else is sent."""
    with pytest.raises(OAuthError) as caught:
        ask(form, authorization)
    assert APP_SECRET not in str(caught.value)
