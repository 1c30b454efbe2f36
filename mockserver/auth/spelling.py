"""The wrong ways to write a right signature down: a table of spellings that can be undone."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import unquote


class Spelling(NamedTuple):
    """A mistake in writing a signature down."""

    cause: str
    sentence: str
    hint: str


def readings(signature: str) -> dict[bytes, Spelling]:
    """Return every digest that the text may stand for, with the spelling that makes it do so."""
    digests: dict[bytes, Spelling] = {}
    for spelling, undo in SPELLINGS:
        try:
            digests.setdefault(undo(signature), spelling)
        except ValueError:
            continue
    return digests


def truncated(expected: str, given: str) -> bool:
    """Tell whether the right signature was cut short; fewer than 8 characters of it would be found by chance."""
    return len(given) >= 8 and expected.startswith(given.rstrip("="))


def _base64(text: str) -> bytes:
    return b64decode(text, validate=True)


def _padded(text: str) -> str:
    return text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)


_BASE64 = "Send the digest's 32, 48 or 64 bytes as one plain Base64 text, ending in its = signs."

SPELLINGS: Final[tuple[tuple[Spelling, Callable[[str], bytes]], ...]] = (
    (Spelling("signature-not-canonical", "The Base64 is not the canonical one.", _BASE64), _base64),
    (
        Spelling("signature-no-padding", "The = signs at the signature's end are missing or too many.", _BASE64),
        lambda text: _base64(_padded(text)),
    ),
    (
        Spelling("signature-url-safe", "The signature is URL-safe Base64, with - and _.", f"{_BASE64} Use + and /."),
        lambda text: _base64(_padded(text.translate(str.maketrans("-_", "+/")))),
    ),
    (
        Spelling("signature-hex", "The signature is written as hexadecimal digits.", _BASE64),
        lambda text: bytes.fromhex(text.replace("-", "")),
    ),
    (
        Spelling("signature-url-encoded", "The signature is URL-encoded.", "Send +, / and = as they are."),
        lambda text: _base64(unquote(text)),
    ),
    (
        Spelling("signature-plus-lost", "The signature's + became a space.", "Send + as it is, without URL-decoding."),
        lambda text: _base64(text.replace(" ", "+")),
    ),
    (
        Spelling("signature-broken-line", "The signature holds spaces or line ends.", f"{_BASE64} Don't wrap it."),
        lambda text: _base64("".join(text.split())),
    ),
    (
        Spelling(
            "signature-base64-of-hex", "The signature is the Base64 of hexadecimal digits.", f"{_BASE64} Not of text."
        ),
        lambda text: bytes.fromhex(_base64(text).decode("ascii")),
    ),
)

TRUNCATED: Final = Spelling("signature-truncated", "The signature was cut short.", _BASE64)
