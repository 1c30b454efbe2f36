"""Each store in turn, as what it promises is tested over all of them; and servers on a Redis in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakeredis import FakeServer

from mockserver.service.assembly import Mock
from tests.state.redis_servers import RealServer, fake_connector
from tests.state.stores import BASE, URL, Connect, base_in_file, base_in_folder, memory_connect, redis_connect


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    server = RealServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "folder", "packed file", "fake redis", "packed file and redis", "real redis"])
def connect(request: pytest.FixtureRequest) -> Connect:
    """Return what gives each process its worlds; in memory there is only one process."""
    return _connect(request)


@pytest.fixture(params=["fake redis", "real redis"])
def shared(request: pytest.FixtureRequest) -> Connect:
    """Return what gives each process its worlds, where there are several processes."""
    return _connect(request)


def _connect(request: pytest.FixtureRequest) -> Connect:
    tmp_path: Path = request.getfixturevalue("tmp_path")
    if request.param == "memory":
        return memory_connect()
    if request.param == "folder":
        return memory_connect(base_in_folder(tmp_path))
    if request.param == "packed file":
        return memory_connect(base_in_file(tmp_path))
    if "fake" in request.param or "file" in request.param:
        over = base_in_file(tmp_path) if "file" in request.param else BASE
        return redis_connect(fake_connector(FakeServer()), over)
    server: RealServer = request.getfixturevalue("real_server")
    server.flush()
    return redis_connect(server.connector())


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def on_redis(
    make_mock: Callable[..., Mock], server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Mock]:
    """Return what assembles a server on the database of this test; settings as keywords."""
    monkeypatch.setattr("mockserver.state.redis.worlds.connector", lambda url: fake_connector(server))
    return lambda **settings: make_mock(store=URL, **settings)
