"""The clients and users in whose name a test may sign."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mockserver.auth.signing import Client, OAuthClient, User
from mockserver.errors import UsageError
from mockserver.nearest import did_you_mean
from mockserver.profile.keys import fold

__tracebackhide__ = True  # a failing test's report ends at the test's own line


class Accounts:
    """Finds clients and users; without a name, the first one of the fixtures.

    `clients` returns those that there are now: a server of our own may read them again.
    """

    def __init__(self, clients: Callable[[], Mapping[str, Client]]) -> None:
        self._clients = clients

    def client(self, client_id: str | None = None) -> Client:
        """Return a client, also by its id with a world's name behind it; raise UsageError."""
        clients = self._clients()
        if client_id is None:
            return next(iter(clients.values()))
        found = clients.get(fold(client_id.partition("~")[0]))
        if found is None:
            raise _unknown("client", client_id, [client.client_id for client in clients.values()])
        return found

    def user(self, client: Client, user_id: str | None = None) -> User:
        """Return one of a client's users; raise UsageError."""
        wanted = next(iter(client.users), "") if user_id is None else user_id
        if wanted not in client.users:
            raise _unknown(f"user of {client.client_id}", wanted, client.users)
        return client.users[wanted]

    def application(self, client: Client, user_id: str | None) -> tuple[OAuthClient, str]:
        """Return an OAuth application and the user for whom it may act; raise UsageError if there is none."""
        for application in client.oauth_clients.values():
            for candidate in client.users if user_id is None else (user_id,):
                if candidate in application.user_ids:
                    return application, candidate
        raise UsageError(
            f"no OAuth application of {client.client_id} may act for {user_id or 'any user'}",
            hint=f'add one to clients.toml: [clients.{client.client_id}.oauth_clients.…] with users = ["…"]',
        )


def read_accounts(fixtures: Path, contract: Path) -> Accounts:
    """Read a fixture directory's clients.toml alone, or those of a packed file; raise UsageError."""
    from mockserver.fixtures.clients import read_clients
    from mockserver.fixtures.loading import load_fixtures
    from mockserver.profile.members import compile_members
    from mockserver.service.assembly import load_contract

    tree, path = compile_members(load_contract(contract)), fixtures / "clients.toml"
    if fixtures.is_file():
        packed = load_fixtures(fixtures, tree, max_profile=sys.maxsize).clients
        return Accounts(lambda: packed)
    try:
        clients, problems = read_clients(path.read_bytes(), tree)
    except OSError as problem:
        raise UsageError(f"can't read the clients: {problem.strerror}", place=str(path)) from problem
    if problems:
        raise UsageError(f"{problems[0].path}: {problems[0].text}", place=str(path), hint=problems[0].hint)
    return Accounts(lambda: clients)


def _unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    names = list(known)
    listed = f"known are {', '.join(names)}" if names else "the fixtures have none"
    return UsageError(f"there is no {kind} {name!r}", hint=did_you_mean(name, names, listed))
