"""Wherever a secret is sent: no text for people shows it, not even eight characters of it."""

from __future__ import annotations

import base64
import json
import logging
import string
from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.service.assembly import Mock, known_secrets
from mockserver.web.app import create_app
from tests.examples import many

STAMP = "2026-01-31T12:00:00Z"
ROUTE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"
SIGNED = f"PNAUTHINFO3-HMAC-SHA256 Credential=me/{STAMP} Signature="
LETTERS = string.ascii_letters + string.digits
ALPHABETS = (LETTERS, string.hexdigits[:16], LETTERS + "+/=", LETTERS + "-_.~", LETTERS + "&'\"\\%# é", string.digits)
secrets = st.builds(
    lambda alphabet, length, seed: "".join(Random(seed).choices(alphabet, k=length)),
    st.sampled_from(ALPHABETS),
    st.integers(32, 70),
    st.integers(0, 2**64),
)
HEADERS = (
    "OCP_APIM_SUBSCRIPTION_KEY",
    "X_AUTH",
    "REFERER",
    "USER_AGENT",
    "X_REQUEST_ID",
    "COOKIE",
    "ACCEPT",
    "PREFER",
    "HOST",
    "X_MOCK_NAMESPACE",
    "X_MOCK_FAULT",
    "AUTHORISATION",
    "ORIGIN",
    "CONTENT_ENCODING",
    "X_HTTP_METHOD_OVERRIDE",
)
AUTHORIZATIONS = (
    "{}",
    "Bearer {}",
    "Basic {}",
    "{} Credential=me/" + STAMP + " Signature=x",
    SIGNED + "{}",
    SIGNED + "x,{}",
    "PNAUTHINFO3-HMAC-SHA256 Credential={}/" + STAMP + " Signature=x",
    "PNAUTHINFO3-HMAC-SHA256 Credential=me/{} Signature=x",
    f"PNAUTHINFO3-HMAC-SHA256 Credential=me/{STAMP}/{{}} Signature={{}}",
    SIGNED + "x," + SIGNED + "{}",
    SIGNED + "{} {}",
    "Signature={} Credential=me/" + STAMP,
    "PNAUTHINFO3-{} Credential=me/" + STAMP + " Signature=x",
)
URLS = (
    "/{}/Profile/AlternateIdType/CRM/AlternateId/C-000417",
    "/ACME01/Profile/AlternateIdType/{}/AlternateId/C-000417",
    "/ACME01/Profile/AlternateIdType/CRM/AlternateId/{}",
    ROUTE + "?key={}",
    ROUTE + "?clientId={}",
    ROUTE + "?{}",
    "/nowhere?sig={}",
    "/nowhere/{}",
    "/ACME01~{}/Profile/AlternateIdType/CRM/AlternateId/C-000417",
    "/ACME01~{}/nowhere",
    "/__admin/{}",
    "/__admin/requests/{}",
    "/__admin/requests?since={}",
    "/__admin/requests?namespace={}",
)
BODIES = (
    '[{"op":"replace","path":"/CustomerType","value":"%s"}]',
    '[{"op":"test","path":"/CustomerType","value":"%s"}]',
    '[{"op":"replace","path":"/%s","value":1}]',
    '[{"op":"%s","path":"/CustomerType"}]',
    '[{"%s":1}]',
    "%s",
    '{"a":"%s"}',
    '[{"op":"add","path":"/Emails/-","value":{"EmailAddress":"%s"}}]',
    '[{"op":"replace","path":"/IsActive","value":"%s"}]',
)


class Sent(NamedTuple):
    """A request, its secret already in it."""

    target: str
    headers: dict[str, str]
    body: str = "[]"


def latin(text: str) -> str:
    return text.encode().decode("latin-1")


sent_with: dict[str, Callable[[str, st.DataObject], Sent]] = {
    "a-header": lambda secret, data: Sent(ROUTE, {f"HTTP_{data.draw(st.sampled_from(HEADERS))}": latin(secret)}),
    "a-headers-name": lambda secret, data: Sent(ROUTE, {f"HTTP_X_{latin(secret).upper().replace('-', '_')}": "x"}),
    "authorization": lambda secret, data: Sent(
        ROUTE, {"HTTP_AUTHORIZATION": latin(data.draw(st.sampled_from(AUTHORIZATIONS)).format(secret, secret))}
    ),
    "the-url": lambda secret, data: Sent(
        data.draw(st.sampled_from(URLS)).format(quote(quote(secret) if data.draw(st.booleans()) else secret, safe="")),
        {},
    ),
    "the-body": lambda secret, data: Sent(
        ROUTE, {}, data.draw(st.sampled_from(BODIES)) % json.dumps(secret, ensure_ascii=data.draw(st.booleans()))[1:-1]
    ),
}


