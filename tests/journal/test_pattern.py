"""Patterns: which exchanges they match, and how one that means nothing is refused."""

from __future__ import annotations

import inspect
from typing import Any

import orjson
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mockserver.errors import UsageError
from mockserver.journal.log import Exchange
from mockserver.journal.matchers import read_regex, same_json
from mockserver.journal.query import find
from mockserver.story.story import Story
from tests.journal.exchanges import TARGET, exchange, patch

OPERATIONS = [
    {"op": "replace", "path": "/IsActive", "value": False},
    {"op": "Remove", "path": "emails/0"},
    {"path": "/CustomFields/0/Name", "value": "x"},
    None,
]
SENT = patch(
    OPERATIONS,
    {"IsActive": False},
    target=f"{TARGET}?a=1&a=2&empty=",
    headers=(
        ("Content-Type", "application/json"),
        ("Accept", "text/json"),
        ("accept", "application/xml"),
        ("Authorization", "PNAUTHINFO3-HMAC-SHA256 Credential=John.Doe/2024 Signature=[redacted]"),
    ),
    key=("ACME~one", "CRM", "C-1"),
    fault="flaky#3",
)
JSON = {"equalToJson": orjson.dumps(OPERATIONS).decode()}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        pytest.param({}, True, id="nothing-asked"),
        pytest.param({"method": "PATCH"}, True, id="method"),
        pytest.param({"method": "patch"}, True, id="method-in-lower-case"),
        pytest.param({"method": "ANY"}, True, id="any-method"),
        pytest.param({"method": "GET"}, False, id="other-method"),
        pytest.param({"url": f"{TARGET}?a=1&a=2&empty="}, True, id="url-with-query"),
        pytest.param({"url": TARGET}, False, id="url-without-query"),
        pytest.param({"urlPath": TARGET}, True, id="url-path"),
        pytest.param({"urlPath": TARGET.lower()}, False, id="url-path-in-lower-case"),
        pytest.param({"urlPattern": r"/ACME/.*\?a=1.*"}, True, id="url-pattern"),
        pytest.param({"urlPattern": "/ACME/.*Id/C-1"}, False, id="url-pattern-must-match-all"),
        pytest.param({"urlPathPattern": "/[A-Z]+/Profile/.*/C-[0-9]"}, True, id="url-path-pattern"),
        pytest.param({"queryParameters": {"a": {"equalTo": "2"}}}, True, id="second-parameter"),
        pytest.param({"queryParameters": {"empty": {"equalTo": ""}}}, True, id="empty-parameter"),
        pytest.param({"queryParameters": {"b": {"absent": True}}}, True, id="no-parameter"),
        pytest.param({"headers": {"content-type": {"equalTo": "application/json"}}}, True, id="header"),
        pytest.param({"headers": {"Content-Type": {"equalTo": "Application/JSON"}}}, False, id="header-value-case"),
        pytest.param(
            {"headers": {"Content-Type": {"equalTo": "Application/JSON", "caseInsensitive": True}}}, True, id="no-case"
        ),
        pytest.param({"headers": {"Accept": {"contains": "xml"}}}, True, id="second-header"),
        pytest.param({"headers": {"Accept": {"doesNotContain": "xml"}}}, False, id="no-header-may"),
        pytest.param({"headers": {"Accept": {"matches": "text/.*"}}}, True, id="header-matches"),
        pytest.param({"headers": {"Accept": {"matches": "text"}}}, False, id="header-matches-whole"),
        pytest.param({"headers": {"Accept": {"doesNotMatch": "text/.*"}}}, False, id="header-does-not-match"),
        pytest.param({"headers": {"Accept": {"absent": False}}}, True, id="header-is-there"),
        pytest.param({"headers": {"Accept": {"absent": True}}}, False, id="header-is-not-absent"),
        pytest.param({"headers": {"Prefer": {"equalTo": "y"}}}, False, id="missing-header"),
        pytest.param({"headers": {"X-Auth": {"absent": True}}}, True, id="header-without-value"),
        pytest.param({"headers": {"Accept": {"contains": "xml", "matches": ".*json"}}}, True, id="both-matchers"),
        pytest.param({"headers": {"Authorization": {"contains": "Credential=John"}}}, True, id="who-signed"),
        pytest.param({"bodyPatterns": [{"contains": "IsActive"}, {"contains": "Remove"}]}, True, id="body-contains"),
        pytest.param({"bodyPatterns": [{"contains": "IsActive"}, {"contains": "x!"}]}, False, id="not-all-patterns"),
        pytest.param({"bodyPatterns": [{"matches": ".*emails/0.*"}]}, True, id="body-matches"),
        pytest.param({"bodyPatterns": [JSON]}, True, id="body-json-as-text"),
        pytest.param({"bodyPatterns": [{"equalToJson": OPERATIONS}]}, True, id="body-json"),
        pytest.param({"bodyPatterns": [{"equalToJson": OPERATIONS[:2]}]}, False, id="body-json-with-more"),
        pytest.param(
            {"bodyPatterns": [{"equalToJson": [{"op": "replace"}], "ignoreExtraElements": True}]}, True, id="json-extra"
        ),
        pytest.param(
            {"bodyPatterns": [{"equalToJson": OPERATIONS[::-1], "ignoreArrayOrder": True}]}, True, id="json-any-order"
        ),
        pytest.param({"client": "acme"}, True, id="client-without-world-or-case"),
        pytest.param({"client": "ACME~one"}, True, id="client-with-world"),
        pytest.param({"client": "ACME~two"}, False, id="client-with-other-world"),
        pytest.param({"alternateIdType": "crm", "alternateId": "c-1"}, True, id="alternate-id-without-case"),
        pytest.param({"alternateId": "C-2"}, False, id="other-alternate-id"),
        pytest.param({"user": "John.Doe"}, True, id="user"),
        pytest.param({"user": "john.doe"}, False, id="user-case-matters"),
        pytest.param({"user": None}, False, id="nobody"),
        pytest.param({"status": 200}, True, id="status"),
        pytest.param({"status": 400}, False, id="other-status"),
        pytest.param({"reason": "patch-applied"}, True, id="reason"),
        pytest.param({"fault": "flaky"}, True, id="fault-rule"),
        pytest.param({"fault": "flaky#3"}, True, id="fault-hit"),
        pytest.param({"fault": "flaky#4"}, False, id="other-fault-hit"),
        pytest.param({"fault": True}, True, id="any-fault"),
        pytest.param({"fault": False}, False, id="no-fault"),
        pytest.param({"op": "replace"}, True, id="op"),
        pytest.param({"op": "remove"}, True, id="op-as-the-api-reads-it"),
        pytest.param({"op": "add"}, True, id="op-left-out-is-add"),
        pytest.param({"op": "test"}, False, id="other-op"),
        pytest.param({"path": "/isactive"}, True, id="path-without-case"),
        pytest.param({"path": "/Emails"}, True, id="path-covers-what-is-below"),
        pytest.param({"path": "/CustomFields/*/Name"}, True, id="path-with-any-index"),
        pytest.param({"path": "/Emails/0/EmailAddress"}, False, id="path-below-is-not-it"),
        pytest.param({"op": "remove", "path": "/Emails"}, True, id="op-and-path-of-one-operation"),
        pytest.param({"op": "replace", "path": "/Emails"}, False, id="op-and-path-of-two-operations"),
        pytest.param({"changed": True}, True, id="changed"),
        pytest.param({"changed": False}, False, id="not-changed"),
    ],
)
def test_a_pattern_matches(pattern: dict[str, Any], matches: bool) -> None:
    """All fields must hold; ids, paths and operations compare as the API compares them."""
    assert find(pattern, [SENT]) == ([SENT] if matches else [])
    assert len(find(pattern, [SENT])) == int(matches)


