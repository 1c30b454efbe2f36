"""The profile as it should be: with the values of a rule, and by which key it is then found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.verify.calls import Key
from mockserver.verify.contract import copied
from mockserver.verify.conversation import ids_of
from mockserver.verify.pointers import holder_of, parts


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with values put at JSON pointers; it shares what no pointer leads through, so nobody may
    change either."""
    result = dict(document)
    for pointer, value in values.items():
        name = parts(pointer)[0]
        result[name] = copied(result.get(name))
        holder, last = holder_of(result, pointer)
        holder[last] = copied(value)
    return result


def reachable(key: Key, profile: Mapping[str, Any]) -> Key:
    """Return a key that still names the profile, the present one if it does."""
    entries = [entry for entry in profile.get("AlternateIds") or () if entry]
    usable = [pair for entry in entries if all(pair := (entry["AlternateIdType"], entry["AlternateId"]))]
    if not usable or (key[1].lower(), key[2].lower()) in ids_of(profile):
        return key
    return key[0], *usable[0]
