"""Which format a request is read in and an answer is written in, as ASP.NET Web API 5.2.7 decides it.

Source of every rule here: the vendor's software when it was run (DIALECT section 4), unless a comment says otherwise.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mockserver.errors import UnsupportedMediaType

JSON_TYPES = ("application/json", "text/json", "application/json-patch+json")
XML_TYPES = ("application/xml", "text/xml")
FORM_TYPE = "application/x-www-form-urlencoded"
_FORMATTERS = (JSON_TYPES, XML_TYPES)
_ENCODINGS = ("utf-8", "utf-16")

_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = rf'\s*;\s*(?:({_NAME})\s*=\s*({_NAME}|"(?:[^"\\]|\\.)*"))?'
_MEDIA_TYPE = re.compile(rf"\s*({_NAME})/({_NAME})((?:{_PARAMETER})*)\s*")
_CHARSET = re.compile(rf"\s*({_NAME})((?:{_PARAMETER})*)\s*")
_NUMBER = re.compile(r"\d*\.?\d*")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A parsed Content-Type or one element of Accept, in lower case."""

    type: str
    subtype: str
    charset: str | None
    quality: float

    @property
    def essence(self) -> str:
        return f"{self.type}/{self.subtype}"


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The chosen media type and encoding of an answer."""

    media_type: str
    encoding: str

    @property
    def is_xml(self) -> bool:
        return self.media_type in XML_TYPES

    @property
    def content_type(self) -> str:
        return f"{self.media_type}; charset={self.encoding}"

    def encode(self, text: str) -> bytes:
        """Return the text's bytes; UTF-16 comes with a byte order mark, UTF-8 without."""
        return codecs.BOM_UTF16_LE + text.encode("utf-16-le") if self.encoding == "utf-16" else text.encode()


def parse_media_type(text: str | None) -> MediaType | None:
    """Return the parsed Content-Type, or None where .NET can't parse it."""
    match = _MEDIA_TYPE.fullmatch(text) if text else None
    return _media_type(match) if match else None


def _media_type(match: re.Match[str]) -> MediaType:
    parameters = _parameters(match[3])
    charset = parameters.get("charset", "").strip('"').lower() or None
    return MediaType(match[1].lower(), match[2].lower(), charset, _quality(parameters))


def _parameters(text: str) -> dict[str, str]:
    return {name.lower(): value for name, value in re.findall(_PARAMETER, text) if name}


def _quality(parameters: dict[str, str]) -> float:
    text = parameters.get("q", "1")
    return float(text) if _NUMBER.fullmatch(text) and text.strip(".") else 1.0


def _elements(header: str | None, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Yield the elements up to the first malformed one; .NET keeps what it had parsed until then (read in source)."""
    position, text = 0, header or ""
    while position < len(text):
        comma = re.compile(r"[\s,]*").match(text, position)
        position = comma.end() if comma else position
        match = pattern.match(text, position)
        if not match or (match.end() < len(text) and text[match.end()] != ","):
            return
        yield match
        position = match.end()


@lru_cache(maxsize=512)
def choose(
    accept: str | None, accept_charset: str | None, content_type: str | None, requested_with: str | None = None
) -> AnswerFormat:
    """Choose the answer's format; there is no 406: the worst Accept header gets JSON.

    Per formatter the first that fits counts: Accept, then the request's own media type, then "can write".
    """
    accepted = sorted((_media_type(m) for m in _elements(accept, _MEDIA_TYPE)), key=_preference)
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
    known = (*JSON_TYPES, *XML_TYPES)
    return request.essence if request is not None and request.essence in known else "application/json"


def _encoding(accept_charset: str | None, request: MediaType | None) -> str:
    wanted = [(_quality(_parameters(m[2])), m[1].lower()) for m in _elements(accept_charset, _CHARSET)]
    for quality, name in sorted(wanted, key=lambda pair: -pair[0]):
        if quality > 0 and (name in _ENCODINGS or name == "*"):
            return "utf-8" if name == "*" else name
    return request.charset if request is not None and request.charset in _ENCODINGS else "utf-8"


@dataclass(frozen=True, slots=True)
class BodyFormat:
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
    shown = (content_type or "").split(";")[0].strip()
    raise UnsupportedMediaType(
        f"The request entity's media type '{shown}' is not supported for this resource.",
        rule="media-type-unsupported",
        hint=f"send one of {', '.join((*JSON_TYPES, *XML_TYPES))}",
    )
