"""A mock for one comparison: started in a process, with the other side's client and users, and no profile."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mockserver.errors import Inconclusive, UsageError
from mockserver.verify.calls import Call, Key, Reply, quoted
from mockserver.verify.conversation import PATCH_ALONE
from mockserver.verify.http_session import TooDeep, exchange
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.targets import Target

_START_S, _ANSWER_S = 60.0, 10.0


class Starting(NamedTuple):
    """A mock that is on its way up in a process of its own."""

    process: subprocess.Popen[bytes]
    ready: Path
    log: Path

    def url(self) -> str:
        """Wait until it listens; raise Inconclusive if it does not."""
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self.process.poll() is None:
            if self.ready.exists() and (text := self.ready.read_text(encoding="utf-8")):
                return str(json.loads(text)["url"])
            time.sleep(0.02)
        said = self.log.read_text(encoding="utf-8", errors="replace").strip()
        raise Inconclusive("the mock did not start", hint=said[-2000:] or "run mockserver serve to see why")


@contextmanager
def starting(fixtures: Path, dialect: str, *flags: str, **how: Any) -> Iterator[Starting]:
    """Start a mock on a free port; at the end it is stopped, and its own files are gone."""
    with tempfile.TemporaryDirectory(prefix="mockserver-verify-") as home:
        ready, log = Path(home, "ready.json"), Path(home, "log.txt")
        command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--ready-file", str(ready)]
        command += ["--dialect", dialect, "--fixtures", str(fixtures), "--log", "off", *flags]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, **how)  # noqa: S603 - our own command
        try:
            yield Starting(process, ready, log)
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def local_mock(other: Target) -> Iterator[Target]:
    """Start a mock that can take on the other target's profiles; its users have the same names, and their own keys."""
    user = Credential(other.credential.user, known=secrets.token_hex(16))
    reader = other.reader and Credential(other.reader.user, known=secrets.token_hex(16))
    mock = replace(other, name="mock", credential=user, reader=reader, mock=True, marker=None, unsigned=False)
    with tempfile.TemporaryDirectory() as home:
        fixtures = Path(home, "fixtures")
        _write_fixtures(fixtures, other.client, user, reader)
        # In an environment and a directory without the user's settings.
        where: dict[str, Any] = {"cwd": home, "env": _environment()}
        with starting(fixtures, other.dialect, "--pure", "--no-magic-ids", **where) as started:
            yield replace(mock, base_url=started.url(), admin_token_env=None)


def is_mock(url: str) -> bool:
    """Ask a server on this machine whether it is this project's mock; raise Inconclusive if it can't be reached."""
    said = told(url, "version")
    # A mock whose control surface has a token says so.
    return said.get("server") == "mypreferences-mockserver" or said.get("reason") == "admin-token-missing"


# What a mock's settings take from what rules need: the setting, its usual value, and the words for any other.
_USUAL = {
    "around": ("operations", "all", PATCH_ALONE),
    "hiding": ("inactive", "hidden", "an alternate id leads to an inactive profile there (--inactive found)"),
    "utc": ("server_zone", "UTC", "the server's own zone is not UTC (--server-zone)"),
}


# Settings under which a mock makes no worlds for cases: these would change what all share, or meet what others left.
_WITHOUT_WORLDS = ("pure", "strict_worlds")
# Further ones of which rules speak, and their usual values.
_SPOKEN_OF = {
    "auth": "strict", "unkeyed_signatures": True, "unknown_profile": 404, "clock_skew": 0, "account_rules": False,
    "fault": [],
}  # fmt: skip


