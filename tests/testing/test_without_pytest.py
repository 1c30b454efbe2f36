"""The mock without pytest: the context manager, the mix-in, and both over https."""

from __future__ import annotations

import ssl
import unittest
from pathlib import Path

import pytest

import mockserver.web.app  # noqa: F401  imported before any of the tests is timed
from mockserver.errors import UsageError
from mockserver.testing import MockServerMixin, UnservedRequests, mock_server
from mockserver.testing.response import send
from tests.fixtures.directories import CLIENTS, minimal, write
from tests.testing.test_plugin import run

pytest_plugins = ["pytester"]

PROFILE = ("CRM", "C-000417")
REPLACE = [{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp()))


def test_a_block_has_a_server_of_its_own() -> None:
    """Requests name no world; the journal, faults and profiles are there."""
    with mock_server() as mock:
        assert (mock.client_id, mock.headers, mock.ca) == ("ACME01", {}, None)
        with mock.fault("500 first=1"):
            assert [mock.client().patch(*PROFILE, REPLACE).status for _ in range(2)] == [500, 200]
        assert mock.profile(*PROFILE)["CustomerType"] == "Prospect"
        mock.verify(op="replace", status=200, exactly=1)
        assert mock.journal_text().startswith("world default: 2 requests")
    with pytest.raises(UsageError, match="can't reach the mock server"):
        mock.client().patch(*PROFILE, REPLACE)


def test_its_settings_are_those_of_the_server(fixture_dir: Path) -> None:
    """Fixtures as a path; what can't be used is refused."""
    with mock_server(fixtures=fixture_dir, auth="off", seed=7) as mock:
        assert mock.client().patch(*PROFILE, [], headers={"Authorization": None}).status == 200
    with pytest.raises(UsageError, match="did you mean"), mock_server(dialect="vendr"):
        pass


def test_it_signs_for_users_of_fixtures_that_were_read_again(tmp_path: Path) -> None:
    with mock_server(fixtures=write(tmp_path, {"profiles/ACME01/a.json": minimal()})) as mock:
        assert mock.client().patch("CRM", "C-1", []).status == 200
        renamed = CLIENTS.replace("editor@acme.example", "new@acme.example").replace("editor-test-key", "a-new-key")
        write(tmp_path, {"clients.toml": renamed})
        assert send(mock.url, "POST", "/__admin/reload", {}, None, 10, None).json()["status"] == "reloaded"
        assert mock.client().patch("CRM", "C-1", []).status == 200
        assert mock.client("new@acme.example").patch("CRM", "C-1", []).status == 200


def test_what_could_not_be_served_ends_the_block() -> None:
    with pytest.raises(UnservedRequests, match="route-unknown"), mock_server() as mock:
        mock.client().request("PATCH", "/nowhere", "[]")
    with mock_server(allow=["route-unknown"]) as mock:
        assert mock.client().request("PATCH", "/nowhere", "[]").status == 404


def test_a_block_over_https() -> None:
    """The client trusts the CA that the application is to trust."""
    with mock_server(tls=True) as mock:
        assert mock.url.startswith("https://")
        assert mock.ca is not None
        assert mock.ca.exists()
        assert mock.client().patch(*PROFILE, REPLACE).status == 200
        assert mock.client(oauth=True).patch(*PROFILE, REPLACE).status == 200


@pytest.mark.parametrize(
    ("flaw", "refused"),
    [
        ("expired", ssl.SSLCertVerificationError),
        ("wrong-name", ssl.SSLCertVerificationError),
        ("reset", ConnectionResetError),
    ],
)
def test_a_flaw_reaches_clients_alone(flaw: str, refused: type[Exception]) -> None:
    """State and journal can still be asked."""
    with mock_server(tls_flaw=flaw) as mock:
        with pytest.raises(refused):
            mock.client().patch(*PROFILE, REPLACE)
        assert (mock.requests, mock.profile(*PROFILE)["CustomerType"]) == ([], "Customer")


def test_the_plugin_speaks_https(pytester: pytest.Pytester) -> None:
    """Worlds as without it."""
    test = """
    assert mypreferences.url.startswith("https://")
    assert mypreferences.client().patch("CRM", "C-000417", []).status == 200
    mypreferences.verify(exactly=1)
"""
    run(pytester, f"def test_it(mypreferences):{test}", "--mypreferences-tls=true").assert_outcomes(passed=1)


class Case(MockServerMixin, unittest.TestCase):
    """What the tests below run."""

    mock_settings = {"seed": 7}  # noqa: RUF012  as its users write it

    def test_changes(self) -> None:
        """Each test begins with the fixtures, whichever comes first."""
        assert self.mypreferences.profile(*PROFILE)["CustomerType"] == "Customer"
        assert self.mypreferences.client().patch(*PROFILE, REPLACE).status == 200

    test_changes_again = test_changes

    def unserved(self) -> None:
        self.mypreferences.client().request("PATCH", "/nowhere", "[]")


@pytest.mark.parametrize(
    ("names", "failures"), [(["test_changes", "test_changes_again"], []), (["unserved"], ["route-unknown"])]
)
def test_the_mix_in(names: list[str], failures: list[str]) -> None:
    """unittest's own runner fails a test for what the mock could not serve."""
    result = unittest.TestResult()
    unittest.TestSuite(map(Case, names)).run(result)
    assert (result.testsRun, result.errors) == (len(names), [])
    assert [word for word in failures if word in result.failures[0][1]] == failures
    assert len(result.failures) == len(failures)
