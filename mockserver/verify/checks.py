"""Is an answer what the contract promises? Checks of one reply, whatever the case was; problems hold no values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from xml.etree import ElementTree

from mockserver.verify.calls import Call, Reply
from mockserver.verify.contract import JSON_TYPES, MEDIA_TYPES, XML_TYPES, Contract, Shape

INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_CONTENT_TYPE = re.compile(r'[a-z]+/[a-z+.-]+; ?charset="?(utf-8|utf-16)"?', re.IGNORECASE)
# What can be read all the same: no charset, or one in other letters, blanks or quotes.
_LOOSELY = re.compile(r'\s*([a-z]+/[a-z+.-]+)\s*(?:;\s*charset\s*=\s*"?(utf-8|utf-16)"?\s*)?;?\s*', re.IGNORECASE)
_OTHER_STATUSES = {405, 413, 421}
# The page's table of answers is closed, but these come from before the operation, where any HTTP server answers.


class Unreadable(Exception):
    """The answer's body can't be read as what its Content-Type says."""


def reply_problems(call: Call, reply: Reply, contract: Contract, dialect: str) -> Iterator[str]:
    """Yield each way in which a reply breaks the contract or the documented conventions of the vendor's stack."""
    operations = contract.operations_at(call.target)
    operation = operations.get(call.method)
    documented = contract.responses_of(operation or contract.operation).get(reply.status)
    if (operation or call.method == "PATCH") and documented is None and reply.status not in _OTHER_STATUSES:
        yield f"status {reply.status} is not documented"
    if documented is not None:
        yield from _header_problems(reply, contract, documented)
    allowed = reply.headers.get("allow")
    if reply.status == 405 and set((allowed or "").split(", ")) != set(operations):
        yield f"a 405 must say Allow: {', '.join(sorted(operations))}, it says {allowed!r}"
    bodiless = operation and documented is not None and reply.status < 300 and "content" not in documented
    if call.method == "HEAD" or bodiless:
        if reply.body:
            yield f"an answer {'to HEAD' if call.method == 'HEAD' else f'of status {reply.status}'} has a body"
        return
    declared = reply.headers.get("content-type", "")
    media = expected_media_type(call, declared.partition(";")[0].strip().lower())
    kind = kind_of_answer(call, reply.status, contract)
    yield from _body_problems(contract, dialect, kind, declared, media, reply.body)


def kind_of_answer(call: Call, status: int, contract: Contract) -> str:
    """Return the name of the schema that an answer's body has."""
    if status not in (200, 201):
        return "HttpError"
    operation = contract.operations_at(call.target).get(call.method, contract.operation)
    content = contract.responses_of(operation).get(status, {}).get("content", {}).get("application/json", {})
    return str(content.get("schema", {}).get("$ref", "UserProfile")).rpartition("/")[2]


def _header_problems(reply: Reply, contract: Contract, documented: Mapping[str, Any]) -> Iterator[str]:
    for name, header in documented.get("headers", {}).items():
        schema, sent = contract.resolved(header)["schema"], reply.headers.get(name.lower())
        if sent is None:
            yield f"the header {name} is missing"
        elif sent != schema.get("const") and any(contract.problems(sent, schema)):
            yield f"the header {name} is {sent!r}, it must be {schema.get('const') or schema.get('pattern')}"
    if reply.status != 401 and "www-authenticate" in reply.headers:
        yield "only a 401 asks for credentials"


@lru_cache(maxsize=4096)
def _body_problems(
    contract: Contract, dialect: str, kind: str, declared: str, wanted: str | None, body: bytes
) -> tuple[str, ...]:
    """Return the problems of a body; kept, since most reads find what the read before found."""
    try:
        return tuple(_found_in_body(contract, dialect, Reply(0, {"content-type": declared}, body, 0), wanted, kind))
    except Unreadable as problem:
        return (str(problem),)