XML = (("content-type", "text/xml"),)
READ = Story("patch-applied", None, [{"op": "add", "path": "/Groups/-"}])


@pytest.mark.parametrize(
    ("sent", "matches"),
    [
        pytest.param(exchange(body=b"[{'path': '/Groups/-'}] // ok"), True, id="json-as-the-vendor-reads-it"),
        pytest.param(exchange(body=b'{"op": "add"}'), False, id="no-array"),
        pytest.param(exchange(body=b"[{"), False, id="no-json"),
        pytest.param(exchange(body=b""), False, id="no-body"),
        pytest.param(exchange(body=b"null"), False, id="null"),
        pytest.param(exchange(body=b'[{"path": "/Groups"}]', headers=()), False, id="no-content-type"),
        pytest.param(exchange(body=b"<xml/>", headers=XML), False, id="xml-unread"),
        pytest.param(exchange(body=b"<xml/>", headers=XML, story=READ), True, id="xml-read"),
    ],
)
def test_operations_are_read_as_far_as_they_can_be(sent: Exchange, matches: bool) -> None:
    """The story of a refusal holds them, and so does that of XML; a JSON body is read again, and may hold none."""
    sent = sent if sent.story is READ else replace(sent, story=Story("patch-applied"))
    assert len(find({"op": "add", "path": "/Groups"}, [sent])) == int(matches)


