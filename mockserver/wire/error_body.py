"""ASP.NET's HttpError as bytes, in JSON and XML."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mockserver.wire.json_body import write_json
from mockserver.wire.negotiation import AnswerFormat
from mockserver.wire.xml_text import escape_text

MODEL_STATE_TEXT = "An error has occurred."

# XmlConvert.EncodeLocalName: a character that no XML name may hold is written as its code (library).
_NOT_IN_A_NAME = re.compile(r"[^\w.\-·]|_(?=x[0-9A-Fa-f]{4}_)|^[\d.\-·]", re.UNICODE)


def error_body(message: str | None, model_state: Sequence[str], form: AnswerFormat) -> bytes:
    """Return the body of a refusal; without a message there is no body at all, as with ASP.NET's bare results."""
    if message is None:
        return b""
    if form.is_xml:
        return form.encode(_xml(message, model_state))
    document: dict[str, object] = {"Message": message}
    if model_state:
        document["ModelState"] = {key: [MODEL_STATE_TEXT] for key in model_state}
    body = write_json(document)
    return body if form.encoding == "utf-8" else form.encode(body.decode())


def _xml(message: str, model_state: Sequence[str]) -> str:
    keys = "".join(f"<{name}>{MODEL_STATE_TEXT}</{name}>" for name in map(encode_local_name, model_state))
    state = f"<ModelState>{keys}</ModelState>" if keys else ""
    return f"<Error><Message>{escape_text(message)}</Message>{state}</Error>"


def encode_local_name(name: str) -> str:
    """Encode a ModelState key as an element name: `operations[0]` becomes `operations_x005B_0_x005D_`."""
    return _NOT_IN_A_NAME.sub(lambda match: f"_x{ord(match[0]):04X}_", name)
