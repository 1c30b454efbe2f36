"""The mock server that tests share: one of their own in a thread, or one that runs already."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mockserver.errors import UsageError
from mockserver.settings import Settings, load_settings
from mockserver.testing.accounts import Accounts, read_accounts
from mockserver.testing.control import Control
from mockserver.testing.handle import MyPreferences
from mockserver.testing.naming import WorldNames
from mockserver.testing.strays import Strays
from mockserver.testing.unserved import Expectations, UnservedRequests

# As many tests as can be open at once in one process, with room to spare; each costs a few hundred bytes.
_WORLDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the ini file say; None is the server's default."""

    url: str | None = None
    admin_token: str | None = None
    fixtures: str | None = None
    dialect: str | None = None
    auth: str | None = None
    seed: str | None = None


class MockServer:
    """Hands out worlds of one server; thread-safe."""

    def __init__(
        self,
        url: str,
        accounts: Accounts,
        *,
        token: str | None = None,
        names: WorldNames | None = None,
        arrived: Callable[[], int] | None = None,
    ) -> None:
        self.url = url
        self._accounts = accounts
        self._token = token
        self._names = names or WorldNames()
        self._strays = Strays(arrived, Control(url, None, token)) if arrived else None

    def open(self, node_id: str, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> MyPreferences:
        """Return a world named after a test; the caller closes it. Raises UsageError for a wrong reason."""
        expected = Expectations(allow, deny)
        name = self._names.take(node_id)
        control = Control(self.url, name, self._token)
        return MyPreferences(control, self._accounts, expected, self._strays, lambda: self._names.give_back(name))

    @contextmanager
    def world(
        self, name: str = "world", *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> Iterator[MyPreferences]:
        """Open a world of its own for as long as the block lasts, for fixtures of a wider scope, and for threads.

        Raises UnservedRequests at the end for what the mock could not serve.
        """
        opened = self.open(name, allow=allow, deny=deny)
        try:
            yield opened
        except BaseException:
            # The failure says more than what the mock could not serve.
            with suppress(UnservedRequests):
                opened.close()
            raise
        opened.close()


@contextmanager
def mock_server(options: Options, worker: str) -> Iterator[MockServer]:
    """Provide the server that the options ask for; raise UsageError for options that can't be used."""
    settings = _settings(options)
    if options.url is not None:
        yield _running(options, settings, worker)
        return
    from mockserver.commands.running import make_server
    from mockserver.service.assembly import assemble

    mock = assemble(settings)
    with make_server(mock) as server:
        # The control surface is made when it is first asked: now, not at the cost of the first test.
        Control(server.url, None, None)("GET", "version")
        default = mock.worlds.default
        yield MockServer(server.url, Accounts(mock.fixtures.clients), arrived=lambda: default.journal.total)


def _settings(options: Options) -> Settings:
    """Check the options as `serve` checks its flags.

    Neither the environment nor a mockserver.toml has a say: what tests need is written where the tests are.
    """
    given = {"fixtures": options.fixtures, "dialect": options.dialect, "auth": options.auth, "seed": options.seed}
    flags = {name: value for name, value in given.items() if value is not None}
    own: dict[str, Any] = {"port": 0, "log": "off", "max_worlds": _WORLDS}
    try:
        return load_settings({**own, **flags}, {}, Path(os.devnull))
    except UsageError as problem:
        place = f"mypreferences_{problem.place.removeprefix('--')}"
        raise UsageError(problem.problem, place=place, hint=problem.hint) from None


def _running(options: Options, settings: Settings, worker: str) -> MockServer:
    url = (options.url or "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no URL", place="--mypreferences-url", hint="write e.g. http://127.0.0.1:8080")
    _check_agreement(options, settings, Control(url, None, options.admin_token))
    names = WorldNames(f"-{worker}-{secrets.token_hex(4)}")
    accounts = read_accounts(settings.fixtures, settings.contract)
    return MockServer(url, accounts, token=options.admin_token, names=names)


def _check_agreement(options: Options, settings: Settings, control: Control) -> None:
    """Raise UsageError for a running server that is not what the tests ask for."""
    theirs = control("GET", "settings")
    if theirs["pure"]:
        hint = "start it without --pure, or leave --mypreferences-url out"
        raise UsageError("the server is pure, so it can't keep tests apart", place=control.url, hint=hint)
    for name in ("dialect", "auth", "seed"):
        wanted = getattr(settings, name)
        if getattr(options, name) is not None and theirs[name] != wanted:
            problem = f"the server has {name} {theirs[name]}, the tests ask for {wanted}"
            hint = f"start it with --{name} {wanted}, or leave mypreferences_{name} out"
            raise UsageError(problem, place=control.url, hint=hint)
