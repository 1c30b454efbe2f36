"""Make the mock ready for cases: who signs and which profiles are used, read from the fixtures that it serves."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mockserver.errors import UsageError
from mockserver.verify.calls import Account, Bench, Key, Session

PERMISSION = "profile:update"
# The demo's profiles that rules are written for: all members, every kind of value, nulls, and another account's.
_PREFERRED = (("ACME01", "CRM", "C-000417"), ("ACME01", "CRM", "C-000001"), ("ACME01", "CRM", "C-000003"))
_MOST_PROFILES = 4
_NOT_SPARSE = {"PreservePreferences", "RegistrationConfirmed", "CustomerType", "DefaultLocale"}


@dataclass
class MockFixtures:
    """What the verifying side reads of a mock's fixtures: the accounts of each client by what they may do."""

    editors: dict[str, Account] = field(default_factory=dict)
    readers: dict[str, Account] = field(default_factory=dict)
    retired: dict[str, Account] = field(default_factory=dict)
    oauth: dict[str, Account] = field(default_factory=dict)
    profiles: tuple[Key, ...] = ()
    sparse: Key | None = None

    def bench(self, session: Session, dialect: str) -> Bench:
        """Return the bench of a mock that serves these fixtures."""
        client = self.profiles[0][0]
        return Bench(
            session=session,
            account=self.editors[client],
            profiles=self.profiles,
            dialect=dialect,
            accounts=self.editors,
            reader=self.readers.get(client),
            retired=self.retired.get(client),
            oauth=self.oauth.get(client),
            sparse=self.sparse,
            absent=((client, self.profiles[0][1], "NO-SUCH-ID"),),
            isolated=True,
            is_mock=True,
        )

    def add_accounts(self, client_id: str, client: Mapping[str, Any]) -> None:
        """Sort in the users and the applications of a client."""
        groups = {name: group.get("permissions", []) for name, group in client.get("groups", {}).items()}
        for user_id, user in client.get("users", {}).items():
            allowed = any(PERMISSION in groups.get(name, ()) for name in user.get("groups", ()))
            account = Account(client_id, user_id, user["secret"])
            (self.editors if allowed else self.readers).setdefault(client_id, account)
            if allowed and "previous_secret" in user:
                self.retired.setdefault(client_id, Account(client_id, user_id, user["previous_secret"]))
        for app_id, app in client.get("oauth_clients", {}).items():
            editor = self.editors.get(client_id)
            if editor is not None and editor.user_id in app.get("users", ()):
                self.oauth.setdefault(client_id, Account(client_id, app_id, app["secret"]))


def read_fixtures(directory: Path) -> MockFixtures:
    """Read accounts and profiles; raise UsageError if nobody may change anything there."""
    place, hint = str(directory), "run mockserver check"
    try:
        document = tomllib.loads((directory / "clients.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise UsageError(f"can't read the fixtures: {problem}", place=place, hint=hint) from problem
    fixtures = MockFixtures()
    for client_id, client in document.get("clients", {}).items():
        fixtures.add_accounts(client_id, client)
    found = [row for client_id in fixtures.editors for row in _profiles(directory / "profiles" / client_id, client_id)]
    # By its alternate id an inactive profile is not found, nor one with a slash by the library's routing.
    found = [row for row in found if row[1].get("IsActive") is not False] or found
    found.sort(key=lambda row: "/" in "".join(row[0]))
    if not found:
        raise UsageError("the fixtures have no profile with a user who may change it", place=place, hint=hint)
    fixtures.profiles = _chosen([key for key, _ in found])
    fixtures.sparse = next((key for key, profile in found if not _NOT_SPARSE & set(profile)), None)
    return fixtures


def _profiles(directory: Path, client_id: str) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    for path in sorted(directory.glob("*.json")):
        profile = json.loads(path.read_text(encoding="utf-8"))
        entries = [entry for entry in profile.get("AlternateIds") or () if entry]
        ids = [(entry.get("AlternateIdType"), entry.get("AlternateId")) for entry in entries]
        if ids and all(ids[0]):
            yield (client_id, *ids[0]), profile


def _chosen(keys: list[Key]) -> tuple[Key, ...]:
    """Return a few profiles: the preferred ones, and one of another account, best with the first one's own id."""
    known = [key for key in _PREFERRED if key in keys] or keys[:1]
    strangers = [key for key in keys if key[0] != known[0][0]]
    strangers.sort(key=lambda key: key[1:] != known[0][1:])
    more = [key for key in keys if key not in known and key[0] == known[0][0]]
    return (*known, *strangers[:1], *more)[:_MOST_PROFILES]
