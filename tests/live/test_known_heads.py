"""Requests whose head came before, on whichever connection: they mean what they meant then, whole or in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mockserver.server.server import Server
from tests.live.test_smuggling import Recorder, exchange, head

POST = head(b"Content-Length: 3")
GET = head(start=b"GET /y HTTP/1.1")
ASKS = head(b"Content-Length: 3", b"Expect: 100-continue")
CHUNKED = head(b"Transfer-Encoding: chunked")
LAST = head(b"Content-Length: 3", b"Connection: close")
UPGRADE = head(b"Content-Length: 3", b"Connection: Upgrade", b"Upgrade: h2c")
UNKNOWN = head(start=b"BREW /x HTTP/1.1")


@pytest.fixture
def app() -> Recorder:
    return Recorder()


@pytest.fixture
def server(app: Recorder) -> Iterator[Server]:
    with Server(app, max_body=100) as running:
        yield running


@pytest.mark.parametrize(
    ("parts", "bodies"),
    [
        pytest.param([POST + b"abc"], [b"abc"], id="whole"),
        pytest.param([POST + b"abc" + POST + b"def"], [b"abc", b"def"], id="two-at-once"),
        pytest.param([POST + b"abc\r\n"], [b"abc"], id="line-break-behind"),
        pytest.param([b"\r\n" + POST + b"abc"], [b"abc"], id="line-break-before"),
        pytest.param([POST, b"abc"], [b"abc"], id="body-apart"),
        pytest.param([POST[:-4], b"\r\n\r\nabc"], [b"abc"], id="end-of-head-apart"),
        pytest.param([GET[:-4], b"\r\nX: y\r\n\r\n"], [b""], id="another-header-behind"),
        pytest.param([GET + POST[:9], POST[9:] + b"abc" + GET], [b"", b"abc", b""], id="cut-anywhere"),
        pytest.param([ASKS + b"abc"], [b"abc"], id="asks-to-go-on"),
        pytest.param([CHUNKED + b"3\r\nabc\r\n0\r\n\r\n"], [b"abc"], id="chunked"),
        pytest.param([UPGRADE + b"abc"], [b"abc"], id="offers-an-upgrade"),
        pytest.param([LAST + b"abc" + GET], [b"abc"], id="last"),
        pytest.param([UNKNOWN + GET], [b""], id="unknown-method-is-the-last"),
        pytest.param([head(b"Content-Length: 101") + b"x" * 101], [], id="too-large"),
    ],
)
def test_a_head_that_is_known_frames_as_it_did(
    server: Server, app: Recorder, parts: list[bytes], bodies: list[bytes]
) -> None:
    """The first connection makes each head known; what follows is read in the same way."""
    for known in (POST + b"abc", GET, ASKS + b"abc", CHUNKED + b"0\r\n\r\n", LAST + b"abc"):
        exchange(server, known)
    app.seen.clear()
    answers = [_without_date(exchange(server, *parts)) for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert [body for _, body in app.seen] == bodies * 3


def test_every_request_has_its_own_environment(server: Server, app: Recorder) -> None:
    for body in (b"abc", b"def"):
        exchange(server, POST + body)
    first, second = app.environs
    assert (first["CONTENT_LENGTH"], first["mockserver.head"]) == ("3", second["mockserver.head"])
    assert first is not second
    assert first["REMOTE_PORT"] != second["REMOTE_PORT"]


def _without_date(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date: ")]
