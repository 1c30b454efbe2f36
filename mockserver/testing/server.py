"""The mock server that tests share: one of their own in a thread, or one that runs already."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mockserver.errors import UsageError
from mockserver.settings import Settings, load_settings
from mockserver.testing.accounts import Accounts, read_accounts
from mockserver.testing.control import Control
from mockserver.testing.handle import MyPreferences
from mockserver.testing.naming import WorldNames
from mockserver.testing.strays import Strays
from mockserver.testing.unserved import Expectations, UnservedRequests

if TYPE_CHECKING:
    from mockserver.service.assembly import Mock

# As many tests as can be open at once in one process, with room to spare; each costs a few hundred bytes.
_WORLDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the ini file say; None is the server's default."""

    url: str | None = None
    admin_token: str | None = None
    fixtures: str | os.PathLike[str] | None = None
    dialect: str | None = None
    auth: str | None = None
    seed: str | int | None = None
    tls: str | bool | None = None
    tls_flaw: str | None = None


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
        https: tuple[str, Path | None] | None = None,
    ) -> None:
        self._control_url = url
        self.url, self.ca = https or (url, None)
        self._accounts = accounts
        self._token = token
        self._names = names or WorldNames()
        self._strays = Strays(arrived, Control(url, None, token)) if arrived else None

    def open(self, node_id: str, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> MyPreferences:
        """Return a world named after a test; the caller closes it. Raises UsageError for a wrong reason."""
        expected = Expectations(allow, deny)
        name = self._names.take(node_id)
        control = Control(self._control_url, name, self._token)
        give_back = partial(self._names.give_back, name)
        return MyPreferences(control, self._accounts, expected, self._strays, give_back, self.url, self.ca)

    def alone(self, *, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> MyPreferences:
        """Return the default world as after a reset, for one test at a time; its requests name no world."""
        control = Control(self._control_url, None, self._token)
        control("POST", "reset")
        expected = Expectations(allow, deny)
        return MyPreferences(control, self._accounts, expected, None, lambda: None, self.url, self.ca)

    @contextmanager
    def world(
        self, name: str = "world", *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> Iterator[MyPreferences]:
        """Open a world of its own for as long as the block lasts, for fixtures of a wider scope, and for threads.

        Raises UnservedRequests at the end for what the mock could not serve.
        """
        with closing(self.open(name, allow=allow, deny=deny)) as opened:
            yield opened


@contextmanager
def closing(world: MyPreferences) -> Iterator[MyPreferences]:
    """Close a world after the block; a failure there says more than what the mock could not serve."""
    try:
        yield world
    except BaseException:
        with suppress(UnservedRequests):
            world.close()
        raise
    world.close()


@contextmanager
def serving(options: Options, worker: str = "main") -> Iterator[MockServer]:
    """Provide the server that the options ask for; raise UsageError for options that can't be used."""
    settings = _settings(options)
    if options.url is not None:
        yield _running(options, settings, worker)
        return
    from mockserver.commands.running import make_server
    from mockserver.service.assembly import assemble

    mock = assemble(settings)
    with make_server(mock) as server, _https(mock) as https:
        # The control surface is made when it is first asked: now, not at the cost of the first test.
        Control(server.url, None, None)("GET", "version")
        default = mock.worlds.default
        yield MockServer(
            server.url, Accounts(lambda: mock.fixtures.clients), arrived=lambda: default.journal.total, https=https
        )


@contextmanager
def _https(mock: Mock) -> Iterator[tuple[str, Path | None] | None]:
    """Serve the mock over https too, if that is asked for: the control surface is asked without, for flaws' sake."""
    if not mock.settings.https:
        yield None
        return
    from mockserver.commands.running import make_server
    from mockserver.server.tls import tls_of

    tls = tls_of(mock.settings)
    with make_server(mock, tls=tls) as server:
        yield server.url, tls.ca if tls else None


def _settings(options: Options) -> Settings:
    """Check the options as `serve` checks its flags.

    Neither the environment nor a mockserver.toml has a say: what tests need is written where the tests are.
    """
    given = {name: getattr(options, name) for name in ("fixtures", "dialect", "auth", "seed", "tls", "tls_flaw")}
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