class Listening(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Bench(NamedTuple):
    """A mock that takes each example's secret as the key of its user."""

    mock: Mock
    app: Flask
    log: Listening

    def open(self, secret: str) -> None:
        """Forget the last example; know the secret of this one."""
        clients = [Client("ACME01", {"me": User("me", (secret,))}, {"app": OAuthClient("app", secret)})]
        self.mock.service.clients = {"acme01": clients[0]}
        self.mock.service.secrets = known_secrets(clients)
        self.mock.metrics.faults.clear()
        self.log.lines.clear()
        for name in self.mock.worlds.names():
            self.mock.worlds.delete(name)

    def send(self, sent: Sent) -> tuple[str, list[tuple[str, str]]]:
        """Return body and headers of the answer."""
        body, seen = sent.body.encode(), list[tuple[str, str]]()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "PATCH" if "__admin" not in sent.target else "GET",
            "RAW_URI": sent.target,
            "PATH_INFO": latin(unquote(sent.target.partition("?")[0])),
            "QUERY_STRING": sent.target.partition("?")[2],
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body if "__admin" not in sent.target else b""),
            "CONTENT_LENGTH": str(len(body)) if "__admin" not in sent.target else "",
            "CONTENT_TYPE": "application/json",
            "HTTP_HOST": "localhost",
            **sent.headers,
        }

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            seen.extend(headers)
            return lambda _: None

        return b"".join(self.app(environ, start_response)).decode(), seen

    def shown(self) -> Iterator[str]:
        """Yield all that people can see afterwards."""
        client = self.app.test_client()
        yield from self.log.lines
        pages = ["requests", "requests.har", "requests/unmatched", "namespaces", "faults", "settings"]
        for path in [f"/__admin/{page}?all=true" for page in pages] + [
            "/__admin/requests?view=rows&all=true",
            "/metrics",
        ]:
            yield client.get(path).text
        for entry in client.get("/__admin/requests?all=true").get_json()["requests"]:
            yield base64.b64decode(entry["request"]["bodyAsBase64"]).decode("utf-8", "replace")
            yield base64.b64decode(entry["response"]["bodyAsBase64"]).decode("utf-8", "replace")
            for page in ("", "/explain", "/curl"):
                yield client.get(f"/__admin/requests/{entry['id']}{page}?all=true").text
        event = {"event": {"path": "/CustomerType", "became": "never"}, "exactly": 1}
        for spec in (
            event,
            {"bodyPatterns": [{"contains": "never there"}]},
            {"user": "never there"},
            {"url": "/never"},
        ):
            yield client.post("/__admin/verify?all=true", json=spec).text


@pytest.fixture(scope="module")
def bench(make_mock: Callable[..., Mock]) -> Iterator[Bench]:
    mock, log = make_mock(auth="strict", log="all"), Listening()
    logger = logging.getLogger("mockserver")
    level = logger.level
    logger.addHandler(log)
    logger.setLevel(logging.DEBUG)
    yield Bench(mock, create_app(mock), log)
    logger.removeHandler(log)
    logger.setLevel(level)


def assert_hides(text: str, secret: str) -> None:
    """Neither as it stands nor with its escapes undone."""
    lowered, wanted = text.lower(), secret.lower()
    plain = unquote(lowered.replace("\\\\", "\\").replace('\\"', '"').replace("\\\\", "\\"))
    for at in range(len(secret) - 7):
        piece = wanted[at : at + 8]
        assert piece not in lowered
        assert piece not in plain


@pytest.mark.parametrize("auth", [True, False], ids=["signed", "open"])
@pytest.mark.parametrize("place", sent_with)
@settings(max_examples=many(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(secret=secrets, half=st.booleans(), data=st.data())
def test_no_text_for_people_shows_a_secret(
    bench: Bench, place: str, auth: bool, secret: str, half: bool, data: st.DataObject
) -> None:
    """Log, journal, HAR, explanation, curl, metrics, X-Mock headers; by accident it may be half of one."""
    bench.mock.service.policy = replace(bench.mock.service.policy, auth=auth)
    bench.open(secret)
    part = secret[: len(secret) // 2] if half else secret
    sent = sent_with[place](part, data)
    body, headers = bench.send(sent)
    for name, value in headers:
        if name.startswith("X-Mock-"):
            assert_hides(value, secret)
    if "__admin" in sent.target:
        assert_hides(body, secret)
    for text in bench.shown():
        assert_hides(text, secret)
