"""A ready-to-paste request for whatever fixtures are loaded."""

from __future__ import annotations

import shlex
from pathlib import Path

import orjson

from mockserver.auth.signing import Client, User, issued_now, sign
from mockserver.service import operations
from mockserver.service.assembly import Mock
from mockserver.service.routes import profile_target
from mockserver.state.clock import system_now

PATCH = '[{"op": "replace", "path": "/CustomerType", "value": "Prospect"}]'


def sample_user(mock: Mock, of: Client | None = None) -> tuple[Client, User] | None:
    """Return the first client, or this one, and its first user that may change profiles."""
    for client in mock.fixtures.clients.values() if of is None else (of,):
        for user in client.users.values():
            if operations.PATCH.permission in user.permissions:
                return client, user
    return None


def sample_target(mock: Mock, client: Client) -> str | None:
    """Return the path of a profile of the client, the one that the documentation uses if it is there."""
    documented = mock.worlds.default.profiles.read((client.client_id.lower(), "crm", "c-000417"))
    if documented is not None:
        return profile_target(client.client_id, "CRM", "C-000417")
    profiles = mock.worlds.default.profiles
    for key, _ in mock.fixtures.index.within(client.client_id.lower()):
        for entry in orjson.loads(profiles.read(key) or b"{}").get("AlternateIds") or ():
            if entry and entry.get("AlternateIdType") and entry.get("AlternateId"):
                return profile_target(client.client_id, entry["AlternateIdType"], entry["AlternateId"])
    return None


def sample_curl(mock: Mock, url: str, ca: Path | None = None) -> str | None:
    """Return a signed curl command that changes a profile; None if the fixtures have nobody to sign it."""
    found = sample_user(mock)
    target = sample_target(mock, found[0]) if found else None
    if found is None or target is None:
        return None
    client, user = found
    header = sign(client.client_id, user.user_id, user.secrets[0], issued_now(system_now()))
    trusting = f"--cacert {shlex.quote(str(ca))} " if ca else ""
    return " \\\n  ".join(
        [
            f"curl -i {trusting}-X PATCH {shlex.quote(url + target)}",
            "-H 'Content-Type: application/json-patch+json'",
            f"-H {shlex.quote(f'Authorization: {header}')}",
            f"-d {shlex.quote(PATCH)}",
        ]
    )
