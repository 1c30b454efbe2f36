"""Profiles to XML, and the vendor's XML request document to operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.parsers import expat

from mockserver.core.dialect import Dialect
from mockserver.core.members import Kind, Member, MemberTree, member_at
from mockserver.errors import ApiError, MalformedBody, VendorCrash
from mockserver.wire.xml_text import escape_text

INSTANCE_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance"
PATCH_NAMESPACE = "http://schemas.datacontract.org/2004/07/Microsoft.AspNetCore.JsonPatch"
PATCH_ROOT = "JsonPatchDocumentOfUserProfile5B0F46o8"
DEPTH_LIMIT = 256
_SEPARATOR = "|"
_NIL = f"@{INSTANCE_NAMESPACE}{_SEPARATOR}nil"
_TYPE = f"@{INSTANCE_NAMESPACE}{_SEPARATOR}type"
_DECLARATION = re.compile(r"<\?xml\s[^>]*?\?>")
_DECLARED_ENCODING = re.compile(r"""\sencoding\s*=\s*["']([^"']*)["']""")

Writer = Callable[[Any], str]


def profile_writer(tree: MemberTree, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
    """Return the function that writes a profile; the element names and their order are settled here, once.

    Where the page rules, its sample gives order and names; else the serialiser's own (DESIGN section 3).
    """
    start = f'<UserProfile xmlns:i="{INSTANCE_NAMESPACE}" xmlns="{tree.xml_namespace}">'
    content = _object_content(tree.root, dialect)
    return lambda profile: f"{start}{content(profile)}</UserProfile>"


def _object_content(member: Member, dialect: Dialect) -> Writer:
    order = member.page_order if dialect.follows_page else member.serialiser_order
    children = [(child.name, _element(child, dialect)) for child in order]
    return lambda value: "".join([write(value.get(name)) for name, write in children])


def _element(member: Member, dialect: Dialect) -> Writer:
    name = member.xml_name if dialect.follows_page else member.name
    start, end, nil = f"<{name}>", f"</{name}>", f'<{name} i:nil="true" />'
    if member.kind is Kind.BOOLEAN:
        return lambda value: f"{start}true{end}" if value else f"{start}false{end}"
    if member.kind is Kind.INTEGER:
        return lambda value: f"{start}{value or 0}{end}"
    if member.kind is Kind.STRING:
        return lambda value: nil if value is None else f"{start}{escape_text(value)}{end}"
    if member.item is not None:
        item, empty = _element(member.item, dialect), f"<{name} />"
        return lambda value: nil if value is None else f"{start}{''.join(map(item, value))}{end}" if value else empty
    content = _object_content(member, dialect)
    return lambda value: nil if value is None else f"{start}{content(value)}{end}"


def read_xml_patch(
    body: bytes, *, charset: str | None, tree: MemberTree, dialect: Dialect
) -> list[dict[str, Any] | None] | None:
    """Return the operations of the vendor's XML document, None for a nil document.

    The page's sample changes nothing and an `<Operations>` element carries operations; the library alone never reads
    any, and throws on the page's own sample (library, section 5). Raises MalformedBody.
    """
    # Imported with the first XML request: it brings urllib along, a fifth of the time to start.
    import xmltodict

    text = _decode(body, charset)
    _check_structure(text)
    document = xmltodict.parse(
        text, process_namespaces=True, namespace_separator=_SEPARATOR, strip_whitespace=False, attr_prefix="@"
    )
    name, root = next(iter(document.items()))
    if name != f"{PATCH_NAMESPACE}{_SEPARATOR}{PATCH_ROOT}":
        raise _malformed(
            f"the root element is {name.rsplit(_SEPARATOR, 1)[-1]}, not {PATCH_ROOT} in its namespace",
            f'write <{PATCH_ROOT} xmlns="{PATCH_NAMESPACE}">',
        )
    content = root if isinstance(root, dict) else {}
    if content.get(_NIL) == "true":
        return None
    _check_resolver(content.get(f"{PATCH_NAMESPACE}{_SEPARATOR}ContractResolver"), content, dialect)
    return [_operation(node, tree) for node in _operations(content)] if dialect.follows_page else []


def _malformed(why: str, hint: str) -> MalformedBody:
    return MalformedBody(["operations"], rule="body-not-xml", why=why, hint=hint)


def _decode(body: bytes, charset: str | None) -> str:
    """Return the text without its declaration, whose encoding must be the one that was used (library)."""
    wide = charset == "utf-16" or body[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = body.decode("utf-16" if wide else "utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        raise _malformed(f"the body is not {problem.encoding}", "send UTF-8") from problem
    declaration = _DECLARATION.match(text)
    declared = _DECLARED_ENCODING.search(declaration[0]) if declaration else None
    if declared and declared[1].lower() != ("utf-16" if wide else "utf-8"):
        raise _malformed(f"the declaration says {declared[1]}, the body is not in it", "declare utf-8 or nothing")
    return text[declaration.end() :] if declaration else text


def _check_structure(text: str) -> None:
    """Refuse what the vendor's reader refuses: DTDs, processing instructions, deep nesting, broken markup."""
    parser = expat.ParserCreate()
    depth = 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth >= DEPTH_LIMIT:
            raise _malformed(f"elements are nested {depth} deep", f"nest at most {DEPTH_LIMIT - 1} elements")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def forbidden(*_: object) -> None:
        raise _malformed("document type definitions and processing instructions are refused", "send elements only")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = parser.EntityDeclHandler = forbidden
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as problem:
        raise _malformed(f"not well-formed XML: {problem}", "close every element and escape < and &") from problem


