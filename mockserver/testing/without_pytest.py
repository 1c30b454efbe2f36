"""The mock for tests without pytest: a context manager, and a mix-in for test cases of unittest and Django."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from mockserver.testing.handle import MyPreferences
from mockserver.testing.server import MockServer, Options, closing, serving

if TYPE_CHECKING:
    from unittest import TestCase as _Case
else:
    _Case = object


@contextmanager
def mock_server(
    *,
    fixtures: str | PathLike[str] | None = None,
    dialect: str | None = None,
    auth: str | None = None,
    seed: int | None = None,
    tls: bool | None = None,
    tls_flaw: str | None = None,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
) -> Iterator[MyPreferences]:
    """Serve a mock on a free port for as long as the block lasts; its requests name no world.

    The keywords are settings of the same names, `allow` and `deny` those of the pytest marker. Raises UsageError for
    what can't be used, and at the end UnservedRequests for what the mock could not serve.
    """
    options = Options(fixtures=fixtures, dialect=dialect, auth=auth, seed=seed, tls=tls, tls_flaw=tls_flaw)
    with serving(options) as server, closing(server.alone(allow=allow, deny=deny)) as mock:
        yield mock


class MockServerMixin(_Case):
    """Gives each test `self.mypreferences`, as after a reset, on one server for the class.

    `mock_settings` are the settings among the keywords of `mock_server`. It stands before TestCase among the bases.
    """

    mock_settings: ClassVar[Mapping[str, Any]] = {}
    mypreferences: MyPreferences
    _mock_server: ClassVar[MockServer]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls._mock_server = cls.enterClassContext(serving(Options(**cls.mock_settings)))

    def setUp(self) -> None:
        """Reset it; after the test, what the mock could not serve fails it."""
        super().setUp()
        self.mypreferences = self._mock_server.alone()
        self.addCleanup(self.mypreferences.close)