@pytest.mark.parametrize(
    ("pattern", "says", "hint"),
    [
        pytest.param([], "not an object", "write one with", id="a-list"),
        pytest.param({"methd": "PATCH"}, "unknown field 'methd'", "did you mean method?", id="misspelt"),
        pytest.param({"zzzzz": 1}, "unknown field 'zzzzz'", "known are", id="unknown"),
        pytest.param({"url": "/", "urlPath": "/"}, "exclude each other", "only one", id="two-urls"),
        pytest.param({"urlPathTemplate": "/{x}"}, "not supported", "urlPathPattern", id="template"),
        pytest.param({"cookies": {}}, "not supported", "no cookies", id="cookies"),
        pytest.param({"method": 1}, "method: is not text", "quotes", id="method-number"),
        pytest.param({"status": "200"}, "status: is not a status", "200", id="status-text"),
        pytest.param({"status": True}, "status: is not a status", "200", id="status-boolean"),
        pytest.param({"changed": "yes"}, "changed: is not a boolean", "true or false", id="changed-text"),
        pytest.param({"reason": "patch-aplied"}, "unknown reason", "did you mean patch-applied?", id="reason"),
        pytest.param({"op": "xyz"}, "unknown op 'xyz'", "write one of add", id="op"),
        pytest.param({"op": "repalce"}, "unknown op 'repalce'", "did you mean replace?", id="op-misspelt"),
        pytest.param({"path": "/"}, "path: names no member", "/IsActive", id="path-of-nothing"),
        pytest.param({"path": 0}, "path: is not text", "quotes", id="path-number"),
        pytest.param({"fault": 3}, "fault: is no fault", "true", id="fault-number"),
        pytest.param({"headers": []}, "headers: is not an object", "Accept", id="headers-list"),
        pytest.param({"headers": {"X": "y"}}, "headers.X: is not an object", "equalTo", id="header-text"),
        pytest.param(
            {"headers": {"X-Auth": {"doesNotContain": "y"}}},
            "headers.X-Auth: the journal keeps",
            "absent",
            id="not-kept",
        ),
        pytest.param({"headers": {"X": {}}}, "headers.X: has no matcher", "equalTo", id="header-empty"),
        pytest.param({"headers": {"X": {"equals": "y"}}}, "unknown field", "did you mean equalTo?", id="matcher"),
        pytest.param({"headers": {"X": {"equalToJson": 1}}}, "unknown field", "equalTo", id="json-header"),
        pytest.param(
            {"headers": {"X": {"contains": "y", "caseInsensitive": True}}}, "nothing to act on", "equalTo", id="option"
        ),
        pytest.param({"bodyPatterns": {"contains": "x"}}, "bodyPatterns: is not a list", "list", id="body-object"),
        pytest.param({"bodyPatterns": [{"contains": 1}]}, "bodyPatterns[0].contains: is not", "", id="body-number"),
        pytest.param({"bodyPatterns": [{"matchesJsonPath": "$"}]}, "not supported", "op and path", id="json-path"),
        pytest.param({"bodyPatterns": [{"equalToXml": "<a/>"}]}, "not supported", "op and path", id="xml"),
        pytest.param({"bodyPatterns": [{"equalToJson": "{"}]}, "is not JSON", "the JSON itself", id="broken-json"),
        pytest.param({"urlPattern": "("}, "not a regular expression", "escape", id="regex"),
        pytest.param({"urlPattern": "a" * 501}, "too long", "500", id="long-regex"),
    ],
)
def test_a_pattern_that_means_nothing_is_refused_with_what_to_write(pattern: Any, says: str, hint: str) -> None:
    """A field that is ignored in silence would let a verification pass that should not."""
    with pytest.raises(UsageError) as caught:
        find(pattern, [])
    assert says in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("regex", "text", "fits"),
    [
        pytest.param(".*IsActive.*", '{"IsActive": true}', True, id="part-between"),
        pytest.param("IsActive", '{"IsActive": true}', False, id="the-whole-value-must-fit"),
        pytest.param("(/Profiles)?/ACME/.*", "/ACME/Profile", True, id="optional-group"),
        pytest.param("a|b.*", "ab", False, id="alternatives-must-fit-whole"),
        pytest.param(r"(\d{3}-){2}\d{4}", "555-010-1234", True, id="counted-group"),
        pytest.param(r"\Qa.b\E", "a.b", True, id="quoted-as-in-java"),
        pytest.param("(?i)crm", "CRM", True, id="letter-case"),
        pytest.param("a.b", "a\nb", False, id="a-point-is-no-line-end"),
        pytest.param("(?s)a.b", "a\nb", True, id="unless-told-so"),
        pytest.param("abc", "abc\n", False, id="a-last-line-end-counts"),
        pytest.param("(?P<x>a+)(?<y>b)", "aab", True, id="named-groups"),
        pytest.param("Zoë.", "Zoë€", True, id="one-point-one-character"),
        pytest.param(r"\p{L}+", "Zoë", True, id="any-letter"),
        pytest.param(r"\d", "٣", False, id="ascii-digits-as-in-java"),
        pytest.param("x.x", "x\ud800x", True, id="half-a-character"),
    ],
)
def test_a_regular_expression_fits_a_whole_value_as_in_java(regex: str, text: str, fits: bool) -> None:
    assert read_regex(regex, "")(text) is fits


