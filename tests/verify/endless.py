"""A server that answers as no client expects: slowly, without end, or far too deep."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class EndlessServer:
    """Answers each request with `first`, and then with `again`, over and over, until the client hangs up.

    `pause_s` lies before each of the latter.
    """

    def __init__(self, first: bytes, again: bytes = b"", pause_s: float = 0.0) -> None:
        self.first, self.again, self.pause_s = first, again, pause_s
        self.stopping = threading.Event()
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[EndlessServer]:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler_of(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            self.stopping.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, connection: Any) -> None:
        """Read a head, and answer it."""
        connection.recv(65536)
        connection.sendall(self.first)
        while self.again and not self.stopping.wait(self.pause_s):
            connection.sendall(self.again)


def _handler_of(server: EndlessServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                server.answer(self.request)
            except OSError:
                return

    return Handler
