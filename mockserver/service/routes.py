"""Where a URL leads, matched on the raw path, and the world that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote

from mockserver.profile.keys import Key, key_of, profile_id_key
from mockserver.service.operations import BASE_PATHS, PATCH, ROUTES, Operation

WORLD_SEPARATOR = "~"
_BASE = f"(?:{'|'.join(map(re.escape, BASE_PATHS))})"
_WORDS = frozenset(
    word.lower()
    for path in (*BASE_PATHS, *ROUTES["all"])
    for word in path.split("/")
    if word and not word.startswith("{")
)
_STRAY_WORLD = rf"(?i){_BASE}/[^/?#~]+~(?P<world>[^/?#]+)"
_CACHED_LENGTH = 300
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


class Route(NamedTuple):
    """Where a URL leads: what can be asked for there, by method, and the values in it.

    The values are decoded, None where nothing or only white space was sent; `client` is as sent, with any world's
    suffix, `world` what the suffix names. `key` is that of the profile the URL names, if the suffix is no part of the
    client's id. A URL that leads nowhere has no operations, but may name a world: its mistake belongs there.
    """

    operations: Mapping[str, Operation]
    client: str = ""
    alternate_id_type: str | None = None
    alternate_id: str | None = None
    profile_id: str | None = None
    world: str | None = None
    key: Key | None = None


def _pattern(route: str) -> re.Pattern[str]:
    path = re.sub(r"{(\w+)}", r"(?P<\1>[^/?#]+)", route)
    return re.compile(rf"{_BASE}{path}/*(?:\?(?P<query>.*))?", re.IGNORECASE | re.ASCII)


@cache
def _patterns(offered: str) -> list[tuple[re.Pattern[str], Mapping[str, Operation]]]:
    return [(_pattern(route), operations) for route, operations in ROUTES[offered].items()]


def match_route(target: str, *, slashes_in_ids: bool, offered: str = "all") -> Route:
    """Match a request target; trailing slashes are fine, a doubled one is not (library; docs/dialect.md, row H11).

    `slashes_in_ids`: whether %2F is a slash inside an id. The stack alone answers 404 there; the page's ids can be
    any text, so only the `library` dialect refuses (assumed). `offered` is a value of --operations.
    """
    match = _cached if len(target) <= _CACHED_LENGTH else _match
    return match(target, slashes_in_ids, offered)


def _match(target: str, slashes_in_ids: bool, offered: str) -> Route:
    if slashes_in_ids or "%2f" not in target.partition("?")[0].lower():
        for text in dict.fromkeys((target, _with_plain_words(target))):
            for pattern, operations in _patterns(offered):
                if (found := pattern.fullmatch(text)) is not None:
                    return _route(operations, found)
    stray = re.match(_STRAY_WORLD, target)
    return Route({}, world=unquote(stray["world"]) or None if stray else None)


def _with_plain_words(target: str) -> str:
    """Decode the segments that are words of a route: the stack matches them decoded (library)."""
    path, mark, query = target.partition("?")
    plain = ((segment, unquote(segment)) for segment in path.split("/"))
    return "/".join(word if word.lower() in _WORDS else segment for segment, word in plain) + mark + query


def _route(operations: Mapping[str, Operation], found: re.Match[str]) -> Route:
    values = {name: unquote(text) for name, text in found.groupdict("").items() if name != "query"}
    # The first query parameter of the same name overrides the route's value (library, row H11).
    names = {name.lower(): name for name in values}
    for name, value in reversed(parse_qsl(found["query"] or "", keep_blank_values=True)):
        if name.lower() in names:
            values[names[name.lower()]] = value
    client, _, world = values["clientId"].partition(WORLD_SEPARATOR)
    given = {name: text for name, text in values.items() if text.strip()}
    kind, identifier, number = (given.get(name) for name in ("alternateIdType", "alternateId", "profileId"))
    key = None if not client or kind is None or identifier is None else key_of(client, kind, identifier)
    if client and number is not None and _WHOLE_NUMBER.fullmatch(number):
        key = profile_id_key(client, int(number))
    return Route(operations, values["clientId"] if client else "", kind, identifier, number, world or None, key)


_cached = lru_cache(maxsize=4096)(_match)


def profile_target(client: str, alternate_id_type: str, alternate_id: str) -> str:
    """Return the URL of a profile, its parts percent-encoded."""
    values = {"clientId": client, "alternateIdType": alternate_id_type, "alternateId": alternate_id}
    quoted = {name: quote(text, safe=WORLD_SEPARATOR) for name, text in values.items()}
    return PATCH.route.format_map(quoted)


def shown_url(scheme: str, host: str, target: str) -> str:
    """Return the URL as .NET's Uri.ToString() shows it in the 404 text: harmless escapes undone (library)."""
    path = re.sub(r"%(?!2F|3F|23|25|5C|40|3A|3B|3D|26|2B|24|2C)[0-9A-F]{2}", _unescape, target, flags=re.IGNORECASE)
    return f"{scheme}://{host}{path}"


def _unescape(match: re.Match[str]) -> str:
    character = unquote(match[0])
    return character if character.isprintable() and character != "\ufffd" else match[0]
