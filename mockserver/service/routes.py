"""The vendor's one route, matched on the raw path, and the world that a request asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from mockserver.profile.keys import Key, key_of
from mockserver.service.request import Head

WORLD_SEPARATOR = "~"
_ROUTE = re.compile(
    r"(?:/Profiles)?/(?P<client>[^/?#]+)/Profile/AlternateIdType/(?P<type>[^/?#]+)/AlternateId/(?P<id>[^/?#]+)/*"
    r"(?:\?(?P<query>.*))?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = frozenset(("profiles", "profile", "alternateidtype", "alternateid"))
_STRAY_WORLD = re.compile(r"(?:/Profiles)?/[^/?#~]+~(?P<world>[^/?#]+)", re.IGNORECASE)
_CACHED_LENGTH = 300


class Route(NamedTuple):
    """A matched URL: the three values, decoded (None where only white space was sent), and the suffix's world.

    `key` is that of the profile it names, if the world's suffix is no part of the client's id.
    """

    client: str
    alternate_id_type: str | None
    alternate_id: str | None
    world: str | None
    key: Key | None = None


def match_route(target: str, *, slashes_in_ids: bool) -> Route | None:
    """Match a request target; trailing slashes are fine, a doubled one is not (library; docs/dialect.md, row H11).

    `slashes_in_ids`: whether %2F is a slash inside an id. The stack alone answers 404 there; the page's ids can be
    any text, so only the `library` dialect refuses (assumed).
    """
    return _cached(target, slashes_in_ids) if len(target) <= _CACHED_LENGTH else _match(target, slashes_in_ids)


def _match(target: str, slashes_in_ids: bool) -> Route | None:
    found = _ROUTE.fullmatch(target) or _ROUTE.fullmatch(_with_plain_words(target))
    if found is None or (not slashes_in_ids and "%2f" in target.partition("?")[0].lower()):
        return None
    values = {name: unquote(found[name]) for name in ("client", "type", "id")}
    # The first query parameter of the same name overrides the route's value (library, row H11).
    names = {"clientid": "client", "alternateidtype": "type", "alternateid": "id"}
    for name, value in reversed(parse_qsl(found["query"] or "", keep_blank_values=True)):
        if name.lower() in names:
            values[names[name.lower()]] = value
    client, _, world = values["client"].partition(WORLD_SEPARATOR)
    kind, identifier = (values[name] if values[name].strip() else None for name in ("type", "id"))
    key = key_of(client, kind, identifier) if kind is not None and identifier is not None else None
    return Route(values["client"] if client else "", kind, identifier, world or None, key)


def _with_plain_words(target: str) -> str:
    """Decode the segments that are words of the route: the stack matches them decoded."""
    path, mark, query = target.partition("?")
    plain = ((segment, unquote(segment)) for segment in path.split("/"))
    return "/".join(word if word.lower() in _WORDS else segment for segment, word in plain) + mark + query


def head_of(method: str, target: str, headers: Mapping[str, str], route: Route) -> Head:
    """Return the head of a request to a matched URL."""
    client, kind, identifier, world, key = route
    return Head(
        method, target, headers, client=client, alternate_id_type=kind, alternate_id=identifier, world=world, key=key
    )


def profile_target(client: str, alternate_id_type: str, alternate_id: str) -> str:
    """Return the URL of a profile, its parts percent-encoded."""
    client, kind, identifier = (quote(part, safe=WORLD_SEPARATOR) for part in (client, alternate_id_type, alternate_id))
    return f"/{client}/Profile/AlternateIdType/{kind}/AlternateId/{identifier}"


def stray_world(target: str) -> str | None:
    """Return the world that a URL without a route names in its first segment: its mistake belongs to that world."""
    found = _STRAY_WORLD.match(target)
    return unquote(found["world"]) or None if found else None


_cached = lru_cache(maxsize=4096)(_match)


def shown_url(scheme: str, host: str, target: str) -> str:
    """Return the URL as .NET's Uri.ToString() shows it in the 404 text: harmless escapes undone (library)."""
    path = re.sub(r"%(?!2F|3F|23|25|5C|40|3A|3B|3D|26|2B|24|2C)[0-9A-F]{2}", _unescape, target, flags=re.IGNORECASE)
    return f"{scheme}://{host}{path}"


def _unescape(match: re.Match[str]) -> str:
    character = unquote(match[0])
    return character if character.isprintable() and character != "\ufffd" else match[0]