def _found_in_body(contract: Contract, dialect: str, reply: Reply, wanted: str | None, kind: str) -> Iterator[str]:
    media_type, text = read_text(reply)
    if not _CONTENT_TYPE.fullmatch(reply.headers["content-type"]):
        # Without the value: it is the same problem with each of the five.
        yield "Content-Type does not name its charset as documented, as in application/json; charset=utf-8"
    if reply.body[:3] == b"\xef\xbb\xbf":
        yield "an answer in UTF-8 has no byte order mark"
    if wanted is not None and media_type != wanted:
        yield f"the answer is {media_type}, it should be {wanted}"
    if kind != "UserProfile":
        read = _read_error if kind == "HttpError" else partial(_read_list, contract)
        yield from contract.problems(read(media_type, text), contract.schemas[kind])
        return
    document = read_profile(reply, contract, dialect)
    found = contract.problems(document, contract.schemas["UserProfile"])
    yield from (problem for problem in found if dialect != "library" or " characters, at most " not in problem)


def read_text(reply: Reply) -> tuple[str, str]:
    """Return (media type, decoded text) of an answer; raise Unreadable."""
    declared = reply.headers.get("content-type", "")
    match = _LOOSELY.fullmatch(declared)
    if match is None or match[1].lower() not in MEDIA_TYPES:
        raise Unreadable(f"Content-Type is {declared!r}, it must be one of the five documented ones with its charset")
    charset = (match[2] or "utf-8").lower()
    if charset == "utf-16" and reply.body[:2] != b"\xff\xfe":
        raise Unreadable("an answer in UTF-16 starts with a byte order mark")
    try:
        return match[1].lower(), reply.body.decode("utf-8-sig" if charset == "utf-8" else charset)
    except UnicodeDecodeError:
        raise Unreadable(f"the body is not {charset}") from None


def expected_media_type(call: Call, answered: str) -> str | None:
    """Return the media type that the answer must have, None where Accept asks for something cleverer than one type.

    Without Accept any JSON answers JSON: which of its types it is, is known of the library alone. A rule asks for that.
    """
    headers = {name.lower(): value for name, value in call.headers}
    accept = headers.get("accept", "").strip()
    if headers.get("x-requested-with"):
        return None
    if accept in MEDIA_TYPES:
        return accept
    if accept:
        return "application/json" if accept in ("*/*", "application/*") else None
    sent = headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = sent if sent in MEDIA_TYPES else "application/json"
    return answered if {wanted, answered} <= {*JSON_TYPES} else wanted


# -- JSON -------------------------------------------------------------------------------------------------------------


def read_profile(reply: Reply, contract: Contract, dialect: str) -> dict[str, Any]:
    """Return the profile in an answer of either format as JSON values, not to be changed; raise Unreadable."""
    return _profile_of(contract, dialect, reply.headers.get("content-type", ""), reply.body)


@lru_cache(maxsize=4096)
def _profile_of(contract: Contract, dialect: str, declared: str, body: bytes) -> dict[str, Any]:
    media_type, text = read_text(Reply(200, {"content-type": declared}, body, 0))
    if media_type in XML_TYPES:
        return XmlProfileReader(contract, dialect).read(text)
    document = _read_json(text)
    if not isinstance(document, dict):
        raise Unreadable("the body is no JSON object")
    # Members that read alike are one object, which `differences` need not look into.
    if len(_ALIKE) > _MOST_ALIKE:
        _ALIKE.clear()
    return {name: _ALIKE.setdefault(repr(value), value) for name, value in document.items()}


_ALIKE: dict[str, Any] = {}
_MOST_ALIKE = 4096


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except ValueError as problem:
        raise Unreadable(f"the body is not JSON: {str(problem).partition(':')[0]}") from None


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def order_problems(value: Any, shape: Shape, place: str = "") -> Iterator[str]:
    """Yield where the members of a JSON answer don't stand in the page's order."""
    if isinstance(value, dict):
        known = [name for name in shape.members if name in value]
        if known != [name for name in value if name in shape.members]:
            yield f"the members of {place or '/'} are not in the page's order"
        for name in known:
            yield from order_problems(value[name], shape.members[name], f"{place}/{name}")
    elif isinstance(value, list) and shape.item is not None:
        for index, item in enumerate(value):
            yield from order_problems(item, shape.item, f"{place}/{index}")


