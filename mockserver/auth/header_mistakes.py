"""The mistakes that show in the text of an Authorization header: tables of patterns, tried from top to bottom."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from mockserver.auth.signing import ISO_8601

# No date that a program prints is longer; patterns need not be tried on more.
LONGEST_DATE: Final = 64


class Mistake(NamedTuple):
    """What a pattern, found in any letter case, says about the header."""

    cause: str
    pattern: str
    sentence: str
    hint: str


def first(mistakes: Iterable[Mistake], text: str) -> Mistake | None:
    """Return the first mistake whose pattern is found in a text."""
    return next((m for m in mistakes if re.search(m.pattern, text, re.IGNORECASE | re.DOTALL)), None)


_NAME = "Write PNAUTHINFO3-HMAC-SHA256, or -SHA384 or -SHA512."
_FORM = "After the scheme and one space write Credential=<UserId>/<timestamp> Signature=<base64>."
_ISO = "Write the timestamp like 2024-05-01T10:00:00Z."

# Servers hand two headers over as one, joined by a comma.
HEADER: Final = (
    Mistake(
        "header-repeated",
        r",\s*(pnauthinfo|basic\s|bearer\s)",
        "The request has two Authorization headers.",
        "Send one; look for a proxy or a library that adds its own.",
    ),
)

SCHEME: Final = (
    Mistake("header-name-in-value", r"^authorization\s*[:=]", "The value repeats the header's name.", "Drop it."),
    Mistake("scheme-missing", r"^(credential|signature)s?\s*[:=]", "There is no scheme before Credential.", _NAME),
    Mistake("scheme-basic", r"^basic\b", "The scheme is Basic; the API takes no password.", _NAME),
    Mistake("scheme-bearer", r"^bearer\b", "The scheme is Bearer, for tokens of the token endpoint.", _NAME),
)

PARAMETERS: Final = (
    Mistake("parameters-missing", r"^\s*$", "Nothing follows the scheme.", _FORM),
    Mistake(
        "parameters-url-encoded",
        r"^credential%3d|\ssignature%3d|^credential=[^/\s]*%2f",
        "The parameters are URL-encoded.",
        "Write =, / and : as they are; a header is not a URL.",
    ),
    Mistake("parameters-quoted", r"\b(credential|signature)\s*=\s*[\"']", "A parameter's value is quoted.", _FORM),
    Mistake("parameters-punctuation", r"[,;&|]\s*signature\s*=", "A punctuation mark separates the parameters.", _FORM),
    Mistake("parameters-order", r"^signature=.*\scredential=", "Signature stands before Credential.", _FORM),
    Mistake("signature-missing", r"^(?!.*signature)(?!.*\ssig)", "The parameter Signature is missing.", _FORM),
    Mistake("credential-missing", r"^(?!.*credential)", "The parameter Credential is missing.", _FORM),
    Mistake("parameters-spacing", r"^\s|(\s\s|[\t\r\n])signature=", "The parts are not one single space apart.", _FORM),
    Mistake("signature-empty", r"\ssignature=$", "Signature has no value.", _FORM),
    Mistake(
        "timestamp-us-format",
        r"^credential=.*/\d{1,2}/\d{1,2}/\d{2,4}[ ,T]",
        "The date in Credential is written with slashes.",
        _ISO,
    ),
    Mistake("credential-separator", r"^credential=[^/]*(\ssignature=|$)", "Credential holds no slash.", _FORM),
    Mistake("credential-user-missing", r"^credential=/[^/]*\s", "The UserId before the slash is missing.", _FORM),
    Mistake("credential-timestamp-missing", r"^credential=.*/\ssignature=", "The timestamp is missing.", _FORM),
    Mistake(
        "parameter-name",
        r"^(?-i:(?!Credential=)|(?!.* Signature=))",
        "The parameters' names are not spelt Credential and Signature, with capitals.",
        _FORM,
    ),
)

TIMESTAMP: Final = (
    Mistake("timestamp-basic-format", r"^(19|20)\d{6}(T\d|\d{6}$)", "The date lacks its hyphens and colons.", _ISO),
    Mistake("timestamp-epoch", r"^\d{9,19}(\.\d+)?$", "The timestamp counts seconds or less since 1970.", _ISO),
    Mistake("timestamp-url-encoded", r"%3a", "The timestamp is URL-encoded.", _ISO),
    Mistake("timestamp-http-date", r"^(mon|tue|wed|thu|fri|sat|sun)", "The timestamp is an HTTP date.", _ISO),
    Mistake("timestamp-us-format", r"^\d{1,2}-\d{1,2}-\d{4}", "The date does not start with the year.", _ISO),
    Mistake("timestamp-date-only", r"^\d{4}-\d\d-\d\d$", "The timestamp has no time.", _ISO),
    Mistake("timestamp-offset-space", r"^\d{4}-.*T\S* \d\d:?\d\d$", "The + before the offset became a space.", _ISO),
    Mistake("timestamp-space", r"^\d{4}-\d\d-\d\d ", "A space stands where the T belongs.", _ISO),
    Mistake("timestamp-lower-case", r"^\d{4}-\S*(?-i:[tz])", "The letters T and Z must be capitals.", _ISO),
    Mistake("timestamp-impossible", f"^{ISO_8601.pattern}$", "There is no such date or time.", _ISO),
)
