"""The pytest plugin's server: how it is set up, one that runs already, and what the plugin costs the others."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coverage import CoverageData

import mockserver.web.app  # shared with the runs of pytest inside this process
from mockserver.commands.running import make_server
from mockserver.server.server import Server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.testing.accounts import read_accounts
from mockserver.testing.control import Control
from tests.fixtures.test_packed import packed_from
from tests.testing.test_plugin import run

pytest_plugins = ["pytester"]

PACKAGE = Path(mockserver.__file__).parent
EMPTY = "def test_it(mypreferences):\n    pass"
UNSIGNED = "client.patch('CRM', 'C-000417', [], headers={'Authorization': None})"
WITHOUT_SLASH = "client.patch('CRM', 'C-000417', [{'op': 'test', 'path': 'CustomerType', 'value': 'Customer'}])"


@pytest.mark.parametrize(
    ("ini", "arguments", "request_", "reason"),
    [
        pytest.param("", [], UNSIGNED, "auth-header-missing", id="auth is strict"),
        pytest.param("mypreferences_auth = off", [], UNSIGNED, "patch-empty", id="auth off, ini"),
        pytest.param("", ["--mypreferences-auth=off"], UNSIGNED, "patch-empty", id="auth off, flag"),
        pytest.param("", [], WITHOUT_SLASH, "patch-changed-nothing", id="the dialect is vendor"),
        pytest.param("mypreferences_dialect = rfc6902", [], WITHOUT_SLASH, "rfc6902-refused", id="dialect, ini"),
        pytest.param(
            "mypreferences_dialect = vendor",
            ["--mypreferences-dialect=rfc6902"],
            WITHOUT_SLASH,
            "rfc6902-refused",
            id="a flag has the last word",
        ),
    ],
)
def test_the_ini_file_and_the_command_line_set_the_server_up(
    pytester: pytest.Pytester, ini: str, arguments: list[str], request_: str, reason: str
) -> None:
    """Every setting of the mock that tests depend on is written where the tests are."""
    pytester.makeini(f"[pytest]\n{ini}")
    test = f"client = mypreferences.client()\n    assert {request_}.reason == {reason!r}"
    run(pytester, f"def test_it(mypreferences):\n    {test}", *arguments).assert_outcomes(passed=1)


def test_fixtures_are_found_from_the_ini_file(pytester: pytest.Pytester, fixture_dir: Path) -> None:
    """Their path is relative to the ini file, wherever pytest is started."""
    pytester.makeini("[pytest]\nmypreferences_fixtures = data")
    pytester.path.joinpath("data").symlink_to(fixture_dir)
    below = pytester.mkdir("below")
    test = "def test_it(mypreferences):\n    assert mypreferences.client().patch('CRM', 'C-2', []).status == 200\n"
    below.joinpath("test_it.py").write_text(test, encoding="utf-8")
    pytester.chdir()
    run(pytester, "", str(below)).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--mypreferences-dialect=vendr"], "mypreferences_dialect: 'vendr' is not possible", id="choice"),
        pytest.param(["--mypreferences-seed=x"], "mypreferences_seed: 'x' is not a whole number", id="number"),
        pytest.param(["--mypreferences-fixtures=nowhere"], "nowhere", id="directory"),
        pytest.param(["--mypreferences-url=localhost"], "write e.g. http://", id="url"),
        pytest.param(["--mypreferences-url=http://127.0.0.1:1"], "can't reach the mock server", id="nobody there"),
    ],
)
def test_a_wrong_option_is_explained(pytester: pytest.Pytester, arguments: list[str], told: str) -> None:
    """In one message, without a traceback."""
    result = run(pytester, EMPTY, *arguments)
    result.assert_outcomes(errors=1)
    assert told in result.stdout.str()
    assert "Traceback" not in result.stdout.str()
    assert "site-packages" not in result.stdout.str()


@pytest.fixture
def running() -> Iterator[Server]:
    """A server that was started by somebody else."""
    settings = Settings(port=0, log="off", seed=7, admin_token="only-for-this-test")
    with make_server(assemble(settings)) as server:
        yield server


def worlds(server: Server) -> list[str]:
    control = Control(server.url, None, "only-for-this-test")
    return [row["name"] for row in control("GET", "namespaces")["namespaces"]]


TOKEN = "--mypreferences-admin-token=only-for-this-test"


def test_a_running_server_can_be_used(pytester: pytest.Pytester, running: Server) -> None:
    """Its worlds have names of their own in each run, and are gone afterwards."""
    test = """
        def test_it(mypreferences):
            mypreferences.freeze("2026-01-31T12:00:00Z")
            assert mypreferences.client().patch("CRM", "C-000417", []).status == 200
            assert mypreferences.client(oauth=True).patch("CRM", "C-000417", []).status == 200
            print("named", mypreferences.world)
    """
    test = textwrap.dedent(test)
    names = set()
    for _ in range(2):
        result = run(pytester, test, "-s", f"--mypreferences-url={running.url}/", TOKEN)
        result.assert_outcomes(passed=1)
        names.add(result.stdout.str().partition("named ")[2].split()[0])
    assert len(names) == 2
    assert all(name.startswith("test-it-") and "-main-" in name for name in names)
    assert worlds(running) == ["default"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param([TOKEN, "--mypreferences-dialect=library"], "has dialect vendor, the tests ask", id="dialect"),
        pytest.param([TOKEN, "--mypreferences-seed=8"], "start it with --seed 8", id="seed"),
        pytest.param([], "needs its token", id="token"),
    ],
)
def test_a_running_server_must_be_what_the_tests_ask_for(
    pytester: pytest.Pytester, running: Server, arguments: list[str], told: str
) -> None:
    """Rather than let them pass against something else."""
    result = run(pytester, EMPTY, f"--mypreferences-url={running.url}", *arguments)
    result.assert_outcomes(errors=1)
    assert told in result.stdout.str()


def test_a_server_that_is_no_mock_is_refused(pytester: pytest.Pytester) -> None:
    """Whatever listens there."""

    def application(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"nothing here"]

    with Server(application) as server:
        result = run(pytester, EMPTY, f"--mypreferences-url={server.url}")
    assert "does a MyPreferences mock listen there?" in result.stdout.str()


def test_the_users_of_a_running_server_must_be_known(pytester: pytest.Pytester, running: Server) -> None:
    """Their keys are read from the fixtures; a problem names the file."""
    pytester.mkdir("empty")
    pytester.path.joinpath("clients.toml").write_text("[clint]", encoding="utf-8")
    for directory, told in (("empty", "can't read the clients"), (".", "clients.toml")):
        arguments = [f"--mypreferences-url={running.url}", f"--mypreferences-fixtures={directory}", TOKEN]
        result = run(pytester, EMPTY, *arguments)
        result.assert_outcomes(errors=1)
        assert told in result.stdout.str()


def test_the_users_of_packed_fixtures_are_known_too(tmp_path: Path) -> None:
    """Of those that a running server serves, as of a folder's."""
    packed = packed_from(tmp_path / "folder", tmp_path / "profiles.packed")
    accounts = read_accounts(packed, Settings().contract)
    assert accounts.user(accounts.client("acme01")).user_id == "editor@acme.example"


