"""The HTTP server under the fake vendor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.verify.target.planted import Seen

Answer = Callable[[Seen], tuple[int, dict[str, str], bytes] | None]  # None cuts the connection


class CountingServer(ThreadingHTTPServer):
    """Serves on a free port of loopback, a thread a connection, and counts the connections that are open."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _handler_of(answer))
        self.open, self.ended = 0, threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.ended:
            self.open += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        with self.ended:
            self.open -= 1
            self.ended.notify_all()


def _handler_of(answer: Answer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            result = answer(Seen(self.command, self.path, headers, body))
            self.close_connection = True
            if result is None:
                return
            status, sent, content = result
            try:
                self.send_response(status)
                for name, value in sent.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
            except OSError:
                return

        do_PATCH = do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
