"""The vendor's XML request document to operations (docs/dialect.md, rows X1-X4)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers import expat

from mockserver.errors import MalformedBody, VendorCrash
from mockserver.formats.negotiation import DEPTH_LIMIT
from mockserver.formats.xml_write import INSTANCE_NAMESPACE
from mockserver.patch.dialect import Dialect
from mockserver.profile.members import Kind, Member, MemberTree, member_at

PATCH_NAMESPACE = "http://schemas.datacontract.org/2004/07/Microsoft.AspNetCore.JsonPatch"
PATCH_ROOT = "JsonPatchDocumentOfUserProfile5B0F46o8"
_SEPARATOR = "|"
_NIL = f"{INSTANCE_NAMESPACE}{_SEPARATOR}nil"
_TYPE = f"{INSTANCE_NAMESPACE}{_SEPARATOR}type"
_RESOLVER = f"{PATCH_NAMESPACE}{_SEPARATOR}ContractResolver"
# XmlConvert.ToBoolean; what JSON may write as true, an XML client may write as 1.
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_XML_SPACE = " \t\r\n"
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(?:'1\.0'|"1\.0")"""
    r"""(?:\s+encoding\s*=\s*(?:'([^'<]*)'|"([^"<]*)"))?(?:\s+standalone\s*=\s*(?:'(?:yes|no)'|"(?:yes|no)"))?\s*\?>""",
    re.ASCII,
)
_ENCODING_NAMES = {"utf-8": ("utf-8",), "utf-16-le": ("utf-16", "utf-16le")}


def read_xml_patch(
    body: bytes, *, charset: str | None, tree: MemberTree, dialect: Dialect
) -> list[dict[str, Any] | None] | None:
    """Return the operations of the vendor's XML document, None for a nil document.

    The page's sample changes nothing and an `<Operations>` element carries operations; the library alone never reads
    any, and throws on the page's own sample (library, rows X1 and X2). Raises MalformedBody.
    """
    root = _root(body, charset, PATCH_ROOT, PATCH_NAMESPACE)
    if _is_nil(root):
        return None
    # The serializer looks for each member once: a second resolver is an unknown element, and skipped.
    if (resolver := next((node for node in root.children if node.name == _RESOLVER), None)) is not None:
        _check_resolver(resolver, dialect)
    return [_operation(node, tree) for node in _operations(root)] if dialect.follows_page else []


def read_xml_document(body: bytes, *, charset: str | None, member: Member, namespace: str) -> Any:
    """Return a document of the vendor's models as the same JSON would say it, None for nil; raise MalformedBody.

    The order of the elements doesn't matter and unknown ones are left to the reader of the result (assumed).
    """
    return _typed(_root(body, charset, member.name, namespace), member)


class _Element:
    """An element as it was read; `name` and those of its attributes follow their namespace, if they have one."""

    __slots__ = ("attributes", "children", "name", "texts")

    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.texts: list[str] = []

    @property
    def local_name(self) -> str:
        return self.name.rpartition(_SEPARATOR)[2]

    @property
    def text(self) -> str | None:
        return None if _is_nil(self) else "".join(self.texts)


def _root(body: bytes, charset: str | None, wanted: str, namespace: str) -> _Element:
    """Return the root element; raise MalformedBody unless it is the wanted one."""
    reader = _Reader()
    root = reader.read(_decode(body, charset))
    if root.name != f"{namespace}{_SEPARATOR}{wanted}":
        raise _malformed(
            f"the root element is {root.local_name}, not {wanted} in its namespace",
            f'write <{wanted} xmlns="{namespace}">',
        )
    if not _is_nil(root):
        reader.check_root(root)
    return root


def _is_nil(node: _Element) -> bool:
    value = node.attributes.get(_NIL)
    if value is None:
        return False
    nil = _BOOLEANS.get(value.strip(_XML_SPACE))
    if nil is None:
        raise _malformed(f"i:nil is '{value}', which is no boolean", 'write i:nil="true" or i:nil="false"')
    return nil


def _malformed(why: str, hint: str) -> MalformedBody:
    return MalformedBody(["operations"], rule="body-not-xml", why=why, hint=hint)


def _decode(body: bytes, charset: str | None) -> str:
    """Return the text without its declaration; the Content-Type's charset must be the encoding used (library)."""
    encoding, mark = ("utf-16-le", codecs.BOM_UTF16_LE) if charset == "utf-16" else ("utf-8", codecs.BOM_UTF8)
    try:
        text = body.removeprefix(mark).decode(encoding)
    except UnicodeDecodeError as problem:
        raise _malformed(f"the body is not {encoding}", "send UTF-8, or UTF-16 with charset=utf-16") from problem
    if not text.startswith("<?xml"):
        return text
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise _malformed("the XML declaration can't be read", 'write <?xml version="1.0" encoding="utf-8"?> or none')
    declared = declaration[1] or declaration[2]
    if declared is not None and declared.lower() not in _ENCODING_NAMES[encoding]:
        raise _malformed(f"the declaration says {declared}, the body is {encoding}", "declare utf-8 or nothing")
    return text[declaration.end() :]


