"""Requests that two readers could frame differently are refused: 400, then the connection ends."""

from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from mockserver.server.server import Server

TIMEOUT_S = 10
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


class Recorder:
    """A WSGI application that remembers the targets and bodies that reached it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.seen.append((environ["RAW_URI"], environ["wsgi.input"].read()))
        self.environs.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]


@pytest.fixture
def app() -> Recorder:
    return Recorder()


@pytest.fixture
def server(app: Recorder) -> Iterator[Server]:
    with Server(app) as running:
        yield running


def exchange(server: Server, *parts: bytes) -> bytes:
    """Send the parts one after the other, close the sending half, return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                client.sendall(part)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before the end
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    chunks = []
    while chunk := client.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def head(*lines: bytes, start: bytes = b"POST /x HTTP/1.1", host: bytes | None = b"Host: a") -> bytes:
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""])


CHUNKED = b"Transfer-Encoding: chunked"
TEN = b"0123456789"

REFUSED = {
    # framing
    "two-lengths-that-differ": head(b"Content-Length: 3", b"Content-Length: 4") + b"abc",
    "two-lengths-alike": head(b"Content-Length: 3", b"Content-Length: 3") + b"abc",
    "length-list": head(b"Content-Length: 3, 3") + b"abc",
    "length-signed": head(b"Content-Length: +3") + b"abc",
    "length-negative": head(b"Content-Length: -3") + b"abc",
    "length-hex": head(b"Content-Length: 0x3") + b"abc",
    "length-empty": head(b"Content-Length: ") + b"abc",
    "length-inner-space": head(b"Content-Length: 3 3") + b"abc",
    "length-overflow": head(b"Content-Length: 18446744073709551619") + b"abc",
    "length-then-coding": head(b"Content-Length: 5", CHUNKED) + b"0\r\n\r\n",
    "coding-then-length": head(CHUNKED, b"Content-Length: 5") + b"0\r\n\r\n",
    "coding-unknown": head(b"Transfer-Encoding: gzip") + b"0\r\n\r\n",
    "coding-unknown-then-chunked": head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "coding-identity": head(b"Transfer-Encoding: identity") + b"0\r\n\r\n",
    "coding-misspelt": head(b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "coding-quoted": head(b'Transfer-Encoding: "chunked"') + b"0\r\n\r\n",
    "coding-empty": head(b"Transfer-Encoding: ") + b"0\r\n\r\n",
    "coding-twice": head(CHUNKED, CHUNKED) + b"0\r\n\r\n",
    "coding-chunked-chunked": head(b"Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n",
    "coding-chunked-not-last": head(b"Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
    "coding-vertical-tab": head(b"Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n",
    "coding-in-1.0": head(CHUNKED, start=b"POST /x HTTP/1.0") + b"0\r\n\r\n",
    # chunks
    "chunk-size-prefixed": head(CHUNKED) + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-signed": head(CHUNKED) + b"+3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-negative": head(CHUNKED) + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk-size-not-hex": head(CHUNKED) + b"xyz\r\nabc\r\n0\r\n\r\n",
    "chunk-size-empty": head(CHUNKED) + b"\r\nabc\r\n0\r\n\r\n",
    "chunk-size-overflow": head(CHUNKED) + b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "chunk-size-space": head(CHUNKED) + b"3 \r\nabc\r\n0\r\n\r\n",
    "chunk-size-bare-lf": head(CHUNKED) + b"3\nabc\r\n0\r\n\r\n",
    "chunk-too-long": head(CHUNKED) + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk-extension-lf": head(CHUNKED) + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    # lines
    "fold-space": head(b"X-A: b", b" c"),
    "fold-tab": head(b"X-A: b", b"\tc"),
    "fold-of-nothing": head(b"X-A:", b" c"),
    "space-before-first-header": head(host=b" Host: a"),
    "space-before-colon": head(b"Content-Length : 3") + b"abc",
    "tab-before-colon": head(b"Transfer-Encoding\t: chunked") + b"0\r\n\r\n",
    "no-colon": head(b"Content-Length 3"),
    "empty-name": head(b": 3"),
    "name-with-separator": head(b"X(A): b"),
    "name-not-ascii": head(b"X-\xe9: b"),
    "bare-lf-in-value": head(b"X-A: b\nContent-Length: 3"),
    "bare-lf-everywhere": head().replace(b"\r\n", b"\n"),
    "bare-lf-at-the-end": head()[:-2] + b"\n",
    "bare-cr-in-value": head(b"X-A: b\rContent-Length: 3"),
    "bare-cr-before-the-break": head(b"X-A: b\r"),
    "nul-in-value": head(b"X-A: b\0c"),
    "nul-in-name": head(b"X\0A: b"),
    "control-character-in-value": head(b"X-A: b\x01c"),
    # Host
    "no-host": head(host=None),
    "two-hosts": head(b"Host: b"),
    "two-hosts-alike": head(b"host: a"),
    # request line
    "no-version": head(start=b"GET /x"),
    "no-target": head(start=b"GET HTTP/1.1"),
    "lower-case-protocol": head(start=b"GET /x http/1.1"),
    "user-in-target": head(start=b"GET http://a:b@c/x HTTP/1.1"),
    "version-0.9": head(start=b"GET /x HTTP/0.9"),
    "version-1.2": head(start=b"GET /x HTTP/1.2"),
    "version-2.0": head(start=b"GET /x HTTP/2.0"),
    "version-long": head(start=b"GET /x HTTP/1.10"),
    "http2-preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "rtsp": head(start=b"DESCRIBE /x RTSP/1.0"),
    "ice": head(start=b"SOURCE /x ICE/1.0"),
    "tab-for-space": head(start=b"GET\t/x HTTP/1.1"),
    "space-at-the-end": head(start=b"GET /x HTTP/1.1 "),
    "space-in-target": head(start=b"GET /x y HTTP/1.1"),
    "fragment": head(start=b"GET /x#y HTTP/1.1"),
    "target-not-ascii": head(start=b"GET /caf\xc3\xa9 HTTP/1.1"),
    "control-character-in-target": head(start=b"GET /x\x01 HTTP/1.1"),
    "relative-target": head(start=b"GET x HTTP/1.1"),
    "foreign-scheme": head(start=b"GET ftp://a/x HTTP/1.1"),
    "no-authority": head(start=b"GET http:///x HTTP/1.1"),
    "asterisk-without-options": head(start=b"GET * HTTP/1.1"),
    "connect": head(start=b"CONNECT a:80 HTTP/1.1"),
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED.keys())
def test_ambiguous_request_is_refused(server: Server, app: Recorder, request_bytes: bytes) -> None:
    """400 with the vendor's error shape, the connection ends, and what was hidden behind never runs."""
    middle = len(request_bytes) // 2
    for parts in ([request_bytes + SMUGGLED], [request_bytes[:middle], request_bytes[middle:] + SMUGGLED]):
        answer = exchange(server, *parts)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer
        assert b"\r\nConnection: close" in head
        assert b"\r\nContent-Type: application/json; charset=utf-8\r\n" in head
        assert list(json.loads(body)) == ["Message"]
    assert app.seen == []


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED.keys())
def test_refusal_comes_after_the_answers_before_it(server: Server, app: Recorder, request_bytes: bytes) -> None:
    """A good request in front is answered; the ambiguous one behind it ends the connection."""
    answer = exchange(server, head(start=b"GET /first HTTP/1.1") + request_bytes + SMUGGLED)
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", answer) == [b"200", b"400"]
    assert app.seen == [("/first", b"")]


ACCEPTED = {
    "plain": (head(start=b"GET /x?a=b HTTP/1.1"), ("/x?a=b", b"")),
    "line-breaks-before": (b"\r\n\r\n" + head(start=b"GET /x HTTP/1.1"), ("/x", b"")),
    "length": (head(b"Content-Length: 3") + b"abc", ("/x", b"abc")),
    "length-with-zeros": (head(b"Content-Length: 003") + b"abc", ("/x", b"abc")),
    "length-between-spaces": (head(b"Content-Length:  \t3 ") + b"abc", ("/x", b"abc")),
    "length-zero": (head(b"Content-Length: 0"), ("/x", b"")),
    "chunks": (head(CHUNKED) + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", ("/x", b"abcde")),
    "chunk-size-upper-case": (
        head(b"transfer-encoding: Chunked") + b"A\r\n0123456789\r\n0\r\n\r\n",
        ("/x", b"0123456789"),
    ),
    "chunk-extension": (head(CHUNKED) + b'3;a=b;c="d"\r\nabc\r\n0\r\n\r\n', ("/x", b"abc")),
    "chunk-trailer": (head(CHUNKED) + b"3\r\nabc\r\n0\r\nX-Trailer: y\r\n\r\n", ("/x", b"abc")),
    "absolute-target": (head(start=b"GET http://b:81/y?c HTTP/1.1"), ("/y?c", b"")),
    "asterisk": (head(start=b"OPTIONS * HTTP/1.1"), ("/", b"")),
    "lower-case-method": (head(start=b"get /x HTTP/1.1"), ("/x", b"")),
    "mixed-case-method": (b"\r\n" + head(b"Content-Length: 3", start=b"Patch /x HTTP/1.1") + b"abc", ("/x", b"abc")),
    "lower-case-method-of-a-proxy": (head(start=b"get HTTP://b/x HTTP/1.1"), ("/x", b"")),
    "version-1.0-without-host": (head(b"Connection: keep-alive", start=b"GET /x HTTP/1.0", host=None), ("/x", b"")),
    "empty-host": (head(start=b"GET /x HTTP/1.1", host=b"Host:"), ("/x", b"")),
    "upgrade-offer": (head(b"Upgrade: h2c", b"Connection: Upgrade", start=b"GET /x HTTP/1.1"), ("/x", b"")),
    "upgrade-offer-with-length": (
        head(b"Connection: Upgrade, HTTP2-Settings", b"Content-Length: 3", b"Upgrade: h2c") + b"abc",
        ("/x", b"abc"),
    ),
    "upgrade-offer-with-chunks": (
        head(b"Connection: Upgrade", b"Upgrade: websocket", CHUNKED) + b"3\r\nabc\r\n0\r\n\r\n",
        ("/x", b"abc"),
    ),
}


@pytest.mark.parametrize(("request_bytes", "seen"), ACCEPTED.values(), ids=ACCEPTED.keys())
@pytest.mark.parametrize("step", [1, 7, 65536], ids=["byte-by-byte", "seven-by-seven", "whole"])
def test_unambiguous_request_keeps_the_framing(
    server: Server, app: Recorder, request_bytes: bytes, seen: tuple[str, bytes], step: int
) -> None:
    """However the bytes arrive, the request is read once and the one behind it starts where it ends."""
    data = request_bytes + head(start=b"GET /next HTTP/1.1")
    answer = exchange(server, *(data[start : start + step] for start in range(0, len(data), step)))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2, answer
    assert app.seen == [seen, ("/next", b"")]


def test_absolute_target_replaces_the_host(server: Server, app: Recorder) -> None:
    """RFC 9112 3.2.2: the authority of an absolute target wins over Host."""
    exchange(server, head(start=b"GET http://b:81?q=1 HTTP/1.1"))
    environ = app.environs[0]
    assert (environ["HTTP_HOST"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("b:81", "/", "q=1")


def test_trailer_is_no_header(server: Server, app: Recorder) -> None:
    """A field behind the last chunk can't set what a proxy checked in the header section."""
    exchange(server, head(CHUNKED) + b"3\r\nabc\r\n0\r\nAuthorization: x\r\nX-Mock-Fault: 500\r\n\r\n")
    assert not {"HTTP_AUTHORIZATION", "HTTP_X_MOCK_FAULT"} & app.environs[0].keys()


def test_underscore_can_not_stand_for_a_hyphen(server: Server, app: Recorder) -> None:
    """X_Forwarded_For is not X-Forwarded-For: it is dropped."""
    exchange(server, head(b"X_Mock_Fault: 500", b"x_mock_fault: 501", b"Content_Length: 9", start=b"GET /x HTTP/1.1"))
    assert "HTTP_X_MOCK_FAULT" not in app.environs[0]
    assert "CONTENT_LENGTH" not in app.environs[0]


def test_header_name_never_reaches_a_server_key(server: Server, app: Recorder) -> None:
    """No header name can overwrite PATH_INFO, wsgi.input or the planned effect."""
    names = [b"PATH-INFO", b"REQUEST-METHOD", b"wsgi.input", b"mockserver.effect", b"RAW-URI", b"REMOTE-ADDR"]
    exchange(server, head(*(name + b": forged" for name in names), start=b"GET /x HTTP/1.1"))
    environ = app.environs[0]
    assert all(key.startswith("HTTP_") for key, value in environ.items() if value == "forged")
    assert environ["PATH_INFO"] == "/x"


def mutations(draw: random.Random) -> bytes:
    """Return random bytes, or a valid request with a few bytes changed, cut, doubled or put in."""
    if draw.random() < 0.2:
        return draw.randbytes(draw.randrange(1, 200))
    data = bytearray(draw.choice([request for request, _ in ACCEPTED.values()] + list(REFUSED.values())))
    for _ in range(draw.randrange(1, 4)):
        place = draw.randrange(len(data) + 1)
        change = draw.randrange(4)
        if change == 0:
            data[place : place + 1] = draw.randbytes(1)
        elif change == 1:
            data[place:place] = draw.choice([b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b"0", b"\x80"])
        elif change == 2:
            del data[place : place + draw.randrange(1, 9)]
        else:
            data[place:place] = data[: draw.randrange(1, 60)]
    return bytes(data)


def test_thousands_of_broken_requests_do_no_harm(
    server: Server, app: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Each ends with well-formed answers or none, nothing is logged as an error, and the server still serves."""
    draw = random.Random(20250131)
    for _ in range(3000):
        data = mutations(draw)
        middle = draw.randrange(len(data) + 1)
        answer = exchange(server, data[:middle], data[middle:])
        assert answer == b"" or answer.startswith(b"HTTP/1.1 "), data
    assert exchange(server, head(start=b"GET /last HTTP/1.1")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert app.seen[-1] == ("/last", b"")
    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING", "CRITICAL")] == []


def test_equal_heads_frame_bodies_of_their_own(server: Server, app: Recorder) -> None:
    """The second and third request have a kept head; each gets its own body, whole, and nothing of the next."""
    framed = head(b"Content-Length: 3")
    chunked = head(b"Transfer-Encoding: chunked")
    exchange(
        server,
        framed + b"abc" + framed + b"def" + chunked + b"2\r\nhi\r\n0\r\n\r\n" + chunked,
        b"3\r\nyou\r\n0\r\n\r\n" + framed + b"g",
        b"hi" + head(),
    )
    assert [body for _, body in app.seen] == [b"abc", b"def", b"hi", b"you", b"ghi", b""]
