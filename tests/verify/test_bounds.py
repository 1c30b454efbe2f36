"""Whatever a server answers, an exchange ends: in its time, and with an answer that can be worked on."""

from __future__ import annotations

import json
from time import monotonic

import pytest

from mockserver.errors import Inconclusive
from mockserver.verify import mock_process
from mockserver.verify.bounds import DEEPEST, is_too_deep
from mockserver.verify.calls import Account, Call
from mockserver.verify.http_session import HttpSession, TimeOver
from mockserver.verify.mock_process import is_mock
from tests.verify.endless import EndlessServer

PATIENCE_S = 20  # the servers below go on for ever, so that any bound shows; a slow machine must not
CALL = Call("PATCH", ("ACME01", "CRM", "1"), (), b"[]")
OK = b"HTTP/1.1 200 OK\r\n"
LONG = OK + b"Content-Length: 1000000\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS: dict[str, tuple[bytes, bytes, float]] = {
    "no answer": (b"", b"x", 60),
    "a status line that drips": (b"HTTP/1.1 200 ", b"O", 0.01),
    "a body that drips": (LONG, b"x", 0.01),
    "chunks that drip": (CHUNKED, b"1\r\nx\r\n", 0.01),
    "one 100 after the other": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
    "one 100 after the other, with headers": (b"", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n", 0.001),
    "headers that drip": (OK, b"A: b\r\n", 0.01),
    "a trailer without end": (CHUNKED + b"0\r\n", b"A: b\r\n", 0.001),
}
TOO_MUCH: dict[str, tuple[bytes, bytes]] = {
    "a body without a length": (OK + b"\r\n", b"x" * 65536),
    "a body as long as a disk": (OK + b"Content-Length: 999999999999\r\n\r\n", b"x" * 65536),
    "chunks without end": (CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    "a chunk to the end of the connection": (CHUNKED + b"-1\r\n", b"x" * 65536),
    "one 100 after the other": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}
NOT_HTTP: dict[str, bytes] = {
    "a negative chunk": CHUNKED + b"-5\r\nxxxxx\r\n",
    "headers without end": OK + b"A: b\r\n" * 1000,
    "a header without end": OK + b"A: " + b"x" * 100_000,
    "a status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n",
}


def session(server: EndlessServer, **times: float) -> HttpSession:
    return HttpSession(server.url, {"ACME01": Account("ACME01", "user", "secret")}, **times)


@pytest.mark.parametrize("said", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_answer_has_one_time_for_all_of_it(said: tuple[bytes, bytes, float]) -> None:
    """A server that says something now and then does not get the time anew with each byte."""
    with EndlessServer(*said).running() as server:
        client, started = session(server, timeout_s=0.15), monotonic()
        with pytest.raises(TimeoutError):
            client.send(CALL)
        assert monotonic() - started < PATIENCE_S


@pytest.mark.parametrize("said", ENDLESS.values(), ids=ENDLESS.keys())
def test_so_has_the_first_look_at_a_server(said: tuple[bytes, bytes, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is a mock is asked before anything else, and of whatever listens there."""
    monkeypatch.setattr(mock_process, "_ANSWER_S", 0.15)
    with EndlessServer(*said).running() as server:
        started = monotonic()
        with pytest.raises(Inconclusive, match="can't be reached"):
            is_mock(server.url)
        assert monotonic() - started < PATIENCE_S


def test_a_server_that_nests_too_deep_is_no_mock() -> None:
    deep = b"[" * 100_000
    with EndlessServer(OK + b"Content-Length: 100000\r\n\r\n" + deep).running() as server:
        assert not is_mock(server.url)


@pytest.mark.parametrize("said", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_an_answer_without_end_is_none(said: tuple[bytes, bytes]) -> None:
    """What is kept of it has a bound, whatever lengths the server states."""
    with EndlessServer(*said).running() as server, pytest.raises(Inconclusive, match="larger than any profile"):
        session(server, timeout_s=PATIENCE_S).send(CALL)


@pytest.mark.parametrize("said", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_named_so(said: bytes) -> None:
    with EndlessServer(said).running() as server, pytest.raises(ConnectionError, match="not HTTP"):
        session(server, timeout_s=PATIENCE_S).send(CALL)


@pytest.mark.parametrize("body", [b"[" * 50_000, b'{"a":' * 5000], ids=["[", "{"])
def test_an_answer_that_is_nested_too_deep_is_inconclusive(body: bytes) -> None:
    """No traceback comes of it, wherever it would have been walked."""
    answer = OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with EndlessServer(answer).running() as server, pytest.raises(Inconclusive, match="deeper than any profile"):
        session(server).send(CALL)


def nested(depth: int) -> bytes:
    return b'{"a":[' * (depth // 2) + b"]}" * (depth // 2)


DEPTHS: dict[str, tuple[bytes, bool]] = {
    "as deep as may be": (nested(DEEPEST), False),
    "a level more": (nested(DEEPEST + 2), True),
    "many levels beside each other": (json.dumps([{"a": [{}]}] * 500).encode(), False),
    "brackets in texts": (json.dumps(['[{"\\' * 500]).encode(), False),
    "in UTF-16": (nested(DEEPEST + 2).decode().encode("utf-16"), True),
    "many in UTF-16": (json.dumps([{"a": [{}]}] * 500).encode("utf-16"), False),
    "XML, which is read as deep as the contract goes": (b"<a>[[</a>" * 500, False),
}


@pytest.mark.parametrize(("text", "deep"), DEPTHS.values(), ids=DEPTHS.keys())
def test_depth_is_counted_as_a_reader_counts_it(text: bytes, deep: bool) -> None:
    assert is_too_deep(text) is deep


def test_the_time_of_a_run_is_kept_in_the_midst_of_an_answer() -> None:
    """And nothing is sent after it."""
    with EndlessServer(LONG, b"x", 0.01).running() as server:
        client = session(server, timeout_s=60, time_s=0.15)
        for _ in range(2):
            with pytest.raises(TimeOver, match=r"the time of 0\.15 s is over"):
                client.send(CALL)