# -- XML --------------------------------------------------------------------------------------------------------------


def read_loosely(reply: Reply, contract: Contract, dialect: str) -> dict[str, Any] | None:
    """Return what can be made of a profile in XML whose elements are not the contract's, None if that is nothing."""
    try:
        media_type, text = read_text(reply)
        return XmlProfileReader(contract, dialect, loose=True).read(text) if media_type in XML_TYPES else None
    except Unreadable:
        return None


class XmlProfileReader:
    """Reads the XML form of a profile and minds names, order, namespace and nil; a loose one takes any elements."""

    def __init__(self, contract: Contract, dialect: str, *, loose: bool = False) -> None:
        self.contract = contract
        self.page = dialect != "library"
        self.loose = loose

    def read(self, text: str) -> dict[str, Any]:
        """Return the profile as JSON values; raise Unreadable."""
        start = f'<UserProfile xmlns:i="{INSTANCE}" xmlns="{self.contract.namespace}">'
        if not text.startswith(start):
            raise Unreadable("the XML does not start with UserProfile in its two namespaces, as on the page")
        root = _parse(text)
        document: dict[str, Any] = self._object(root, self.contract.profile, "")
        return document

    def _tag(self, name: str) -> str:
        return f"{{{self.contract.namespace}}}{name}"

    def _object(self, element: ElementTree.Element, shape: Shape, place: str) -> dict[str, Any]:
        order = shape.page_order if self.page else shape.serialiser_order
        wanted = [self._tag(shape.members[name].xml_name if self.page else name) for name in order]
        if self.loose:
            return self._loosely(element, shape, place)
        if (tags := [child.tag for child in element]) != wanted:
            why = f"the elements of {place or '/'} are not the expected ones in the expected order"
            raise Unreadable(f"{why}: {_first_wrong(tags, wanted)}")
        pairs = zip(order, element, strict=True)
        found = {name: self._value(child, shape.members[name], f"{place}/{name}") for name, child in pairs}
        return {name: found[name] for name, member in shape.members.items() if name in found and member.returned}

    def _loosely(self, element: ElementTree.Element, shape: Shape, place: str) -> dict[str, Any]:
        names = {name: name for name in shape.members} | {shape.members[name].xml_name: name for name in shape.members}
        found: dict[str, Any] = {}
        for child in element:
            tag = _local(child.tag)
            if name := names.get(tag):
                found[name] = self._value(child, shape.members[name], f"{place}/{name}")
            else:
                found[tag] = child.text or ""
        hidden = {name for name, member in shape.members.items() if not member.returned}
        order = [*(name for name in shape.members if name in found), *(name for name in found if name not in names)]
        return {name: found[name] for name in order if name not in hidden}

    def _value(self, element: ElementTree.Element, shape: Shape, place: str) -> Any:
        if element.attrib:
            if element.attrib != {f"{{{INSTANCE}}}nil": "true"} or len(element) or element.text:
                raise Unreadable(f'{place} has attributes other than i:nil="true", or content beside it')
            if not shape.nullable:
                raise Unreadable(f"{place} is nil, which it can't be")
            return None
        if shape.kind == "array":
            return self._entries(element, shape, place)
        if shape.kind == "object":
            return self._object(element, shape, place)
        return _scalar(element, shape, place)

    def _entries(self, element: ElementTree.Element, shape: Shape, place: str) -> list[Any]:
        assert shape.item is not None, "a collection's shape has an item"
        if any(child.tag != self._tag(shape.item.class_name) for child in element):
            raise Unreadable(f"an entry of {place} is not called {shape.item.class_name}")
        return [self._value(child, shape.item, f"{place}/{index}") for index, child in enumerate(element)]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _first_wrong(tags: Sequence[str], wanted: Sequence[str]) -> str:
    """Say where two rows of element names part."""
    index = next((number for number, pair in enumerate(zip(tags, wanted, strict=False)) if pair[0] != pair[1]), None)
    if index is None:
        index = min(len(tags), len(wanted))
    found, due = (_local(row[index]) if index < len(row) else "nothing" for row in (tags, wanted))
    return f"{found} stands where {due} was expected"


