"""The vendor's XML request document to operations (docs/dialect.md, rows X1-X4)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from itertools import count
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
_NIL = f"@{INSTANCE_NAMESPACE}{_SEPARATOR}nil"
_TYPE = f"@{INSTANCE_NAMESPACE}{_SEPARATOR}type"
_SERIALIZATION_NAMESPACE = "http://schemas.microsoft.com/2003/10/Serialization/"
_REFERENCE = f"@{_SERIALIZATION_NAMESPACE}{_SEPARATOR}Ref"
_IDENTITY = f"@{_SERIALIZATION_NAMESPACE}{_SEPARATOR}Id"
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
    for node in [node for child, node in _children(root) if child == _RESOLVER][:1]:
        _check_resolver(node, dialect)
    for _, node in _children(root):
        _is_nil(node)  # must be a boolean, also where the element is skipped
    return [_operation(node, tree) for node in _operations(root)] if dialect.follows_page else []


def read_xml_document(body: bytes, *, charset: str | None, member: Member, namespace: str) -> Any:
    """Return a document of the vendor's models as the same JSON would say it, None for nil; raise MalformedBody.

    The order of the elements doesn't matter and unknown ones are left to the reader of the result (assumed).
    """
    return _typed(_root(body, charset, member.name, namespace), member)


def _root(body: bytes, charset: str | None, wanted: str, namespace: str) -> Any:
    """Return the content of the root element; raise MalformedBody unless it is the wanted one."""
    [(name, root)] = _children(_Reading().read(_decode(body, charset)))
    if name != f"{namespace}{_SEPARATOR}{wanted}":
        raise _malformed(
            f"the root element is {name.rsplit(_SEPARATOR, 1)[-1]}, not {wanted} in its namespace",
            f'write <{wanted} xmlns="{namespace}">',
        )
    _check_reference(root)
    if root is not None and not _is_nil(root):
        _check_root(root)
    return root


def _children(node: Any) -> list[tuple[str, Any]]:
    """Return (name with namespace, content) of each child element in document order."""
    return [(key[1], item) for key, item in node.items() if isinstance(key, tuple)] if isinstance(node, dict) else []


def _elements(node: Any) -> list[tuple[str, Any]]:
    """Return (local name, content) of each child element in document order."""
    return [(name.rpartition(_SEPARATOR)[2], item) for name, item in _children(node)]


def _is_nil(node: Any) -> bool:
    value = node.get(_NIL) if isinstance(node, dict) else None
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
    if charset == "utf-16" and not body.startswith((mark, b"<")):
        raise _malformed("the body has no byte order mark, and does not begin with <", "begin with the root element")
    if not text.startswith("<?xml"):
        return _plain(text)
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise _malformed("the XML declaration can't be read", 'write <?xml version="1.0" encoding="utf-8"?> or none')
    declared = declaration[1] or declaration[2]
    if declared is not None and declared.lower() not in _ENCODING_NAMES[encoding]:
        raise _malformed(f"the declaration says {declared}, the body is {encoding}", "declare utf-8 or nothing")
    return _plain(text[declaration.end() :])


def _plain(text: str) -> str:
    """Return the text; refuse what expat, left alone, would take for another encoding or a declaration."""
    if "\0" in text or text.startswith(("\ufeff", "<?xml")):
        raise _malformed(
            "the body is UTF-16, or has two marks or declarations", "send UTF-8, or UTF-16 with charset=utf-16"
        )
    return text


class _Reading:
    """One reading by xmltodict, which keeps the order of elements and refuses what the vendor's reader refuses.

    That is DTDs, processing instructions, deep nesting, broken markup. Left alone, xmltodict gathers elements of one
    name in a list, and forgets what stood between them.
    """

    def __init__(self) -> None:
        self._serial = count()

    def read(self, text: str) -> Any:
        # Imported with the first XML request: it brings urllib along, a fifth of the time to start.
        import xmltodict

        try:
            return xmltodict.parse(
                text,
                expat=self,
                process_namespaces=True,
                namespace_separator=_SEPARATOR,
                strip_whitespace=False,
                postprocessor=self._numbered,
            )
        except expat.ExpatError as problem:
            raise _malformed(f"not well-formed XML: {problem}", "close every element and escape < and &") from problem

    def ParserCreate(self, encoding: str, separator: str) -> expat.XMLParserType:  # noqa: N802
        """Make the parser that xmltodict asks for, where expat has a function of that name."""
        parser = expat.ParserCreate(encoding, separator)
        parser.StartDoctypeDeclHandler = parser.ProcessingInstructionHandler = _forbidden
        return parser

    def _numbered(self, path: list[Any], key: str, value: Any) -> tuple[Any, Any]:
        """Give every element a key of its own: (serial number, name); attributes keep theirs."""
        if key != path[-1][0]:
            return key, value
        if len(path) >= DEPTH_LIMIT:
            raise _malformed(f"elements are nested {len(path)} deep", f"nest at most {DEPTH_LIMIT - 1} elements")
        return (next(self._serial), key), value


def _check_root(root: dict[Any, Any] | str) -> None:
    """Refuse a root that holds text or claims to be of another type (library, row X3)."""
    if (_text(root) or "").strip(_XML_SPACE):
        raise _malformed("the root element holds text", "send elements only")
    if isinstance(root, dict) and (claimed := root.get(_TYPE)):
        prefix, _, name = claimed.rpartition(":")
        if (root["@xmlns"].get(prefix), name) != (PATCH_NAMESPACE, PATCH_ROOT):
            raise _malformed(f"i:type is {claimed}, which nobody knows", "leave i:type out")


def _check_reference(node: Any) -> None:
    """Refuse an element of a known class that refers to another one: there is none (library, row X3)."""
    if isinstance(node, dict) and (_REFERENCE in node or node.get(_IDENTITY) == ""):
        raise _malformed("z:Ref refers to nothing, or z:Id is empty", "leave z:Ref and z:Id out")


def _forbidden(*_: object) -> None:
    raise _malformed("document type definitions and processing instructions are refused", "send elements only")


def _check_resolver(node: Any, dialect: Dialect) -> None:
    _check_reference(node)
    if not _is_nil(node):
        raise _malformed(
            "ContractResolver is no nil element", 'write <ContractResolver i:nil="true" /> or leave it out'
        )
    if not dialect.follows_page:
        raise VendorCrash(rule="xml-resolver-nil", why="ContractResolver is nil: the library throws")


def _operations(root: Any) -> Iterator[Any]:
    """Yield the elements inside `<Operations>`; refuse what was surely meant to be one, instead of ignoring it."""
    for name, node in _elements(root):
        if name == "Operations":
            if (_text(node) or "").strip(_XML_SPACE):
                raise _malformed("Operations holds text", "write one element for each operation inside <Operations>")
            yield from (operation for _, operation in _elements(node))
        elif name.lower().startswith("operation"):
            raise _malformed(f"<{name}> is not read here", f"write <Operations> below <{PATCH_ROOT}>, one element each")


def _operation(node: Any, tree: MemberTree) -> dict[str, Any] | None:
    if not isinstance(node, dict) or _is_nil(node):
        return None
    parts = {name.lower(): item for name, item in _elements(node)}
    operation: dict[str, Any] = {name: _text(parts[name]) for name in ("op", "path", "from") if name in parts}
    if "value" in parts:
        operation["value"] = _typed(parts["value"], member_at(operation.get("path") or "", tree.root))
    return operation


def _text(node: Any) -> str | None:
    if isinstance(node, dict):
        return None if _is_nil(node) else node.get("#text", "")
    return node or ""


def _typed(node: Any, member: Member | None) -> Any:
    """Read an element's content as the member it is meant for, so that XML says what the same JSON would say."""
    text, children = _text(node), _elements(node)
    if text is None:
        return None
    if not children and text.strip(_XML_SPACE):
        return _scalar(text, member)
    if member is not None and member.item is not None:
        return [_typed(child, member.item) for _, child in children]
    if children or (member is not None and member.kind is Kind.OBJECT):
        return {name: _typed(child, known) for name, child, known in _named(children, member)}
    return text


def _named(children: list[tuple[str, Any]], member: Member | None) -> Iterator[tuple[str, Any, Member | None]]:
    by_xml_name = {child.xml_name: child for child in member.members.values()} if member is not None else {}
    for name, child in children:
        known = by_xml_name.get(name) or (member.find(name) if member is not None else None)
        yield known.name if known else name, child, known


def _scalar(text: str, member: Member | None) -> Any:
    stripped = text.strip(_XML_SPACE)
    if member is not None and member.kind is Kind.BOOLEAN:
        return _BOOLEANS.get(stripped, text)
    if member is not None and member.kind is Kind.INTEGER and re.fullmatch(r"-?\d{1,19}", stripped, re.ASCII):
        return int(stripped)
    return text
