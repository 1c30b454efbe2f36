"""One fixture profile: from the bytes of a file or line to the bytes at rest, or to what is wrong with it.

A type made from the member tree reads valid profiles fast and refuses the rest without saying much; what it refuses is
read again slowly, by the rules of `conformance`, whose word is the last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson

from mockserver.core.auth import Client
from mockserver.core.conformance import Problem, complete, problems
from mockserver.core.convert import INT64_MAX, INT64_MIN
from mockserver.core.keys import alternate_ids, fold
from mockserver.core.members import Kind, Member, MemberTree
from mockserver.wire.json_body import escape_separators

_BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class ReadProfile(NamedTuple):
    """A valid profile: complete, as bytes, with the folded (type, value) pairs that name it."""

    body: bytes
    profile_id: int
    alternate_ids: list[tuple[str, str]]


class ProfileReader:
    """Reads the profiles of one client, whose default type and locale it fills in."""

    def __init__(self, tree: MemberTree, client: Client) -> None:
        self._root = tree.root
        self._defaults = {"CustomerType": client.default_type, "DefaultLocale": client.default_locale}
        self._decode = msgspec.json.Decoder(_profile_type(tree.root, self._defaults)).decode
        self._encode_into = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()

    def read(self, raw: bytes) -> ReadProfile | list[Problem]:
        """Return the profile, or every problem of it; a problem's path is `line:column` if it isn't JSON at all.

        Not for several threads at once.
        """
        try:
            profile = self._decode(raw)
            self._encode_into(profile, self._buffer)
        except (msgspec.MsgspecError, UnicodeError):
            return self._read_slowly(raw)
        # Equal bytes prove that no name was given twice, which the decoder would not have noticed.
        canonical = self._buffer == raw
        if not canonical and _has_repeated_names(raw):
            return self._read_slowly(raw)
        pairs = [
            (fold(entry.AlternateIdType), fold(entry.AlternateId))
            for entry in profile.AlternateIds or ()
            if entry and entry.AlternateIdType and entry.AlternateId
        ]
        if not pairs or len(set(pairs)) < len(pairs):
            return list(_alternate_id_problems(pairs))
        return ReadProfile(escape_separators(raw if canonical else bytes(self._buffer)), profile.ProfileId, pairs)

    def _read_slowly(self, raw: bytes) -> ReadProfile | list[Problem]:
        found = list(_text_problems(raw))
        if found:
            return found
        value = orjson.loads(raw)
        found = [*_shape_problems(value), *_repeated_names(raw)]
        if isinstance(value, dict):
            found += problems(value, self._root)
        if found:
            return found
        pairs = alternate_ids(value)
        body = escape_separators(orjson.dumps(complete(value, self._root, self._defaults)))
        return list(_alternate_id_problems(pairs)) or ReadProfile(body, value["ProfileId"], pairs)


def _profile_type(root: Member, defaults: dict[str, str | None]) -> Any:
    fields = (_field(child, defaults.get(name, child.default)) for name, child in root.members.items())
    # ProfileId is the one member without a default, since no two profiles could share it.
    return _object_type(root.name, [field[:2] if field[0] == "ProfileId" else field for field in fields])


def _object_type(name: str, fields: Iterable[Any]) -> Any:
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True, gc=False)


def _field(member: Member, default: Any) -> tuple[str, Any, Any]:
    if not member.returned:
        # Left out when absent; a null, which is left out as well, is for the slow way.
        return member.name, _value_type(member) | msgspec.UnsetType, msgspec.UNSET
    kind = _value_type(member)
    return member.name, kind | None if member.nullable else kind, default


def _value_type(member: Member) -> Any:
    if member.kind is Kind.STRING:
        return Annotated[str, msgspec.Meta(max_length=member.max_length)]
    if member.kind is Kind.INTEGER:
        return Annotated[int, msgspec.Meta(ge=INT64_MIN, le=INT64_MAX)]
    if member.kind is Kind.LIST and member.item is not None:
        item = _value_type(member.item)
        return list[item | None if member.item.nullable else item]  # type: ignore[misc]
    if member.kind is Kind.OBJECT:
        return _object_type(member.name, [_field(child, child.default) for child in member.members.values()])
    return bool


def _has_repeated_names(raw: bytes) -> bool:
    """Return whether an object names a member twice: then the text has more strings than what was read from it."""
    return _count_strings(raw) != _count_strings(orjson.dumps(orjson.loads(raw)))


def _count_strings(text: bytes) -> int:
    quotes = text.count(b'"')
    if b"\\" in text:
        # Once escaped backslashes are gone, a quote after a backslash is an escaped one.
        quotes -= text.replace(rb"\\", b"").count(rb"\"")
    return quotes // 2


def _text_problems(raw: bytes) -> Iterator[Problem]:
    """Yield why the bytes can't be read as JSON."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if raw.startswith(mark):
            yield Problem("1:1", f"the text is {encoding} with a byte order mark", "save it as UTF-8 without one")
            return
    try:
        raw.decode()
        orjson.loads(raw)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        yield Problem(f"{line}:{column}", f"the byte 0x{raw[error.start]:02x} is not UTF-8", "save the text as UTF-8")
    except orjson.JSONDecodeError as error:
        yield Problem(f"{error.lineno}:{error.colno}", f"not JSON: {error.msg}", "write one UserProfile as JSON")


def _shape_problems(value: Any) -> Iterator[Problem]:
    if isinstance(value, list):
        hint = "write one profile in each file, or one on each line of profiles/<clientId>.ndjson"
        yield Problem("/", "a list, not a profile", hint)
    elif not isinstance(value, dict):
        yield Problem("/", "not an object", "write one UserProfile: { }")
    elif "ProfileId" not in value:
        yield Problem("/ProfileId", "missing", "write a whole number that no other profile of the client has")


def _alternate_id_problems(pairs: list[tuple[str, str]]) -> Iterator[Problem]:
    if not pairs:
        hint = 'write at least one {"AlternateIdType": "…", "AlternateId": "…"}, neither of them empty'
        yield Problem("/AlternateIds", "no alternate id, so no request can reach the profile", hint)
    for index, (kind, value) in enumerate(pairs):
        if (kind, value) in pairs[:index]:
            yield Problem("/AlternateIds", f"{kind}/{value} is there twice (letter case doesn't count)", "delete one")


class _Pairs(list[tuple[str, Any]]):
    """The members of an object as they were written."""


def _repeated_names(raw: bytes) -> Iterator[Problem]:
    """Yield each name that an object has twice, with its place; numbers are left unread, whatever their length."""
    try:
        yield from _repeats_below(json.loads(raw, object_pairs_hook=_Pairs, parse_int=str, parse_float=str), "")
    except RecursionError:
        yield Problem("/", "nested too deeply", "write one UserProfile: { }")


def _repeats_below(value: Any, path: str) -> Iterator[Problem]:
    members = value if isinstance(value, _Pairs) else enumerate(value) if isinstance(value, list) else ()
    seen = set()
    for name, item in members:
        here = f"{path}/{name}"
        if name in seen:
            yield Problem(here, f"{name} is there twice", "delete one of the two")
        seen.add(name)
        yield from _repeats_below(item, here)
