"""What opens a door: the control surface's token, and the key of bearer tokens."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mockserver.auth import tokens
from mockserver.auth.signing import OAuthClient
from mockserver.commands.server_log import Redacting
from mockserver.journal.redaction import Secrets
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from mockserver.web.app import create_app

TOKEN = "the-token-of-the-control-surface"
APP = OAuthClient("app", "its secret", frozenset({"John"}))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="none"),
        pytest.param({"X-Mock-Admin-Token": TOKEN}, 200, id="own-header"),
        pytest.param({"X-Mock-Admin-Token": TOKEN[:-1]}, 401, id="cut-short"),
        pytest.param({"X-Mock-Admin-Token": f"Bearer {TOKEN}"}, 401, id="own-header-with-a-scheme"),
        pytest.param({"Authorization": f"Bearer {TOKEN}"}, 200, id="bearer"),
        pytest.param({"Authorization": f"bearer {TOKEN}"}, 200, id="bearer-in-small-letters"),
        pytest.param({"Authorization": TOKEN}, 401, id="no-scheme"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, 401, id="other-scheme"),
    ],
)
def test_who_may_use_the_control_surface(make_mock: Callable[..., Mock], headers: dict[str, str], status: int) -> None:
    """In Authorization the token counts behind its scheme alone."""
    client = create_app(make_mock(admin_token=TOKEN)).test_client()
    assert client.get("/__admin/health", headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/__admin", "/__admin/nonsense", "/__admin/reset", "/metrics", "/openapi.json"])
def test_no_path_of_the_control_surface_answers_without_the_token(make_mock: Callable[..., Mock], path: str) -> None:
    """Nor does a wrong one tell what there is; and no browser guesses what an answer is."""
    answer = create_app(make_mock(admin_token=TOKEN)).test_client().get(path)
    assert (answer.status_code, answer.get_json()["reason"]) == (401, "admin-token-missing")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_vendors_answers_say_nothing_of_sniffing(make_mock: Callable[..., Mock]) -> None:
    """The header is none of the vendor's."""
    assert "X-Content-Type-Options" not in create_app(make_mock()).test_client().get("/nowhere").headers


def test_the_key_of_bearer_tokens_is_random_or_given() -> None:
    """Two servers on the same fixtures accept each other's tokens only if they were told one key."""
    keys = [assemble(Settings(log="off", token_key=key)).service.policy.token_key for key in (None, None, "k", "k")]
    assert keys[0] != keys[1]
    assert len(keys[0]) == 32
    assert keys[2:] == [b"k", b"k"]


@pytest.mark.parametrize("pure", [False, True])
def test_bearer_tokens_are_compared_in_constant_time(
    make_mock: Callable[..., Mock], monkeypatch: pytest.MonkeyPatch, pure: bool
) -> None:
    """The seal of a forged token is never found out letter by letter."""
    now, mock = datetime.now(UTC), make_mock(pure=pure, auth="strict")
    compared: list[bytes] = []

    def compare(wanted: bytes, given: bytes) -> bool:
        compared.append(given)
        return hmac.compare_digest(wanted, given)

    monkeypatch.setattr(tokens, "hmac", type("", (), {"compare_digest": compare, "digest": hmac.digest}))
    forged = tokens.issue(APP, "ACME01", "John", now=now, lifetime_s=60, key=b"guessed")
    url = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
    answer = create_app(mock).test_client().patch(url, headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert compared == [forged.rpartition(".")[2].encode()]


def test_two_authorization_headers_are_named_as_that(make_mock: Callable[..., Mock]) -> None:
    """They arrive as one text, in which a person would search long for the mistake."""
    client = create_app(make_mock(auth="strict")).test_client()
    url = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
    signed = "PNAUTHINFO3-HMAC-SHA256 Credential=me/2024-05-01T10:00:00Z Signature=c2VjcmV0"
    for first, second in ((signed, signed), ("Basic eDp5", signed), (signed, "Bearer x"), ("Bearer x", signed)):
        client.patch(url, headers=[("Authorization", f"{first},{second}")])
        (entry,) = client.get("/__admin/requests?limit=1").get_json()["requests"]
        assert "two Authorization headers" in entry["mock"]["explanation"]


def test_the_servers_log_is_redacted_whatever_is_logged() -> None:
    """Also what comes from parts that know of no secret: a world's name, a URL, a traceback."""
    problem = KeyError(f"x {TOKEN} y")
    record = logging.LogRecord("any", logging.ERROR, "x", 1, "failed on %s", (f"/a/{TOKEN[:20]}",), None)
    record.exc_info = (KeyError, problem, None)
    lines = Redacting(lambda: Secrets([TOKEN])).format(record)
    assert lines.splitlines() == ["failed on /a/[redacted]", "KeyError: 'x [redacted] y'"]
