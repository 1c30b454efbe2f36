"""Requests of every kind, mutated at random from a seed: the whole mock refuses them in words and goes on."""

from __future__ import annotations

import contextlib
import random
import re
import socket
from collections.abc import Callable

import pytest

from mockserver.commands.running import make_server
from mockserver.service.assembly import Mock
from mockserver.story.provenance import RULES

NUMBER = 1000
JSON = b"Content-Type: application/json"
PROFILE = b"/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"


def request(start: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    framing = (b"Content-Length: %d" % len(body),) if body else ()
    return b"\r\n".join([start + b" HTTP/1.1", b"Host: localhost", *lines, *framing, b"", body])


SEEDS = [
    request(b"PATCH " + PROFILE, JSON, body=b"[]"),
    request(b"patch http://localhost/Profiles" + PROFILE, b"Content-Type: text/xml", body=b"<a/>"),
    request(b"PATCH " + PROFILE, JSON, b"Transfer-Encoding: chunked") + b"2\r\n[]\r\n0\r\n\r\n",
    request(b"PATCH " + PROFILE, b"Authorization: PNAUTHINFO3-HMAC-SHA256 Credential=a/2026 Signature=abc"),
    request(b"PATCH /ACME01~w%C3%A9/Profile/AlternateIdType/%2F/AlternateId/%00?alternateId=%ff", b"Accept: a/b, */*"),
    request(b"GET /__admin/requests?limit=3&since=0", b"X-Mock-Namespace: world", b"Accept: application/json"),
    request(b"POST /__admin/try", JSON, body=b'{"method":"PATCH","target":"/","body":[]}'),
    request(b"POST /oauth/token", b"Content-Type: application/x-www-form-urlencoded", body=b"grant_type=password"),
    request(b"OPTIONS *", b"Connection: keep-alive, upgrade", b"Upgrade: h2c", b"Expect: 100-continue"),
    request(b"HEAD /metrics", b"Prefer: code=418", b"Content-Encoding: gzip", b"X-Forwarded-Host: elsewhere"),
]  # fmt: skip
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b"%",
    b"/",
    b"~",
    b"?",
    b"\x80",
    b"\xff\xfe",
    b"9" * 20,
]


def mutated(draw: random.Random) -> bytes:
    data = bytearray(draw.choice(SEEDS))
    for _ in range(draw.randrange(4)):
        place, change = draw.randrange(len(data) + 1), draw.randrange(5)
        if change == 0:
            data[place : place + 1] = draw.randbytes(1)
        elif change == 1:
            data[place:place] = draw.choice(PIECES)
        elif change == 2:
            del data[place : place + draw.randrange(1, 9)]
        elif change == 3:
            data[place:place] = data[: draw.randrange(1, 60)]
        else:
            data[place : place + 1] = data[place : place + 1].swapcase()
    return bytes(data)


def exchange(port: int, *parts: bytes) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client, contextlib.suppress(ConnectionError):
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        while chunk := client.recv(65536):
            received += chunk
    return received


def test_mutated_requests_do_no_harm(make_mock: Callable[..., Mock], caplog: pytest.LogCaptureFixture) -> None:
    """No crash, no 5xx, no warning in the log; reasons come from the one table; the profile is as it was."""
    draw, mock = random.Random(20261127), make_mock(port=0, auth="off", log="all")
    with make_server(mock) as server:
        before = exchange(server.port, SEEDS[0]).partition(b"\r\n\r\n")[2]
        for _ in range(NUMBER):
            data = mutated(draw)
            place = draw.randrange(len(data) + 1)
            answer = exchange(server.port, data[:place], data[place:])
            assert re.findall(rb"^HTTP/1\.1 5\d\d", answer, re.MULTILINE) == [], (data, answer)
        assert exchange(server.port, SEEDS[0]).partition(b"\r\n\r\n")[2] == before
    assert [record.message for record in caplog.records if record.levelname != "INFO"] == []
    assert {reason for _, reason, _ in mock.metrics.requests} <= RULES.keys()
