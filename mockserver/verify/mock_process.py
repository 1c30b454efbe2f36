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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from mockserver.errors import Inconclusive
from mockserver.verify.calls import Key
from mockserver.verify.target.targets import Credential, Target

_START_S = 60.0


@contextmanager
def local_mock(other: Target) -> Iterator[Target]:
    """Start a mock that can take on the other target's profiles; its users have the same names, and their own keys."""
    user = Credential(other.credential.user, known=secrets.token_hex(16))
    reader = other.reader and Credential(other.reader.user, known=secrets.token_hex(16))
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        _write_fixtures(home / "fixtures", other.client, user, reader)
        ready = home / "ready.json"
        command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--fixtures", str(home / "fixtures")]
        command += ["--ready-file", str(ready), "--dialect", other.dialect, "--pure", "--no-magic-ids", "--log", "off"]
        process = subprocess.Popen(  # noqa: S603 - our own command, in an environment without the user's settings
            command, cwd=home, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            url = _wait(process, ready)
            yield replace(
                other,
                name="mock",
                base_url=url,
                credential=user,
                reader=reader,
                mock=True,
                marker=None,
                admin_token_env=None,
            )
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def load_profiles(mock: Target, profiles: Mapping[Key, Mapping[str, Any]]) -> str:
    """Let a mock hold these profiles and no others; return what it said against one of them, or nothing.

    Raises Inconclusive if it can't be reached.
    """
    _ask(mock, "POST", "/__admin/reset/profiles", b"")
    named: set[tuple[str, str]] = set()
    for key, profile in profiles.items():
        if (key[1].lower(), key[2].lower()) in named:
            continue  # another id of a profile that is there already
        status, text = _ask(mock, "PUT", _place(key), json.dumps(profile).encode())
        if status not in (200, 201):
            return f"{status}: {_reason(text)}"
        entries = profile.get("AlternateIds") or ()
        named |= {(str(row["AlternateIdType"]).lower(), str(row["AlternateId"]).lower()) for row in entries if row}
    return ""


def _place(key: Key) -> str:
    return "/__admin/profiles/" + "/".join(quote(part, safe="") for part in key)


def _ask(mock: Target, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    parts = urlsplit(mock.admin_url)
    headers = {"Content-Type": "application/json"}
    if mock.admin_token:
        headers["X-Mock-Admin-Token"] = mock.admin_token
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=mock.timeout_s)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as problem:
        raise Inconclusive(f"the mock can't be reached: {type(problem).__name__}") from problem
    finally:
        connection.close()


def _reason(text: bytes) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"


def _write_fixtures(directory: Path, client: str, user: Credential, reader: Credential | None) -> None:
    (directory / "profiles").mkdir(parents=True)
    name = json.dumps
    rows = [
        f"[clients.{name(client)}]",
        'default_type = "Customer"',
        'default_locale = "en-US"',
        f"[clients.{name(client)}.groups.editors]",
        'permissions = ["profile:update"]',
        *_user(client, user, '["editors"]'),
        *(_user(client, reader, "[]") if reader else ()),
    ]
    path = directory / "clients.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(rows), encoding="utf-8")


def _user(client: str, user: Credential, groups: str) -> list[str]:
    place = f"[clients.{json.dumps(client)}.users.{json.dumps(user.user)}]"
    return [place, f'secret = "{user.secret()}"', f"groups = {groups}"]


def _environment() -> dict[str, str]:
    """Return the environment without settings of the user's own mock, and with this package in reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCKSERVER_")}
    package = str(Path(__file__).parents[2])
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, (package, kept.get("PYTHONPATH"))))}


def _wait(process: subprocess.Popen[bytes], ready: Path) -> str:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        if ready.exists() and (text := ready.read_text(encoding="utf-8")):
            return str(json.loads(text)["url"])
        time.sleep(0.02)
    raise Inconclusive("the mock did not start", hint="try `mockserver serve`, and see what it says")
