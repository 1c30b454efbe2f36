"""The guard finds an original in every spelling, and finds nothing where there is none."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.recording.guard import Guard, folded
from tests.examples import many

SPELLINGS: dict[str, Callable[[str], str]] = {
    "exact": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "URL-encoded": lambda text: quote(text, safe=""),
    "URL-encoded, every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "URL-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "URL-encoded in JSON": lambda text: json.dumps(quote(text)),
    "JSON-escaped": json.dumps,
    "XML-escaped": lambda text: escape(text, {"'": "&#39;"}),
    "XML references": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text),
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64 amid others": lambda text: base64.b64encode(f"u:{text}:pw".encode()).decode(),
    "Base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "Base64 after letters": lambda text: f"xyz{base64.b64encode(text.encode()).decode()}",
}
VALUES = (
    "Anna",
    "Zoë Żak",
    "O'Neil & <co>",
    "anna.oneil@mail.example",
    "שרה לוי",
    "C-000417",
    "😀 smile",
    "李小龙先生",
)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_original_is_found(spelling: str, value: str) -> None:
    assert Guard([value]).finds(f"before {SPELLINGS[spelling](value)} after")


@pytest.mark.parametrize("text", ["+1 819 555 0123", "8195550123", "1-(819)-555/0123", "819.555.0123 x4"])
def test_a_telephone_number_is_found_by_its_digits(text: str) -> None:
    assert Guard(["(819) 555-0123"]).finds(text)


@pytest.mark.parametrize("text", ["", "Lena Walsh", "YW5u", "819 555 0124", "Ann a", "\\u0041\\u006e"])
def test_what_is_no_original_is_not_found(text: str) -> None:
    assert not Guard(["Anna", "(819) 555-0123", "abc"]).finds(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [("born 1985-02-03", False), ("pin 1985", True), ("1985-02-03 and 1985", True), ("1990-04-05", True)],
)
def test_a_year_is_no_number_of_four_digits(text: str, found: bool) -> None:
    """But a whole date is an original as any other."""
    assert Guard(["1985", "1990-04-05"]).finds_besides_years(text) is found


@settings(max_examples=many(60))
@given(value=st.text(min_size=4, max_size=30), spelling=st.sampled_from(sorted(SPELLINGS)), around=st.text(max_size=9))
def test_whatever_the_value_is(value: str, spelling: str, around: str) -> None:
    """But for spellings that a text's own signs make unreadable: what is decoded twice may lose a percent sign."""
    readable = all(sign.isalnum() or sign in " .@'-" for sign in value + around) and folded(value).strip() != ""
    if readable and value.lower() == value.casefold() == value.upper().lower():
        assert Guard([value]).finds(f"{around} {SPELLINGS[spelling](value)} {around}")
    else:
        assert Guard([value]).finds(f"{around}{value}{around}")