def test_a_pure_server_is_refused(pytester: pytest.Pytester) -> None:
    """It ignores the header that keeps tests apart."""
    with make_server(assemble(Settings(port=0, log="off", pure=True))) as server:
        result = run(pytester, EMPTY, f"--mypreferences-url={server.url}")
    assert "start it without --pure" in result.stdout.str()


# -- the plugin itself -----------------------------------------------------------------------------------------------


def test_importing_the_plugin_imports_nothing_else() -> None:
    """Whoever installs the package pays next to nothing at each start of pytest."""
    code = (
        "import sys, os, pytest\nbefore = set(sys.modules)\nimport mockserver.pytest_plugin\n"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['mockserver', 'mockserver.pytest_plugin']"


def test_coverage_of_the_package_is_measured(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although pytest imports the plugin before anybody measures."""
    test = "def test_it(mypreferences):\n    assert mypreferences.client().patch('CRM', 'C-000417', []).status == 200"
    pytester.makepyfile(test)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("COVERAGE_FILE", raising=False)  # where the run outside writes
    plugins = ["-p", "mockserver.pytest_plugin", "-p", "pytest_cov"]
    result = pytester.runpytest_subprocess(*plugins, "-W", "error", "--cov=mockserver", "--cov-report=")
    result.assert_outcomes(passed=1)
    data = CoverageData(str(pytester.path / ".coverage"))
    data.read()
    measured = {Path(name).relative_to(PACKAGE).as_posix() for name in data.measured_files()}
    assert {"service/service.py", "server/server.py", "testing/handle.py", "pytest_plugin.py"} <= measured
