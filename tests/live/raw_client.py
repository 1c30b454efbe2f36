"""A raw connection to a server, and the applications that it calls."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from mockserver.server.server import Server

TIMEOUT_S = 10
GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
Environ = dict[str, Any]


@dataclass
class Effect:
    """What an application plans for its answer."""

    delay_s: float = 0.0
    connection: str | None = None


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A raw connection; every wait on it ends after TIMEOUT_S."""

    def __init__(self, server: Server) -> None:
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S)
        self.file = self.sock.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.file.close()
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one answer; `bodiless` for what answers HEAD."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        length = 0 if bodiless else int(headers.get("content-length", 0))
        return Answer(status, headers, self.file.read(length))

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def rest(self) -> bytes:
        """Read until the server closes."""
        return self.file.read()


def pass_time(server: Server, seconds: float) -> None:
    """Let that much time pass for the delays and bounds of a running server, at once."""
    loop, now = server.loop, server.loop.time

    def jump() -> None:
        loop.time = lambda: now() + seconds  # type: ignore[method-assign]
        for connection in server.connections:
            connection.deadline -= seconds

    loop.call_soon_threadsafe(jump)


def has_begun(server: Server) -> bool:
    """Tell whether the one connection has sent a part of a request."""
    return [connection.reader.environ is not None for connection in tuple(server.connections)] == [True]


def echo(environ: Environ, start_response: Any) -> list[bytes]:
    """Answer with what arrived."""
    shown = {key: value for key, value in environ.items() if isinstance(value, str)}
    body = json.dumps({**shown, "body": environ["wsgi.input"].read().decode("latin-1")}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def planned(environ: Environ, start_response: Any) -> list[bytes]:
    """Misbehave as the target says: /KIND, /SECONDS or /SECONDS/KIND; /x is answered at once."""
    words = environ["PATH_INFO"].strip("/").split("/")
    delays = [float(word) for word in words if word[0].isdigit()]
    kinds = [word for word in words if not word[0].isdigit() and word != "x"]
    if delays or kinds:
        environ["mockserver.effect"] = Effect(sum(delays), kinds[0] if kinds else None)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Target", environ["RAW_URI"])])
    return [b"0123456789"]


def get(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: a", *headers, "", ""]).encode("ascii")


def answering(status: str, headers: list[tuple[str, str]], *body: bytes) -> Callable[..., list[bytes]]:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return list(body)

    return app
