"""Semantic events: that a member of a profile became something, whatever request brought it about.

They are read from the profile before and after each exchange, not from what was asked for: a patch that was refused, or
that wrote what was there already, is no event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from mockserver.errors import UsageError
from mockserver.journal.log import Exchange
from mockserver.journal.matchers import below, read_object, read_text, same_json
from mockserver.journal.pattern import Criterion, Pattern
from mockserver.journal.view import profile_after, profile_before
from mockserver.nearest import did_you_mean
from mockserver.profile.conformance import KIND_WORDS, has_kind
from mockserver.profile.keys import alternate_ids, fold
from mockserver.profile.members import Member, MemberTree
from mockserver.profile.paths import segments

_PLACE: Final = "event"
_EXAMPLE: Final = '{"profile": "CRM/C-1", "path": "/IsActive", "became": false}'
_LIFE: Final = ("created", "deleted", "deactivated", "activated")


def read_event(spec: Any, tree: MemberTree) -> Pattern:
    """Compile an event to criteria of the exchange that brought it about; raise UsageError.

    `profile` (any, if left out) is known by each of its alternate ids; `path` is a JSON Pointer in which `*` stands for
    any index; `from` and `became` are the values before and after, null for what is not there. Without a path `became`
    says what became of the profile itself: created, deleted, deactivated or activated.
    """
    fields = read_object(spec, _PLACE, ("profile", "path", "from", "became"))
    if fields.keys() - {"profile"} == {"became"}:
        return (*_profile_criterion(fields), _life_criterion(fields["became"]))
    if "path" not in fields:
        hint = f'write one such as {_EXAMPLE}, or "became" alone as one of {", ".join(_LIFE)}'
        raise UsageError("has no path", place=_PLACE, hint=hint)
    path = _read_path(fields, tree)
    wanted = {name: fields[name] for name in ("from", "became") if name in fields}

    def accepts(changes: list[dict[str, Any]]) -> bool:
        return any(all(same_json(value, change[name]) for name, value in wanted.items()) for change in changes)

    change = Criterion("change", {"path": fields["path"], **wanted}, partial(_changes_at, path=path), accepts, _size)
    return (*_profile_criterion(fields), change)


def _life_criterion(word: Any) -> Criterion:
    if word not in _LIFE:
        hint = did_you_mean(str(word), _LIFE, f"without a path write one of {', '.join(_LIFE)}")
        raise UsageError("nothing of this kind becomes of a profile", place=below(_PLACE, "became"), hint=hint)
    return Criterion("became", word, _life_of, lambda words: word in words)


def _life_of(exchange: Exchange) -> list[str]:
    """Return what became of the exchange's profile itself."""
    if not exchange.changed:
        return []
    before, after = profile_before(exchange), profile_after(exchange)
    if before is None or after is None:
        return ["created" if before is None else "deleted"]
    was, became = before.get("IsActive"), after.get("IsActive")
    return [] if was is became else ["activated" if became else "deactivated"]


def _profile_criterion(fields: Mapping[str, Any]) -> Iterator[Criterion]:
    if "profile" in fields:
        client, kind, identifier = _read_profile(fields["profile"])
        wanted = (client and fold(client), fold(kind), fold(identifier))

        def accepts(keys: list[tuple[str, str, str]]) -> bool:
            return any(all(w in (None, fold(part)) for w, part in zip(wanted, key, strict=True)) for key in keys)

        yield Criterion("profile", fields["profile"], partial(_keys, wanted=wanted[1:]), accepts, _size)


def _read_profile(value: Any) -> tuple[str | None, str, str]:
    place = below(_PLACE, "profile")
    if isinstance(value, str):
        kind, _, identifier = value.partition("/")
        if not kind or not identifier or "/" in identifier:
            hint = 'write <type>/<id> such as CRM/C-1, or {"client": …, "type": …, "id": …}'
            raise UsageError(f"{value!r} names no profile", place=place, hint=hint)
        return None, kind, identifier
    fields = read_object(value, place, ("client", "type", "id"))
    for name in ("type", "id"):
        if name not in fields:
            raise UsageError(f"has no {name}", place=place, hint='write {"type": "CRM", "id": "C-1"}')
    client = read_text(fields["client"], below(place, "client")) if "client" in fields else None
    return client, read_text(fields["type"], below(place, "type")), read_text(fields["id"], below(place, "id"))


def _read_path(fields: Mapping[str, Any], tree: MemberTree) -> Sequence[str]:
    """Return the path's folded segments, checked against the contract, as are the values."""
    place = below(_PLACE, "path")
    text = read_text(fields["path"], place)
    path = segments(text)
    member = _member_at(path, tree.root)
    if member is None or not path:
        wanted = "/" + "/".join("*" if part.isdigit() else part for part in path)
        hint = did_you_mean(wanted, tree.paths(), f"members are {', '.join(tree.root.members)}")
        raise UsageError(f"the profile has no {text!r}", place=place, hint=hint)
    for name in ("from", "became"):
        value = fields.get(name)
        if value is not None and not has_kind(value, member.kind):
            hint = f"write {KIND_WORDS[member.kind]}"
            raise UsageError(f"{text} never holds such a value", place=below(_PLACE, name), hint=hint)
    return path


def _member_at(path: Sequence[str], root: Member) -> Member | None:
    member: Member | None = root
    for part in path:
        if member is None:
            return None
        if member.item is not None:
            member = member.item if part == "*" or part.isdecimal() else None
        else:
            member = member.find(part)
    return member


def _size(exchange: Exchange) -> int:
    """Return how many bytes of profiles must be read, both where the exchange changed one."""
    return len(exchange.before or b"") + len(exchange.after or b"") if exchange.changed else 0


def _keys(exchange: Exchange, wanted: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Return what the exchange's profile is known by: the key as sent and, if it changed, all its alternate ids."""
    if exchange.key is None:
        return []
    client, kind, identifier = exchange.key
    client = client.partition("~")[0]
    keys = {(client, kind, identifier)}
    if exchange.changed and (fold(kind), fold(identifier)) != wanted and _may_mention(exchange, wanted[1]):
        for profile in (profile_before(exchange), profile_after(exchange)):
            keys |= {(client, *pair) for pair in alternate_ids(profile or {})}
    return sorted(keys)


def _may_mention(exchange: Exchange, text: str) -> bool:
    """Tell cheaply whether a profile can hold a text, so that few must be read."""
    if not re.fullmatch(r"[0-9A-Za-z._@ -]*", text):
        return True
    needle = text.encode()
    return any(b"\\u" in body or needle in body.lower() for body in (exchange.before, exchange.after) if body)


def _changes_at(exchange: Exchange, path: Sequence[str]) -> list[dict[str, Any]]:
    if not exchange.changed:
        return []
    before = dict(_values_at(profile_before(exchange), path))
    after = dict(_values_at(profile_after(exchange), path))
    return [
        {"path": at, "from": before.get(at), "became": after.get(at)}
        for at in {**before, **after}
        if not same_json(before.get(at), after.get(at))
    ]


def _values_at(value: Any, path: Sequence[str], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, value) for each place that a path leads to; names are compared without case, as the API does."""
    if not path:
        yield at, value
    elif isinstance(value, Mapping):
        for name in value:
            if name.casefold() == path[0]:
                yield from _values_at(value[name], path[1:], f"{at}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if path[0] in ("*", str(index)):
                yield from _values_at(item, path[1:], f"{at}/{index}")
