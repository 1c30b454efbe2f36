"""Profiles to XML, as the vendor's serialiser writes them (docs/dialect.md, rows X5-X8)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import compress, count
from operator import is_not
from typing import Any

import orjson
from msgspec import Raw

from mockserver.formats.profile_body import LONGEST_KEPT, keep_last, members_of
from mockserver.formats.xml_text import escape_text
from mockserver.patch.dialect import Dialect
from mockserver.profile.members import Kind, Member, MemberTree

INSTANCE_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance"
# JSON's own escapes, and the lead of U+FFFE and U+FFFF: without these only markup needs escaping.
_ESCAPES, _NONCHARACTERS = b"\\", b"\xef\xbf"

_NULL = Raw(b"null")

Writer = Callable[[Any], str]
_Members = list[Raw | None]


def profile_writer(tree: MemberTree, dialect: Dialect) -> Callable[[bytes], bytes]:
    """Return what writes a profile's JSON as XML in UTF-8; element names and their order are settled here, once.

    Where the page rules, its sample gives order and names; else the serialiser's own (row X5).
    """
    start = f'<UserProfile xmlns:i="{INSTANCE_NAMESPACE}" xmlns="{tree.xml_namespace}">'.encode()
    members = _ordered(tree.root, dialect)
    names, elements = [member.name for member in members], [_element(member, dialect) for member in members]
    profile_id = names.index("ProfileId")
    unknown: tuple[list[object], list[bytes]] = [object()] * len(names), [b""] * len(names)
    # What was written last of the last few profiles: from one answer to the next most members stay the same.
    kept: OrderedDict[int, tuple[Raw | None, tuple[_Members, list[bytes]]]] = OrderedDict()

    def write(body: bytes) -> bytes:
        found: _Members = [*map(members_of(body).get, names)]
        known = kept.get(id(found[profile_id]))
        before, texts = known[1] if known is not None and known[0] is found[profile_id] else unknown
        texts = texts.copy()
        for place in compress(count(), map(is_not, found, before)):
            texts[place] = elements[place](_with_escaped_texts(bytes(found[place] or _NULL))).encode()
        if len(body) <= LONGEST_KEPT:
            keep_last(kept, found[profile_id], (found, texts))
        return b"".join([start, *texts, b"</UserProfile>"])

    return write


def _ordered(member: Member, dialect: Dialect) -> tuple[Member, ...]:
    return member.page_order if dialect.follows_page else member.serialiser_order


def _with_escaped_texts(body: bytes) -> Any:
    """Return a member's value with its texts as they stand in XML; JSON's own syntax holds no markup character."""
    if _ESCAPES in body or _NONCHARACTERS in body:
        return _escaped(orjson.loads(body))
    return orjson.loads(body.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;"))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return escape_text(value)
    if isinstance(value, dict):
        return {name: _escaped(item) for name, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _object_content(member: Member, dialect: Dialect) -> Writer:
    children = [
        (child.name, *_tags(child, dialect), None if child.kind is Kind.STRING else _element(child, dialect))
        for child in _ordered(member, dialect)
    ]

    def content(value: Mapping[str, Any]) -> str:
        get = value.get
        # Text is written here and not by a function of its own: most members are text, and calls are the cost.
        return "".join(
            [
                write(get(name)) if write else nil if (text := get(name)) is None else f"{start}{text}{end}"
                for name, start, end, nil, write in children
            ]
        )

    return content


def _tags(member: Member, dialect: Dialect) -> tuple[str, str, str]:
    name = member.xml_name if dialect.follows_page else member.name
    return f"<{name}>", f"</{name}>", f'<{name} i:nil="true" />'


def _element(member: Member, dialect: Dialect) -> Writer:
    start, end, nil = _tags(member, dialect)
    if member.kind is Kind.BOOLEAN:
        true, false = f"{start}true{end}", f"{start}false{end}"
        return lambda value: true if value else false
    if member.kind is Kind.INTEGER:
        return lambda value: f"{start}{value or 0}{end}"
    if member.kind is Kind.STRING:
        return lambda value: nil if value is None else f"{start}{value}{end}"
    if member.item is not None:
        item, empty = _element(member.item, dialect), f"{start[:-1]} />"
        return lambda value: nil if value is None else f"{start}{''.join(map(item, value))}{end}" if value else empty
    content = _object_content(member, dialect)
    return lambda value: nil if value is None else f"{start}{content(value)}{end}"