def differing(url: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the settings of a running mock that break rules about them; raise UsageError if it makes no worlds."""
    for name in _WITHOUT_WORLDS:
        if settings.get(name):
            flag = f"--{name.replace('_', '-')}"
            hint = f"start it without {flag}, or list it in targets.toml, to be asked as a real system is"
            raise UsageError(f"it runs with {flag}, and verify needs worlds of its own", place=url, hint=hint)
    return [f"{name} = {settings[name]}" for name, usual in _SPOKEN_OF.items() if settings.get(name, usual) != usual]


def lacks(url: str, token: str | None) -> Mapping[str, str]:
    """Return what a mock lacks by its settings, of what rules need, and why; nothing if it does not tell."""
    settings = told(url, "settings", token)
    return {need: why for need, (name, usual, why) in _USUAL.items() if settings.get(name, usual) != usual}


def told(url: str, what: str, token: str | None = None) -> Mapping[str, Any]:
    """Return what a mock's control surface tells, nothing if there is none; raise Inconclusive if it's not reached."""
    try:
        said = json.loads(_asked(url, token, "GET", what, within_s=_ANSWER_S).body)
    except (ValueError, TooDeep):
        return {}
    return said if isinstance(said, dict) else {}


def load_profiles(mock: Target, profiles: Mapping[Key, Mapping[str, Any]]) -> str:
    """Let a mock hold these profiles and no others; return what it said against one of them, or nothing.

    Raises Inconclusive if it can't be reached.
    """
    ask = partial(_asked, mock.admin_url, mock.admin_token, within_s=mock.timeout_s)
    ask("POST", "reset/profiles")
    named: set[tuple[str, str]] = set()
    for key, profile in profiles.items():
        if (key[1].lower(), key[2].lower()) in named:
            continue  # another id of a profile that is there already
        reply = ask("PUT", "/".join(("profiles", *quoted(key))), json.dumps(profile).encode())
        if reply.status not in (200, 201):
            return f"{reply.status}: {_reason(reply.body)}"
        entries = profile.get("AlternateIds") or ()
        named |= {(str(row["AlternateIdType"]).lower(), str(row["AlternateId"]).lower()) for row in entries if row}
    return ""


def _asked(url: str, token: str | None, method: str, what: str, body: bytes = b"", *, within_s: float) -> Reply:
    """Return the answer of a control surface; raise Inconclusive if it can't be reached, or answers without an end."""
    parts = urlsplit(url)
    headers = [("Content-Type", "application/json"), ("Connection", "close")]
    headers += [("X-Mock-Admin-Token", token)] if token else []
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=within_s)
    try:
        return exchange(connection, Call(method, ("", "", ""), (), body, path=f"/__admin/{what}"), headers)
    except (OSError, http.client.HTTPException) as problem:
        raise Inconclusive(f"{url} can't be reached: {problem}", hint="start it with mockserver serve") from problem
    finally:
        connection.close()


def _reason(text: bytes) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _write_fixtures(directory: Path, client: str, user: Credential, reader: Credential | None) -> None:
    (directory / "profiles").mkdir(parents=True)
    users = {user.user: (user.secret(), ["editors"])} | ({reader.user: (reader.secret(), [])} if reader else {})
    path = directory / "clients.toml"
    path.touch(mode=0o600)
    path.write_text(clients_toml(client, users), encoding="utf-8")


def clients_toml(client: str, users: Mapping[str, tuple[str, Sequence[str]]]) -> str:
    """Return the clients.toml of one client, whose group `editors` may do everything; of users secret and groups."""
    name = json.dumps(client)
    rows = [
        f"[clients.{name}]",
        'default_type = "Customer"',
        'default_locale = "en-US"',
        "",
        f"[clients.{name}.groups.editors]",
        'permissions = ["profile:read", "profile:update", "profile:create", "profile:delete", "consent:create"]',
    ]
    for user, (secret, groups) in users.items():
        rows += ["", f"[clients.{name}.users.{json.dumps(user)}]"]
        rows += [f"secret = {json.dumps(secret)}", f"groups = {json.dumps(list(groups))}"]
    return "\n".join([*rows, ""])


def _environment() -> dict[str, str]:
    """Return the environment without settings of the user's own mock, and with this package in reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCKSERVER_")}
    package = str(Path(__file__).parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (package, kept.get("PYTHONPATH"))))}
