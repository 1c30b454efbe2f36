"""Which format a request is read in and an answer is written in, as ASP.NET Web API 5.2.7 decides it.

Source of every rule here: the vendor's software when it was run (docs/dialect.md, rows H1-H12), unless a comment says
otherwise. The headers' grammar is that of System.Net.Http (read in source): stricter than RFC 9110 about empty
parameters, laxer about spaces and about parameters without a value.
"""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import force_setattr

from mockserver.errors import UnsupportedMediaType

JSON_TYPES = ("application/json", "text/json", "application/json-patch+json")
XML_TYPES = ("application/xml", "text/xml")
FORM_TYPE = "application/x-www-form-urlencoded"
DEPTH_LIMIT = 256
"""FormattingUtilities.DefaultMaxDepth: the nesting at which Web API's formatters stop (library)."""

_FORMATTERS = (JSON_TYPES, XML_TYPES)
_ENCODINGS = ("utf-8", "utf-16")
_Element = TypeVar("_Element")

# No two neighbours in these patterns can match the same character, so a hostile header costs linear time.
_SPACE = r"(?:[ \t]|\r\n[ \t])*"
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:\\[\x00-\x7f](?=.)|(?!\\[\x00-\x7f].)[^"])*"'
_SPACES = re.compile(_SPACE)
_SEPARATORS = re.compile(rf"{_SPACE}(?:,{_SPACE})*")
_ESSENCE = re.compile(rf"({_NAME}){_SPACE}/{_SPACE}({_NAME}){_SPACE}")
_PARAMETER = re.compile(rf"{_SPACE}({_NAME}){_SPACE}(?:={_SPACE}({_NAME}|{_QUOTED}){_SPACE})?", re.DOTALL)
_CHARSET = re.compile(rf"({_NAME}){_SPACE}(?:;{_SPACE}[qQ]{_SPACE}={_SPACE}([0-9]+(?:\.[0-9]*)?){_SPACE})?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


class MediaType(Struct, frozen=True):
    """A parsed Content-Type or one element of Accept, in lower case; `shown` is the media type as it was sent."""

    type: str
    subtype: str
    charset: str | None
    quality: float
    shown: str

    @property
    def essence(self) -> str:
        return f"{self.type}/{self.subtype}"


class AnswerFormat(Struct, frozen=True):
    """The chosen media type and encoding of an answer, and the header that names them."""

    media_type: str
    encoding: str
    is_xml: bool = False
    header: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        force_setattr(self, "is_xml", self.media_type in XML_TYPES)
        force_setattr(self, "header", ("Content-Type", self.content_type))

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset={self.encoding}"

    def encode(self, text: str) -> bytes:
        """Return the text's bytes; UTF-16 comes with a byte order mark, UTF-8 without."""
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le") if self.encoding == "utf-16" else text.encode()


def parse_media_type(text: str | None) -> MediaType | None:
    """Return the parsed Content-Type, or None where .NET can't parse it."""
    found = _media_type_at(text, _end(_SPACES, text, 0)) if text else None
    return found[0] if found and found[1] == len(text or "") else None


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return where a pattern that always matches ends."""
    match = pattern.match(text, start)
    return match.end() if match else start


def _media_type_at(text: str, start: int) -> tuple[MediaType, int] | None:
    """Return the media type that starts here and where it ends; None also for an empty parameter ("a/b;")."""
    essence = _ESSENCE.match(text, start)
    if not essence:
        return None
    parameters: dict[str, str] = {}
    end = essence.end()
    while text.startswith(";", end):
        parameter = _PARAMETER.match(text, end + 1)
        if not parameter:
            return None
        # The first of two parameters of one name counts, as with NameValueHeaderValue.Find.
        parameters.setdefault(parameter[1].lower(), parameter[2] or "")
        end = parameter.end()
    kind, subtype = essence[1].lower(), essence[2].lower()
    # In quotes it is another name: the formatters compare the parameter as it was sent (library, row H5).
    charset = parameters.get("charset", "").lower() or None
    quality = _quality(parameters.get("q", ""))
    return MediaType(kind, subtype, charset, quality, f"{essence[1]}/{essence[2]}"), end


def _charset_at(text: str, start: int) -> tuple[tuple[float, str], int] | None:
    match = _CHARSET.match(text, start)
    quality = _quality(match[2] or "") if match else 0.0
    return ((quality, match[1].lower()), match.end()) if match and quality <= 1 else None


def _quality(text: str) -> float:
    """Return the weight; one that double.TryParse refuses counts as absent, which is 1."""
    number = float(text) if _NUMBER.fullmatch(text) else 1.0
    return number if math.isfinite(number) else 1.0


def _elements(header: str | None, element_at: Callable[[str, int], tuple[_Element, int] | None]) -> list[_Element]:
    """Return the elements; one that is malformed spoils them all (library, row H7)."""
    text, elements = header or "", list[_Element]()
    position = _end(_SEPARATORS, text, 0)
    while position < len(text):
        found = element_at(text, position)
        if found is None or not (found[1] == len(text) or text[found[1]] == ","):
            return []
        elements.append(found[0])
        position = _end(_SEPARATORS, text, found[1])
    return elements


@lru_cache(maxsize=512)
def choose(
    accept: str | None, accept_charset: str | None, content_type: str | None, requested_with: str | None = None
) -> AnswerFormat:
    """Choose the answer's format; there is no 406: the worst Accept header gets JSON.

    Per formatter the first that fits counts: Accept, then the request's own media type, then "can write".
    """
    accepted = sorted(_elements(accept, _media_type_at), key=_preference)
    request = parse_media_type(content_type)
    if _asks_as_script(requested_with, accepted):
        return AnswerFormat("application/json", _encoding(accept_charset, request))
    media_type = _by_accept(accepted) or _by_request(request)
    return AnswerFormat(media_type, _encoding(accept_charset, request))


def _preference(media_type: MediaType) -> tuple[float, int]:
    """Order as MediaTypeWithQualityHeaderValueComparer does: by q, then the more specific first (read in source)."""
    return -media_type.quality, (media_type.subtype == "*") + (media_type.type == "*")


def _asks_as_script(requested_with: str | None, accepted: list[MediaType]) -> bool:
    """Web API maps X-Requested-With: XMLHttpRequest to JSON unless Accept names a type (read in source)."""
    if (requested_with or "").lower() != "xmlhttprequest":
        return False
    return not accepted or (len(accepted) == 1 and accepted[0].essence == "*/*")


def _by_accept(accepted: list[MediaType]) -> str | None:
    """Return the best match: the highest q, then literal before `type/*` before `*/*`, then JSON before XML."""
    found = [match for types in _FORMATTERS if (match := _formatter_match(types, accepted))]
    best = sorted(found, key=lambda match: (-match[0], match[1]))
    return best[0][2] if best else None


def _formatter_match(types: tuple[str, ...], accepted: list[MediaType]) -> tuple[float, int, str] | None:
    for wanted in accepted:
        if wanted.quality == 0:
            continue
        for rank, supported in ((rank, t) for t in types if (rank := _rank(t, wanted)) is not None):
            return wanted.quality, rank, supported
    return None


def _rank(supported: str, wanted: MediaType) -> int | None:
    if supported == wanted.essence:
        return 0
    if wanted.subtype != "*":
        return None
    if supported.split("/")[0] == wanted.type:
        return 1
    return 2 if wanted.type == "*" else None


def _by_request(request: MediaType | None) -> str:
    """Return the request's own media type if it can be written; of a range such as `text/*` the first in it."""
    known = (*JSON_TYPES, *XML_TYPES)
    found = [supported for supported in known if request is not None and _rank(supported, request) is not None]
    return found[0] if found else "application/json"


def _encoding(accept_charset: str | None, request: MediaType | None) -> str:
    for quality, name in sorted(_elements(accept_charset, _charset_at), key=_charset_preference):
        if quality > 0 and (name in _ENCODINGS or name == "*"):
            return "utf-8" if name == "*" else name
    return request.charset if request is not None and request.charset in _ENCODINGS else "utf-8"


def _charset_preference(weighted: tuple[float, str]) -> tuple[float, bool]:
    """Order as StringWithQualityHeaderValueComparer does: by q, then any name before `*` (library)."""
    return -weighted[0], weighted[1] == "*"


class BodyFormat(Struct, frozen=True):
    """How a request's body is to be read: "json", "xml" or "form", and its declared charset."""

    reader: str
    charset: str | None


@lru_cache(maxsize=512)
def body_format(content_type: str | None) -> BodyFormat:
    """Choose the reader of a body that isn't empty; raise UnsupportedMediaType with the stack's two texts."""
    media_type = parse_media_type(content_type)
    if media_type is None:
        raise UnsupportedMediaType(
            "The request contains an entity body but no Content-Type header. The inferred media type "
            "'application/octet-stream' is not supported for this resource.",
            rule="content-type-missing",
            hint="send Content-Type: application/json-patch+json",
        )
    for reader, types in (("json", JSON_TYPES), ("xml", XML_TYPES), ("form", (FORM_TYPE,))):
        if any(_rank(supported, media_type) is not None for supported in types):
            return BodyFormat(reader, media_type.charset)
    raise UnsupportedMediaType(
        f"The request entity's media type '{media_type.shown}' is not supported for this resource.",
        rule="media-type-unsupported",
        hint=f"send one of {', '.join((*JSON_TYPES, *XML_TYPES))}",
    )


def is_utf_16(charset: str) -> bool:
    # Any other name, known or not, falls back to the formatter's first encoding, UTF-8 (library, row H9).
    return charset.lower() == "utf-16"
