"""What most tests start from: the compiled contract, the recorded runs, and a mock on fixtures of its own."""

from __future__ import annotations

import contextlib
import gc
import json
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest

from mockserver.commands.running import make_server
from mockserver.profile.members import MemberTree, compile_members
from mockserver.server.server import Server
from mockserver.service.assembly import Mock, assemble, load_contract
from mockserver.service.door import VendorDoor, respond
from mockserver.settings import Settings
from tests.examples import choose_profile
from tests.fixtures.directories import minimal, write

# Where a test takes longer, the summary says so: make it cheap, or mark it slow.
SLOW_S = 3.0
VECTORS = Path(__file__).parent / "vectors"
# On GitHub, the servers that tests break on purpose are nobody's news.
os.environ.pop("GITHUB_ACTIONS", None)
choose_profile()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of the coverage what says nothing there and would take two or three times as long.

    Random examples: the figure would rest on luck. Slow tests run the same lines thousands of times, and a browser asks
    the control surface for what its own tests ask too.
    """
    for item in items:
        random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if random or "slow" in item.keywords or "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays to the end: walking it again and again took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that took long and are not marked slow."""
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    slow = [report for report in reports if report.duration > SLOW_S and "slow" not in report.keywords]
    if slow:
        terminalreporter.section(f"took over {SLOW_S:g} s: make them cheap, or mark them slow", yellow=True)
    for report in sorted(slow, key=lambda report: -report.duration):
        terminalreporter.write_line(f"{report.duration:5.1f} s  {report.nodeid}")


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    return load_contract(Settings().contract)


@pytest.fixture(scope="session")
def tree(contract: dict[str, Any]) -> MemberTree:
    return compile_members(contract)


@pytest.fixture(scope="session")
def base_profile() -> bytes:
    """The profile on which every recorded run started."""
    return orjson.dumps(json.loads((VECTORS / "base_profile.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def fixture_dir(tmp_path_factory: pytest.TempPathFactory, base_profile: bytes) -> Path:
    """Fixtures with the recorded runs' profile and one more, so that a leak would show."""
    directory = write(tmp_path_factory.mktemp("fixtures"), {"profiles/ACME01/zoe.json": base_profile})
    return write(directory, {"profiles/ACME01/other.json": minimal(2, Emails=[])})


@pytest.fixture(scope="session")
def make_mock(fixture_dir: Path) -> Callable[..., Mock]:
    """Assemble a mock on the test fixtures; settings as keywords."""

    def make(**settings: Any) -> Mock:
        return assemble(Settings(**{"fixtures": fixture_dir, "auth": "off", "log": "off", **settings}))

    return make


@pytest.fixture
def serve_mock(make_mock: Callable[..., Mock]) -> Iterator[Callable[..., Server]]:
    """Serve mocks on the test fixtures until the test ends; settings as keywords."""
    with contextlib.ExitStack() as running:
        yield lambda **settings: running.enter_context(make_server(make_mock(port=0, **settings)))


class Client:
    """Calls a mock's door as a gateway would, without a socket."""

    PROFILE = "/ACME01/Profile/AlternateIdType/CRM/AlternateId/C-000417"

    def __init__(self, mock: Mock) -> None:
        self.mock = mock
        self.door = VendorDoor(mock)

    def __call__(
        self,
        body: bytes | str = b"[]",
        *,
        target: str = PROFILE,
        method: str = "PATCH",
        content_type: str | None = "application/json",
        **headers: str,
    ) -> tuple[int, dict[str, str], bytes]:
        data = body.encode() if isinstance(body, str) else body
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http",
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": BytesIO(data),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        seen: dict[str, Any] = {}

        def start_response(
            status: str, answer_headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            seen.update(status=int(status[:3]), headers=dict(answer_headers))
            return lambda _: None

        content = b"".join(respond(self.door.answer(environ), environ, start_response))
        return seen["status"], seen["headers"], content

    def profile(self, target: str = PROFILE) -> dict[str, Any]:
        status, _, body = self(b"[]", target=target)
        assert status == 200, body
        document: dict[str, Any] = orjson.loads(body)
        return document


@pytest.fixture
def call(make_mock: Callable[..., Mock]) -> Callable[..., Client]:
    """Return a client of a fresh mock; settings as keywords."""
    return lambda **settings: Client(make_mock(**settings))
