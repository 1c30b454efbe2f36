"""Requests that go out in one packet: each must have its answer, and the last one's is what a rule looks at."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.verify.calls import Account, Call
from mockserver.verify.http_session import HttpSession
from tests.verify.endless import EndlessServer

CALL = Call("PATCH", ("ACME01", "CRM", "1"), (), b"[]", copies=3)


def answer(text: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)


def session(server: EndlessServer, timeout_s: float = 20) -> HttpSession:
    return HttpSession(server.url, {"ACME01": Account("ACME01", "user", "secret")}, timeout_s=timeout_s)


def test_the_answer_is_that_to_the_last() -> None:
    with EndlessServer(answer(b"one") + answer(b"two") + answer(b"three")).running() as server:
        client = session(server)
        assert client.send(CALL).body == b"three"
        assert client.used == 3


class OnePacket(EndlessServer):
    """Answers three times what it read at once."""

    read = b""

    def answer(self, connection: Any) -> None:
        self.read = connection.recv(65536)
        connection.sendall(self.first * 3)


def test_they_arrive_together() -> None:
    with OnePacket(answer(b"")).running() as server:
        session(server).send(CALL)
    assert isinstance(server, OnePacket)
    assert server.read.count(b"PATCH /ACME01/Profile/AlternateIdType/CRM/AlternateId/1 HTTP/1.1") == 3


@pytest.mark.parametrize(
    ("said", "problem"),
    [(answer(b"one") * 2, "reset|closed|not HTTP|timed out"), (answer(b"one") + b"what?", "not HTTP")],
    ids=["an answer is missing", "an answer is none"],
)
def test_an_answer_that_does_not_come_is_noticed(said: bytes, problem: str) -> None:
    with EndlessServer(said).running() as server, pytest.raises(OSError, match=problem):
        session(server, timeout_s=0.3).send(CALL)
