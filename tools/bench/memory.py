"""Memory: what the server holds after its first request and after very many."""

from __future__ import annotations

from typing import NamedTuple

from tools.bench import candidates, load, machine, server_process
from tools.bench.server_process import ServerProcess

CONNECTIONS = 8
SECONDS = 5


class Memory(NamedTuple):
    """Resident memory in bytes, and after how many requests the last figure was read."""

    bare_flask: int
    at_first: int
    at_last: int
    requests: int


def measure(requests: int, seconds: int = SECONDS) -> Memory:
    """Read the server's memory after its first request and after at least so many more."""
    bare = _bare_flask()
    port = server_process.free_port()
    with ServerProcess(candidates.serve(port), port) as server:
        first, sent = server.rss_bytes(), 1
        while sent < requests:
            sent += load.run_wrk(port, CONNECTIONS, seconds).requests
            machine.say(f"  {sent:,} of {requests:,} requests: {server.rss_bytes() / 1e6:.1f} MB")
        return Memory(bare, first, server.rss_bytes(), sent)


def _bare_flask() -> int:
    port = server_process.free_port()
    with ServerProcess(candidates.python("-m", "tools.bench.apps.bare", str(port)), port) as server:
        return server.rss_bytes()
