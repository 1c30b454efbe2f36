"""Each store in turn: what it promises is tested over all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakeredis import FakeServer

from tests.state.redis_servers import BINARY, RealServer, fake_connector
from tests.state.stores import Connect, on_memory, on_redis


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = RealServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "fake redis", "real redis"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Return what gives each process its worlds; in memory there is only one process."""
    if request.param == "memory":
        return on_memory()
    if request.param == "fake redis":
        return on_redis(fake_connector(FakeServer()))
    if BINARY is None:
        pytest.skip("needs redis-server or valkey-server on PATH")
    server: RealServer = request.getfixturevalue("real_server")
    server.flush()
    return on_redis(server.connector())
