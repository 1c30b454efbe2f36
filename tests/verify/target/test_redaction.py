"""What reports show of a real target: names and templates that are known, and of the rest only its shape."""

from __future__ import annotations

import pytest

from mockserver.verify.target.redaction import Redactor

PERSONAL = ["Zoë", "zoe.oneil@example.com", "C-000417", "(770) 555-0143", "O'Neil-Żak"]


MESSAGES = {
    "The current value 'O'Neil-Żak' at path 'LastName' is not equal to the test value 'Zoë'.": "current value",
    "The request is invalid.": "The request is invalid.",
    "Missing Authorization Header": "Missing Authorization Header",
    "There is no Zoë here.": "text of 21",
}


@pytest.mark.parametrize(("message", "shown"), MESSAGES.items(), ids=["template", "fixed", "fixed 401", "unknown"])
def test_error_texts_show_their_template_only(message: str, shown: str) -> None:
    """What stands in the gaps comes from the profile; a text that nobody knows may be all gap."""
    text = Redactor().message(message)
    assert text.startswith(shown)
    assert not [word for word in PERSONAL if word in text]


def test_redaction_keeps_equality_within_a_run_only() -> None:
    """The same value has the same hash, another run another one; names outside the contract are hashed as well."""
    one, two = Redactor(["Emails", "EmailAddress"]), Redactor()
    assert (
        one.value("zoe.oneil@example.com") == one.value("zoe.oneil@example.com") != two.value("zoe.oneil@example.com")
    )
    assert one.pointer("/Emails/0/EmailAddress") == "/Emails/0/EmailAddress"
    assert "zoe" not in one.pointer("/Emails/0/zoe.oneil@example.com")
    assert one.value({"a": "Zoë"}).startswith("object of 1 #")
    assert one.header("content-type", "application/json; charset=utf-8") == "application/json; charset=utf-8"
    assert "Zoë" not in one.header("x-name", "Zoë")


SENTENCES: dict[str, tuple[str, str]] = {
    "a header": ("the header Cache-Control is 'u=Zoe', it must be no-cache", "the header Cache-Control is text of 5 "),
    "a header as it may be": ("the header Expires is '0', it must be -1", "the header Expires is '0', it must be -1"),
    "a media type": ("Content-Type is 'text/html', it must be one", "Content-Type is 'text/html', it must be one"),
    "another text for a media type": (
        "Content-Type is 'Zoe O\\'Neil', 'x' was expected",
        "Content-Type is text of 10 #",
    ),
    "methods": ("a 405 must say Allow: PATCH, it says 'ZOE'", "a 405 must say Allow: PATCH, it says text of 3 #"),
    "no header": ("a 405 must say Allow: PATCH, it says None", "a 405 must say Allow: PATCH, it says absent"),
    "a known place": ("/Emails/0 is null, it is not object", "/Emails/0 is null, it is not object"),
    "a member's name": ("/Emails/Zoe is x is no member of the contract", "/Emails/#"),
    "several places": (
        "the answer differs from what was expected at /Emails/0, /Zoe, a and 3 more places",
        "the answer differs from what was expected at /Emails/0, /#",
    ),
    "an element": (
        "the elements of / are not the expected ones in the expected order: Zoe stands where Emails was expected",
        "the elements of / are not the expected ones in the expected order: #",
    ),
    "an entity": (
        "the body is not well-formed XML: undefined entity &Zoe;: line 1, column 2",
        "the body is not well-formed XML: undefined entity #",
    ),
    "our own words": ("the answer was 500, 200 was expected", "the answer was 500, 200 was expected"),
}


@pytest.mark.parametrize(("sentence", "shown"), SENTENCES.values(), ids=SENTENCES.keys())
def test_what_a_server_put_into_a_problem_is_not_shown(sentence: str, shown: str) -> None:
    """It may put personal values anywhere: into headers, names of members, elements and entities."""
    said = Redactor({"Emails"}).problem(sentence)
    assert said.startswith(shown)
    assert "zoe" not in said.lower()


SERVER_HEADERS = {
    "allow": ("PATCH, GET", "ZOE"),
    "www-authenticate": ('PNAUTHINFO3 realm="https://pm.mypreferences.com"', "Basic realm=Zoe"),
    "retry-after": ("Wed, 21 Oct 2015 07:28:00 GMT", "Zoe"),
    "cache-control": ("no-cache, max-age=0", "private, u=Zoe"),
    "expires": ("-1", "Zoe"),
    "x-user": ("", "Zoe"),
}


@pytest.mark.parametrize("name", SERVER_HEADERS)
def test_a_header_is_shown_only_as_far_as_it_is_used_as_meant(name: str) -> None:
    usual, misused = SERVER_HEADERS[name]
    assert usual in Redactor().header(name, usual)
    assert "zoe" not in Redactor().header(name, misused).lower()