class _Reader:
    """Reads a document, but for what the vendor's reader refuses: DTDs, processing instructions, deep nesting."""

    def __init__(self) -> None:
        self._open: list[_Element] = [_Element("", {})]
        self._declared: dict[str, str] = {}
        self._namespaces: dict[str, str] = {}
        self._text_in_root = False
        self._parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.StartNamespaceDeclHandler = self._declare
        parser.CharacterDataHandler, parser.StartCdataSectionHandler = self._characters, self._cdata
        parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = self._forbidden
        parser.EntityDeclHandler = self._forbidden

    def read(self, text: str) -> _Element:
        """Return the root; raise MalformedBody for broken markup too."""
        try:
            self._parser.Parse(text.encode("utf-8", "replace"), True)
        except expat.ExpatError as problem:
            raise _malformed(f"not well-formed XML: {problem}", "close every element and escape < and &") from problem
        return self._open[0].children[0]

    def _declare(self, prefix: str | None, namespace: str | None) -> None:
        self._declared[prefix or ""] = namespace or ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        depth = len(self._open)
        if depth >= DEPTH_LIMIT:
            raise _malformed(f"elements are nested {depth} deep", f"nest at most {DEPTH_LIMIT - 1} elements")
        if depth == 1:
            self._namespaces = self._declared
        if self._declared:  # is an attribute too, so that the element is not an empty one
            attributes["xmlns"], self._declared = "", {}
        self._open[-1].children.append(element := _Element(name, attributes))
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].texts.append(text)
        self._text_in_root |= len(self._open) == 2 and bool(text.strip(_XML_SPACE))

    def _cdata(self) -> None:
        self._text_in_root |= len(self._open) == 2

    def _forbidden(self, *_: object) -> None:
        raise _malformed("document type definitions and processing instructions are refused", "send elements only")

    def check_root(self, root: _Element) -> None:
        """Refuse a root that holds text or claims to be of another type (library, row X3)."""
        if self._text_in_root:
            raise _malformed("the root element holds text", "send elements only")
        if (claimed := root.attributes.get(_TYPE)) is not None:
            prefix, _, name = claimed.rpartition(":")
            if (self._namespaces.get(prefix), name) != (PATCH_NAMESPACE, PATCH_ROOT):
                raise _malformed(f"i:type is {claimed}, which nobody knows", "leave i:type out")


def _check_resolver(node: _Element, dialect: Dialect) -> None:
    if not _is_nil(node):
        raise _malformed(
            "ContractResolver is no nil element", 'write <ContractResolver i:nil="true" /> or leave it out'
        )
    if not dialect.follows_page:
        raise VendorCrash(rule="xml-resolver-nil", why="ContractResolver is nil: the library throws")


def _operations(root: _Element) -> Iterator[_Element]:
    """Yield the elements inside `<Operations>`; refuse what was surely meant to be one, instead of ignoring it."""
    for node in root.children:
        name = node.local_name
        if name == "Operations":
            if (node.text or "").strip(_XML_SPACE):
                raise _malformed("Operations holds text", "write one element for each operation inside <Operations>")
            yield from node.children
        elif name.lower().startswith("operation"):
            raise _malformed(f"<{name}> is not read here", f"write <Operations> below <{PATCH_ROOT}>, one element each")


def _operation(node: _Element, tree: MemberTree) -> dict[str, Any] | None:
    if not (node.attributes or node.children) or _is_nil(node):
        return None
    parts = {part.local_name.lower(): part for part in node.children}
    operation: dict[str, Any] = {name: parts[name].text for name in ("op", "path", "from") if name in parts}
    if "value" in parts:
        operation["value"] = _typed(parts["value"], member_at(operation.get("path") or "", tree.root))
    return operation


def _typed(node: _Element, member: Member | None) -> Any:
    """Read an element's content as the member it is meant for, so that XML says what the same JSON would say."""
    text, children = node.text, node.children
    if text is None:
        return None
    if not children and text.strip(_XML_SPACE):
        return _scalar(text, member)
    if member is not None and member.item is not None:
        return [_typed(child, member.item) for child in children]
    if children or (member is not None and member.kind is Kind.OBJECT):
        return {name: _typed(child, known) for name, child, known in _named(children, member)}
    return text


def _named(children: list[_Element], member: Member | None) -> Iterator[tuple[str, _Element, Member | None]]:
    by_xml_name = {child.xml_name: child for child in member.members.values()} if member is not None else {}
    for child in children:
        name = child.local_name
        known = by_xml_name.get(name) or (member.find(name) if member is not None else None)
        yield known.name if known else name, child, known


def _scalar(text: str, member: Member | None) -> Any:
    stripped = text.strip(_XML_SPACE)
    if member is not None and member.kind is Kind.BOOLEAN:
        return _BOOLEANS.get(stripped, text)
    if member is not None and member.kind is Kind.INTEGER and re.fullmatch(r"-?\d{1,19}", stripped, re.ASCII):
        return int(stripped)
    return text