@pytest.mark.parametrize(
    "regex",
    ["a*?a*?a*?a*?a*?b", "a*a*a*b", "(a*)*b", "(a|a)*b", "(a?)+b", "((a+)b)*b", "(a+){2,}b", "(a+){20}b", "(?:a+)*b"],
)
def test_no_regular_expression_takes_long(regex: str) -> None:
    """A backtracking engine takes minutes to longer than the universe on these."""
    fits = read_regex(regex, "")
    assert not fits("a" * 2000)
    assert fits("a" * 20 + "b") is (regex != "((a+)b)*b")
    engine = inspect.getclosurevars(fits).nonlocals["fullmatch"].__self__
    assert isinstance(engine, type(re2.compile("a")))


@pytest.mark.parametrize(
    ("regex", "says", "hint"),
    [
        pytest.param("(?=.*a).*b", "looks around", "doesNotMatch", id="look-ahead"),
        pytest.param("(?!.*a).*", "looks around", "doesNotMatch", id="negative-look-ahead"),
        pytest.param(".*(?<=a)", "looks around", "doesNotMatch", id="look-behind"),
        pytest.param(".*(?<!a)", "looks around", "doesNotMatch", id="negative-look-behind"),
        pytest.param(r"(a)\1", "refers back", "second time", id="back-reference"),
        pytest.param(r"(?<x>a)\k<x>", "refers back", "second time", id="named-back-reference"),
        pytest.param("a*+b", "never goes back", "leave", id="possessive"),
        pytest.param("a{2}+b", "never goes back", "leave", id="possessive-count"),
        pytest.param("(?>a*)b", "never goes back", "leave", id="atomic"),
        pytest.param("a{1001}", "1,000 times", "{1000}", id="repeated-too-often"),
        pytest.param("a{2,1}", "upside down", "smaller", id="counts-upside-down"),
        pytest.param(r"a\Z", "not a regular expression", "RE2", id="unknown-escape"),
        pytest.param("((((a{99}){99}){99}){99})", "1,000 times", "{1000}", id="repeated-too-often-in-all"),
    ],
)
def test_what_the_engine_does_not_have_is_refused_with_what_to_write(regex: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        read_regex(regex, "bodyPatterns[0].matches")
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("wanted", "actual", "options", "same"),
    [
        (1, True, {}, False),
        (True, True, {}, True),
        (None, None, {}, True),
        ({"a": 1}, {"a": 1, "b": 2}, {}, False),
        ({"a": 1}, {"a": 1, "b": 2}, {"extra": True}, True),
        ({"a": 1}, {"b": 1}, {"extra": True}, False),
        ([1, 2], [2, 1], {}, False),
        ([1, 2], [2, 1], {"any_order": True}, True),
        ([1, 1], [1, 2], {"any_order": True}, False),
        ([2], [1, 2], {"any_order": True, "extra": True}, True),
        ([1], {"0": 1}, {}, False),
        ({}, [], {}, False),
    ],
)
def test_json_compares_as_json(wanted: Any, actual: Any, options: dict[str, Any], same: bool) -> None:
    """True is not 1, and only the options loosen anything."""
    assert same_json(wanted, actual, **options) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_loosened_comparison_accepts_all_that_the_strict_one_does(one: Any, other: Any) -> None:
    """A value equals itself, and an option only ever accepts more."""
    assert same_json(one, one, any_order=True)
    if same_json(one, other):
        assert orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
        assert same_json(one, other, any_order=True, extra=True)
