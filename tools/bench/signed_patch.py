"""The one request that everything is measured with: a signed PATCH of two operations on a demo profile."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

import orjson

from mockserver.auth.signing import issued_now, sign
from mockserver.settings import Settings
from mockserver.state.clock import system_now

FIXTURES: Final = Settings().fixtures
PROFILE_FILE: Final = FIXTURES / "profiles" / "ACME01" / "zoe-oneil.json"
_FIRST: Final = 417
CONTENT_TYPE: Final = "application/json-patch+json"
ACCEPT: Final = {"JSON": "application/json", "XML": "application/xml"}
LUA_SCRIPT: Final = Path(__file__).parent / "patch.lua"
_CLIENT, _USER = "ACME01", "editor@acme.example"


def alternate_id(number: int) -> str:
    """Return the alternate id of one of many profiles; that of the first is the demo profile's."""
    return f"C-{_FIRST + number:06d}"


def path(number: int) -> str:
    """Return the path of one of many profiles."""
    return f"/ACME01/Profile/AlternateIdType/CRM/AlternateId/{alternate_id(number)}"


def _body(number: int) -> bytes:
    return orjson.dumps(
        [
            {"op": "replace", "path": "/CustomerType", "value": f"Prospect {number}"},
            {"op": "replace", "path": "/Emails/0/EmailAddress", "value": f"zoe.{number}@northwind.example"},
        ]
    )


PATH: Final = path(0)
# Sent in turn, so that each request changes the profile that the one before left.
BODIES: Final = [_body(number) for number in range(8)]


def authorization() -> str:
    """Return a fresh Authorization header with the demo's key; it is good for 15 minutes."""
    clients = tomllib.loads((FIXTURES / "clients.toml").read_text(encoding="utf-8"))["clients"]
    secret = clients[_CLIENT]["users"][_USER]["secret"]
    return sign(_CLIENT, _USER, secret, issued_now(system_now()))


def headers(answer: str = "JSON") -> dict[str, str]:
    """Return the request's headers; `answer` is the format to ask for, a key of ACCEPT."""
    return {"Authorization": authorization(), "Content-Type": CONTENT_TYPE, "Accept": ACCEPT[answer]}
