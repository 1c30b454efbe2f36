"""The pytest plugin: a mock server for the test session, a world of it for each test.

pytest imports this module at every start, whoever uses it, so nothing is imported before it is needed.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from mockserver.testing import MockServer, MyPreferences
    from mockserver.testing.server import Options

_SETTINGS = {
    "fixtures": "directory with clients.toml and profiles/ (default: the demo's)",
    "dialect": "rule set for operations: vendor, library or rfc6902",
    "auth": "whether requests must be signed: strict or off",
    "seed": "seed of every random draw",
    "tls": "whether the server speaks https: true or false",
    "tls_flaw": "flaw of each handshake: expired, wrong-name or reset",
}
_MARKER = (
    "mypreferences(allow, deny): reasons, * for any letters, of requests that this test expects although the mock "
    'can\'t serve them, as allow=["route-unknown"]; and of further ones that are to fail it, as deny=["auth-*"]'
)

_WORLD = pytest.StashKey["MyPreferences"]()
_PASSED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the ini values of the same names."""
    group = parser.getgroup("mypreferences", "MyPreferences mock server")
    group.addoption("--mypreferences-url", metavar="URL", help="use the mock server that runs there")
    group.addoption("--mypreferences-admin-token", metavar="TOKEN", help="its token (default: $MOCKSERVER_ADMIN_TOKEN)")
    for name, text in _SETTINGS.items():
        group.addoption(f"--mypreferences-{name.replace('_', '-')}", metavar=name.upper(), help=text)
        parser.addini(f"mypreferences_{name}", text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture(scope="session")
def mypreferences_server(pytestconfig: pytest.Config) -> Iterator[MockServer]:
    """The session's mock server; its `world(name)` is for fixtures of a wider scope than one test."""
    from mockserver.testing.server import serving

    # The name of this process among pytest-xdist's.
    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "main")
    with _told_briefly(), serving(_options(pytestconfig), worker) as server:
        yield server


@pytest.fixture
def mypreferences(mypreferences_server: MockServer, request: pytest.FixtureRequest) -> Iterator[MyPreferences]:
    """A world of its own on a MyPreferences mock server; fails the test for requests that could not be served."""
    item = request.node
    item.stash[_WORLD] = world = _open(mypreferences_server, item)
    yield world
    _close(world, item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal to the report of a failure."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    world = item.stash.get(_WORLD, None)
    if world is not None and report.failed:
        _add_section(report, "MyPreferences journal", _journal(world))
    if world is not None and call.when == "teardown":
        # The session keeps all its tests; their journals need not stay.
        del item.stash[_WORLD]
    return report


def _add_section(report: pytest.TestReport, title: str, text: str) -> None:
    """Add to the failure itself: a section of the report would miss in JUnit's XML."""
    if isinstance(report.longrepr, str):
        report.longrepr += f"\n{title.center(80, '-')}\n{text}"
    elif (add := getattr(report.longrepr, "addsection", None)) is not None:
        add(title, text)
    else:
        report.sections.append((title, text))


def _options(config: pytest.Config) -> Options:
    from mockserver.testing.server import Options

    values = {name: config.getoption(f"mypreferences_{name}") or _ini(config, name) for name in _SETTINGS}
    token = config.getoption("mypreferences_admin_token") or os.environ.get("MOCKSERVER_ADMIN_TOKEN")
    return Options(url=config.getoption("mypreferences_url"), admin_token=token, **values)


def _ini(config: pytest.Config, name: str) -> str | None:
    value: str = config.getini(f"mypreferences_{name}")
    if name == "fixtures" and value and config.inipath is not None:
        return str(config.inipath.parent / value)
    return value or None


def _open(server: MockServer, item: pytest.Item) -> MyPreferences:
    from mockserver.errors import UsageError

    reasons: dict[str, list[str]] = {"allow": [], "deny": []}
    with _told_briefly():
        for marker in item.iter_markers("mypreferences"):
            if marker.args or not marker.kwargs.keys() <= reasons.keys():
                raise UsageError("the mypreferences marker takes allow and deny", hint='write allow=["route-unknown"]')
            for name, patterns in marker.kwargs.items():
                reasons[name] += [patterns] if isinstance(patterns, str) else patterns
        return server.open(item.nodeid, **reasons)


def _close(world: MyPreferences, item: pytest.Item) -> None:
    """Close; a test that failed already is not failed again, its report tells everything."""
    from mockserver.testing import UnservedRequests

    passed = item.stash.get(_PASSED, False)
    with _told_briefly(), nullcontext() if passed else suppress(UnservedRequests):
        world.close()


@contextmanager
def _told_briefly() -> Iterator[None]:
    """Let a failure show what is wrong, without the way through this package."""
    from mockserver.errors import UsageError
    from mockserver.testing import UnservedRequests

    try:
        yield
    except (UsageError, UnservedRequests) as problem:
        raise pytest.fail.Exception(str(problem), pytrace=False) from None


def _journal(world: MyPreferences) -> str:
    from mockserver.errors import UsageError
    from mockserver.testing.proxies import proxies_in_the_way

    try:
        return "\n".join(filter(None, (world.journal_text(), proxies_in_the_way())))
    except UsageError as problem:
        return f"world {world.world}: {problem}"