def _check_resolver(resolver: Any, content: Mapping[str, Any], dialect: Dialect) -> None:
    if f"{PATCH_NAMESPACE}{_SEPARATOR}ContractResolver" not in content or resolver is None:
        return
    node = resolver if isinstance(resolver, dict) else {"#text": str(resolver)}
    if node.get(_NIL) == "true":
        if not dialect.follows_page:
            problem: ApiError = VendorCrash(rule="xml-resolver-nil", why="ContractResolver is nil: the library throws")
            raise problem
    elif _TYPE in node or node.get("#text", "").strip() or _elements(node):
        raise _malformed("ContractResolver has content", 'write <ContractResolver i:nil="true" />')


def _elements(node: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return (local name, content) of each child element, repeated ones one by one."""
    return [
        (key.rsplit(_SEPARATOR, 1)[-1], item)
        for key, value in node.items()
        if not key.startswith(("@", "#"))
        for item in (value if isinstance(value, list) else [value])
    ]


def _operations(content: Mapping[str, Any]) -> Iterator[Any]:
    for name, node in _elements(content):
        if name == "Operations" and isinstance(node, dict):
            yield from (operation for _, operation in _elements(node))


def _operation(node: Any, tree: MemberTree) -> dict[str, Any] | None:
    if not isinstance(node, dict) or node.get(_NIL) == "true":
        return None
    parts = {name.lower(): item for name, item in _elements(node)}
    operation: dict[str, Any] = {name: _text(parts[name]) for name in ("op", "path", "from") if name in parts}
    if "value" in parts:
        operation["value"] = _typed(parts["value"], member_at(operation.get("path") or "", tree.root))
    return operation


def _text(node: Any) -> str | None:
    if isinstance(node, dict):
        return None if node.get(_NIL) == "true" else node.get("#text", "")
    return node or ""


def _typed(node: Any, member: Member | None) -> Any:
    """Read an element's content as the member it is meant for, so that XML says what the same JSON would say."""
    text = _text(node)
    if text is None:
        return None
    children = _elements(node) if isinstance(node, dict) else []
    if member is not None and member.item is not None:
        return [_typed(child, member.item) for _, child in children]
    if children or (member is not None and member.kind is Kind.OBJECT):
        return {name: _typed(child, known) for name, child, known in _named(children, member)}
    return _scalar(text, member)


def _named(children: list[tuple[str, Any]], member: Member | None) -> Iterator[tuple[str, Any, Member | None]]:
    by_xml_name = {child.xml_name: child for child in member.members.values()} if member is not None else {}
    for name, child in children:
        known = by_xml_name.get(name) or (member.find(name) if member is not None else None)
        yield known.name if known else name, child, known


def _scalar(text: str, member: Member | None) -> Any:
    stripped = text.strip()
    if member is not None and member.kind is Kind.BOOLEAN and stripped in ("true", "false"):
        return stripped == "true"
    if member is not None and member.kind is Kind.INTEGER and re.fullmatch(r"-?\d{1,19}", stripped, re.ASCII):
        return int(stripped)
    return text
