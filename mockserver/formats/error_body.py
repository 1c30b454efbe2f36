"""ASP.NET's HttpError as bytes, in JSON and XML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from xml.parsers import expat

from mockserver.formats.json_write import write_json
from mockserver.formats.negotiation import AnswerFormat
from mockserver.formats.xml_text import escape_text

MODEL_STATE_TEXT = "An error has occurred."
_MISSING_TEXT = "A value is required but was not present in the request."

# Whatever isn't plainly fine in a name, and an underscore that would read as the start of an encoded character.
_DOUBTFUL = re.compile(r"[^A-Za-z0-9._\-]|^[0-9.\-]|_(?=[Xx](?:[0-9A-Fa-f]{4}){1,2}_)")


def error_body(message: str | None, model_state: Sequence[str], form: AnswerFormat) -> bytes:
    """Return the body of a refusal; without a message there is no body at all, as with ASP.NET's bare results."""
    if message is None:
        return b""
    if form.is_xml:
        return form.encode(_xml(message, model_state))
    document: dict[str, object] = {"Message": message}
    if model_state:
        document["ModelState"] = {key: [_text_of(key)] for key in model_state}
    body = write_json(document)
    return body if form.encoding == "utf-8" else form.encode(body.decode())


def _text_of(key: str) -> str:
    """Return what the binder says: of the body nothing but that there was an error, of the URL what is missing."""
    of_the_url = key.endswith(".String") and not key.startswith("operations")
    return _MISSING_TEXT if of_the_url else MODEL_STATE_TEXT


def _xml(message: str, model_state: Sequence[str]) -> str:
    named = ((encode_local_name(key), _text_of(key)) for key in model_state)
    keys = "".join(f"<{name}>{text}</{name}>" for name, text in named)
    state = f"<ModelState>{keys}</ModelState>" if keys else ""
    return f"<Error><Message>{escape_text(message)}</Message>{state}</Error>"


def encode_local_name(name: str) -> str:
    """Encode a ModelState key as an element name: `operations[0]` becomes `operations_x005B_0_x005D_`.

    As XmlConvert.EncodeLocalName does (library): a character that no XML name may hold there is written as its code,
    with eight digits above U+FFFF.
    """
    return _DOUBTFUL.sub(_encoded, name)


def _encoded(match: re.Match[str]) -> str:
    character = match[0]
    if not character.isascii() and _fits_in_a_name(character, first=match.start() == 0):
        return character
    code = ord(character)
    return f"_x{code:08X}_" if code > 0xFFFF else f"_x{code:04X}_"


@cache
def _fits_in_a_name(character: str, *, first: bool) -> bool:
    """Ask expat: like XmlConvert it goes by the name classes of XML 1.0's fourth edition, which end at U+FFFF."""
    try:
        expat.ParserCreate().Parse(f"<{character}/>" if first else f"<_{character}/>", True)
    except (expat.ExpatError, UnicodeEncodeError):
        return False
    return True
