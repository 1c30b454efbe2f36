"""Which format an answer is written in, and which a request is read in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import UnsupportedMediaType
from mockserver.formats.negotiation import body_format, choose

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
JSON, XML, PATCH = "application/json", "application/xml", "application/json-patch+json"


@pytest.mark.parametrize(
    ("accept", "content_type", "chosen"),
    [
        (None, None, JSON),
        ("*/*", PATCH, JSON),
        ("application/*", XML, JSON),
        ("text/*", JSON, "text/json"),
        ("text/html", PATCH, PATCH),
        ("application/pdf", XML, XML),
        (None, "text/json", "text/json"),
        (None, "text/xml; charset=utf-8", "text/xml"),
        (BROWSER, JSON, XML),
        (PATCH, JSON, PATCH),
        ("application/json;q=0", JSON, JSON),
        ("application/xml;q=0", XML, XML),
        ("application/json;q=0.5, application/xml", JSON, XML),
        ("application/xml, application/json", JSON, JSON),
        ("*/*;q=0.1, application/xml;q=0.2", JSON, XML),
        ("*/*, application/xml", JSON, XML),
        ("text/*, application/xml;q=1.0", JSON, XML),
        ("garbage", XML, XML),
        ("application/xml, garbage", JSON, JSON),
        (None, "text/*", "text/json"),
        ("text/html", "text/*;q=1", "text/json"),
        (None, "application/*", JSON),
        ("garbage, application/xml", JSON, JSON),
        ("APPLICATION/XML", JSON, XML),
        ("application/xml;version=1", JSON, XML),
        (" , ,application/xml , ,", JSON, XML),
        ("application/xml;;q=0.1", JSON, JSON),
        ("application/xml;", JSON, JSON),
        ("application/xml;q", JSON, XML),
        ("application / xml ; q = 1", JSON, XML),
        ("application/xml;q=0;q=1", JSON, JSON),
        ("application/xml;q=0.5, application/json;q=high", JSON, JSON),
        ("application/json;q=.5, application/xml;q=.6", JSON, XML),
        ('application/xml;x="a,b\\";c"', JSON, XML),
        ('application/xml;x="a', JSON, JSON),
        ("application/xml;x=", JSON, JSON),
        ("application/xml;=1", JSON, JSON),
        ("application/xml x", JSON, JSON),
        ("application/xml\u00a0", JSON, JSON),
    ],
)
def test_the_answers_media_type(accept: str | None, content_type: str | None, chosen: str) -> None:
    """The highest q, then literal before ranges, then JSON; never 406."""
    assert choose(accept, None, content_type).media_type == chosen


@pytest.mark.parametrize(
    ("accept_charset", "content_type", "encoding"),
    [
        (None, JSON, "utf-8"),
        ("utf-16", JSON, "utf-16"),
        ("utf-16;q=0.5, utf-8", JSON, "utf-8"),
        ("utf-16;q=0", JSON, "utf-8"),
        ("*", JSON, "utf-8"),
        ("iso-8859-1", JSON, "utf-8"),
        (None, "application/json; charset=utf-16", "utf-16"),
        (None, 'application/json; charset="UTF-16"', "utf-8"),
        ("*, utf-16", JSON, "utf-16"),
        ("*, utf-16;q=0.9", JSON, "utf-8"),
        ("utf-16, ;", JSON, "utf-8"),
        ("iso-8859-1", "application/json; charset=utf-16", "utf-16"),
        (None, "application/json; charset=utf-16; charset=utf-8", "utf-16"),
        (None, "application/json; charset", "utf-8"),
        (None, "application/json; charset=utf-16;", "utf-8"),
        ("utf-16;q=2", JSON, "utf-8"),
        ("utf-16;q", JSON, "utf-8"),
        ("utf-16;level=1", JSON, "utf-8"),
        ("utf-16 ; Q = 0.4 , utf-8;q=0.3", JSON, "utf-16"),
        ("utf-16;q=.5", JSON, "utf-8"),
    ],
)
def test_the_answers_encoding(accept_charset: str | None, content_type: str, encoding: str) -> None:
    """Accept-Charset first, then the request's own charset, then UTF-8."""
    assert choose(None, accept_charset, content_type).encoding == encoding


@pytest.mark.parametrize(
    ("content_type", "reader"),
    [(JSON, "json"), ("text/json", "json"), (PATCH, "json"), ("*/*", "json"), ("application/*", "json"),
     ("application / json", "json"), ("application/json; charset", "json"), ('application/json;a="b;c"', "json"),
     (" application/json ;a=b ;\tc = d ", "json"),
     (XML, "xml"), ("text/xml;charset=utf-8", "xml"), ("application/x-www-form-urlencoded", "form")],
)  # fmt: skip
def test_the_requests_reader(content_type: str, reader: str) -> None:
    """Five media types, ranges, and forms."""
    assert body_format(content_type).reader == reader


@pytest.mark.parametrize(
    ("content_type", "rule"),
    [("text/plain", "media-type-unsupported"), ("application/merge-patch+json", "media-type-unsupported"),
     (None, "content-type-missing"), ("", "content-type-missing"), ("garbage", "content-type-missing"),
     ("application/json;", "content-type-missing"), ("application/json;;charset=utf-8", "content-type-missing"),
     ("application/json; =utf-8", "content-type-missing"), ("application/json, text/xml", "content-type-missing"),
     (",application/json", "content-type-missing"), (" ", "content-type-missing")],
)  # fmt: skip
def test_unsupported_media_types(content_type: str | None, rule: str) -> None:
    """415 with one of the stack's two texts."""
    with pytest.raises(UnsupportedMediaType) as caught:
        body_format(content_type)
    assert caught.value.rule == rule


def test_a_refusal_shows_the_media_type_as_it_was_sent() -> None:
    """Without its parameters and spaces, in its own letters."""
    with pytest.raises(UnsupportedMediaType, match="media type 'Text/Plain' is not supported"):
        body_format("Text / Plain; charset=utf-8")


HOSTILE = r"""
from mockserver.errors import UnsupportedMediaType
from mockserver.formats.negotiation import body_format, choose

parts = [" ", ";", "; ", " ; ", ";a", ";a=b", ";a= ", ";a=1;", '"', '\\"', "\\a", "a", "1", "/", ",", ", ", "a/b,"]
parts += ["a/b;", "\r\n ", "="]
for part in parts:
    for start in ("", "a/b", "a/b;    ;    ;", 'a/b;x="', "a/b;q=", "a;q=", "a/b;x=1"):
        for end in ("", "!!", '"', "\x00"):
            header = start + part * (16384 // len(part)) + end
            choose(header, header, header)
            try:
                body_format(header)
            except UnsupportedMediaType:
                pass
"""


@pytest.mark.slow
def test_hostile_headers_are_read_in_linear_time() -> None:
    """Long headers that would keep a backtracking pattern busy for years; 560 take half a second.

    In a process of its own, which can be ended if it hangs.
    """
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_headers_get_a_format(accept: str, accept_charset: str, content_type: str) -> None:
    """No header can make negotiation fail."""
    assert choose(accept, accept_charset, content_type).encoding in ("utf-8", "utf-16")
