"""Proxies of the environment that take requests to this machine elsewhere are named, with the remedy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mockserver.testing.proxies import proxies_in_the_way
from tests.testing.test_plugin import run

pytest_plugins = ["pytester"]

ROWS: dict[str, tuple[dict[str, str], str]] = {
    "none": ({}, ""),
    "one": ({"HTTP_PROXY": "http://p.example:3128"}, "HTTP_PROXY=http://p.example:3128"),
    "with a password": ({"http_proxy": "http://me:s3cret@p.example:3128"}, "HTTP_PROXY=http://me@p.example:3128"),
    "for everything": ({"ALL_PROXY": "socks5://p.example:1080"}, "ALL_PROXY=socks5://p.example:1080"),
    "not for this machine": ({"HTTP_PROXY": "http://p.example", "NO_PROXY": "localhost,127.0.0.1"}, ""),
    "for https alone": ({"HTTPS_PROXY": "http://p.example"}, ""),
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    def put(variables: dict[str, str]) -> None:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize(("variables", "named"), ROWS.values(), ids=ROWS)
def test_proxies(variables: dict[str, str], named: str, environment: Callable[[dict[str, str]], None]) -> None:
    environment(variables)
    told = proxies_in_the_way()
    assert told.partition(" may take ")[0] == named
    assert ("set NO_PROXY=127.0.0.1,localhost" in told) == bool(named)


def test_a_failed_test_names_them(pytester: pytest.Pytester, environment: Callable[[dict[str, str]], None]) -> None:
    environment({"HTTP_PROXY": "http://p.example:3128"})
    result = run(pytester, "def test_it(mypreferences):\n    assert not mypreferences")
    assert "HTTP_PROXY=http://p.example:3128 may take" in result.stdout.str()
