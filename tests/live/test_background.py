"""Requests that take long are answered beside the others, which don't wait for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver.server import background
from mockserver.server.server import Server
from tests.live.raw_client import GET, Client, Effect, Environ, get

LONG = get("/long")


class Gate:
    """An application whose long requests wait until the gate is opened, or a step is let through."""

    def __init__(self) -> None:
        self.steps = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.threads: set[int] = set()

    def __call__(self, environ: Environ, start_response: Any) -> list[bytes]:
        if takes_long(environ):
            self.threads.add(threading.get_ident())
            self.entered.release()
            assert self.steps.acquire(timeout=10)
        if environ["PATH_INFO"] == "/long/broken":
            environ["mockserver.effect"] = Effect(connection="empty")
        if environ["PATH_INFO"] == "/long/bug":
            raise RuntimeError("a bug")
        start_response("200 OK", [("X-Target", environ["PATH_INFO"])])
        return [b"answer"]


def takes_long(environ: Environ) -> bool:
    return str(environ["PATH_INFO"]).startswith("/long")


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.steps.release(100)


@pytest.fixture
def server(serve: Callable[..., Server], gate: Gate) -> Server:
    return serve(gate, takes_long=takes_long)


def test_others_are_answered_meanwhile(server: Server, gate: Gate) -> None:
    """The long one gets its answer all the same, on a connection that stays open."""
    with Client(server) as slow, Client(server) as bystander:
        slow.send(LONG)
        assert gate.entered.acquire(timeout=10)
        assert bystander.ask(GET).status == 200
        gate.steps.release()
        assert slow.answer().headers["x-target"] == "/long"
        assert slow.ask(GET).headers["x-target"] == "/x"


def test_answers_keep_the_order_of_one_connection(server: Server, gate: Gate) -> None:
    """What is sent behind a long request waits for it, long or not."""
    with Client(server) as client:
        client.send(GET + LONG + GET + get("/long/2") + get("/y"))
        gate.steps.release(2)
        targets = [client.answer().headers["x-target"] for _ in range(5)]
    assert targets == ["/x", "/long", "/x", "/long/2", "/y"]


def test_long_requests_take_turns_in_one_thread(server: Server, gate: Gate) -> None:
    """However many ask at once."""
    with Client(server) as one, Client(server) as other:
        one.send(LONG)
        other.send(LONG)
        gate.steps.release(2)
        assert one.answer().status == other.answer().status == 200
    assert len(gate.threads) == 1


@pytest.mark.parametrize(("target", "received"), [("/long/broken", b""), ("/long/bug", b"HTTP/1.1 500 ")])
def test_faults_and_bugs_are_delivered_as_ever(server: Server, gate: Gate, target: str, received: bytes) -> None:
    """A planned fault strikes the connection, an exception becomes a 500."""
    with Client(server) as client:
        client.send(get(target, "Connection: close"))
        gate.steps.release()
        assert client.rest().startswith(received)


def test_a_client_that_left_is_forgotten(server: Server, gate: Gate) -> None:
    """Its answer goes nowhere, and the next one is worked out."""
    with Client(server) as gone:
        gone.send(LONG)
        assert gate.entered.acquire(timeout=10)
    gate.steps.release(2)
    with Client(server) as client:
        assert client.ask(LONG).status == 200


def test_the_last_answer_closes_the_connection(server: Server, gate: Gate) -> None:
    """As for any other request."""
    with Client(server) as client:
        client.send(get("/long", "Connection: close"))
        gate.steps.release()
        assert client.answer().headers["connection"] == "close"
        assert client.rest() == b""


@pytest.mark.parametrize("bound", ["MOST_WAITING", "MOST_BYTES"])
def test_what_waits_is_bounded(server: Server, gate: Gate, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """At the bound it still waits; one more is refused at once, in words."""
    monkeypatch.setattr(background, bound, 2)
    one_byte = get("/long", "Content-Length: 1") + b"x"
    with Client(server) as one, Client(server) as other, Client(server) as surplus:
        one.send(one_byte)
        assert gate.entered.acquire(timeout=10)
        other.send(one_byte)
        assert surplus.ask(GET).status == 200  # by now the other one waits as well
        refusal = surplus.ask(one_byte)
        assert refusal.status == 503
        assert b"Too many requests that take long" in refusal.body
        gate.steps.release(2)
        assert one.answer().status == other.answer().status == 200


def test_stopping_waits_for_a_long_answer(server: Server, gate: Gate) -> None:
    """As for one that is delayed."""
    with Client(server) as client:
        client.send(LONG)
        assert gate.entered.acquire(timeout=10)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        gate.steps.release()
        assert client.answer().status == 200
        stopper.join(timeout=10)
    assert not stopper.is_alive()