def _scalar(element: ElementTree.Element, shape: Shape, place: str) -> Any:
    text = element.text or ""
    if len(element):
        raise Unreadable(f"{place} holds elements, it is a {shape.kind}")
    if shape.kind == "boolean":
        if text not in ("true", "false"):
            raise Unreadable(f"{place} is neither true nor false")
        return text == "true"
    if shape.kind == "integer":
        if not re.fullmatch("-?[0-9]+", text):
            raise Unreadable(f"{place} is no whole number")
        return int(text)
    return text


# References that XML 1.0 forbids, which the vendor's serialiser writes all the same (library).
_FORBIDDEN = re.compile("&#x([0-8BCEF]|1[0-9A-F]|FFF[EF]);")
_PRIVATE_USE = 0xE000


def _stand_in(code: int) -> str:
    """Return a character that XML allows in place of one that it forbids."""
    return chr(_PRIVATE_USE + code % 0x100)


def _parse(text: str) -> ElementTree.Element:
    text = _FORBIDDEN.sub(lambda match: _stand_in(int(match[1], 16)), text)
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - an answer without a DTD, which start() has made sure of
    except ElementTree.ParseError as problem:
        raise Unreadable(f"the body is not well-formed XML: {problem}") from None


def xml_text(value: Any) -> Any:
    """Return a JSON value as it reads after a trip through XML, which rewrites the ends of lines."""
    if isinstance(value, str):
        lines = value.replace("\r\n", "\n").replace("\r", "\n")
        return re.sub("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", lambda match: _stand_in(ord(match[0])), lines)
    if isinstance(value, list):
        return [xml_text(item) for item in value]
    return {name: xml_text(item) for name, item in value.items()} if isinstance(value, dict) else value


def _read_error(media_type: str, text: str) -> Any:
    if media_type not in XML_TYPES:
        return _read_json(text)
    if not text.startswith("<Error><Message>"):
        raise Unreadable("an error in XML is <Error><Message>…</Message></Error>, without namespaces")
    root = _parse(text)
    error: dict[str, Any] = {}
    for child in root:
        nested = {_decoded(row.tag): [row.text or ""] for row in child}
        error[child.tag] = nested if child.tag == "ModelState" else child.text or ""
    return error


def _read_list(contract: Contract, media_type: str, text: str) -> Any:
    """Return what an answer that is no profile holds; in XML only that of the tags is one (its names are assumed)."""
    if media_type not in XML_TYPES:
        return _read_json(text)
    space = f"{{{contract.namespace}}}"
    root = _parse(text)
    if root.tag != f"{space}TagCountList":
        raise Unreadable("the XML does not start with TagCountList in its namespace")
    tags = [
        {"Tag": {"Name": row.findtext(f"{space}Tag/{space}Name")}, "Count": int(row.findtext(f"{space}Count") or 0)}
        for row in root.iter(f"{space}TagCount")
    ]
    return {"TagCounts": tags}


def read_answer(call: Call, reply: Reply, contract: Contract, dialect: str) -> Any:
    """Return what an answer holds, as its schema in the contract has it; raise Unreadable."""
    kind = kind_of_answer(call, reply.status, contract)
    if kind == "UserProfile":
        return read_profile(reply, contract, dialect)
    return _read_list(contract, *read_text(reply))


def read_error(reply: Reply) -> dict[str, Any]:
    """Return the members of an error of either format; raise Unreadable."""
    error = _read_error(*read_text(reply))
    if not isinstance(error, dict):
        raise Unreadable("the error is no object")
    return error


def _decoded(name: str) -> str:
    return re.sub(r"_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), name)
