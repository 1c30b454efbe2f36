"""The key of a profile: client, alternate id type and alternate id, compared without case; or client and ProfileId."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson

Key = tuple[str, str, str]

BY_PROFILE_ID: Final = ""
"""What stands for the type in a key that holds a ProfileId: no alternate id has an empty one."""


def fold(text: str) -> str:
    """Return the text as it is compared.

    That letter case doesn't matter is documented, which letters are a pair of cases is not: Python's rule (assumed).
    """
    return text.lower()


def key_of(client: str, alternate_id_type: str, alternate_id: str) -> Key:
    """Return the key by which a profile is looked up, whatever the case of its parts."""
    return fold(client), fold(alternate_id_type), fold(alternate_id)


def profile_id_key(client: str, profile_id: int) -> Key:
    """Return the key by which a profile is looked up by its ProfileId."""
    return fold(client), BY_PROFILE_ID, str(profile_id)


def names(profile: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return everything that leads to a profile of a client: its alternate ids, then its ProfileId."""
    profile_id = profile.get("ProfileId")
    return [*alternate_ids(profile), *([] if profile_id is None else [(BY_PROFILE_ID, str(profile_id))])]


def alternate_ids(profile: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the folded (type, value) pairs that name a profile, in its order, a repeated one again.

    An entry that is null, or whose type or value is null or empty, can't stand in a URL and names nothing.
    """
    return [
        (fold(entry["AlternateIdType"]), fold(entry["AlternateId"]))
        for entry in profile.get("AlternateIds") or ()
        if entry and entry.get("AlternateIdType") and entry.get("AlternateId")
    ]


def write_key(key: tuple[str, ...]) -> bytes:
    """Return a profile's key, or its first parts, as bytes that no other key has."""
    try:
        return orjson.dumps(key)
    except orjson.JSONEncodeError:
        # Half a character, sent in a URL: orjson has no bytes for it.
        return json.dumps(key).encode()


def read_key(written: bytes) -> Key:
    """Return the key that bytes stand for."""
    client, kind, value = json.loads(written)
    return client, kind, value
