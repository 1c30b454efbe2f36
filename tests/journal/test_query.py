"""Questions to the journal: patterns, verification, and what came nearest when it fails."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import Any

import orjson
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.errors import BadRequest, Unauthorized, UsageError
from mockserver.formats.newtonsoft import UNDEFINED
from mockserver.journal.log import Exchange
from mockserver.journal.matchers import read_regex, same_json
from mockserver.journal.query import Verdict, count, find, verify
from mockserver.journal.view import operations
from mockserver.story.story import Story
from tests.journal.test_log import NOW, TARGET, TREE, exchange, patch, refusal

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
        pytest.param({"headers": {"X": {"equalTo": "y"}}}, False, id="missing-header"),
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
    assert count(pattern, [SENT]) == int(matches)


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
    sent = sent if sent.story is READ else sent._replace(story=Story("patch-applied"))
    assert count({"op": "add", "path": "/Groups"}, [sent]) == int(matches)


def test_an_undefined_value_is_called_so_in_the_journal() -> None:
    """Not by where it lies in memory."""
    sent = exchange(story=Story("operation-member-not-text", None, [{"op": UNDEFINED, "path": "/Groups"}]))
    assert operations(sent) == [("undefined", "/Groups")]


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
def test_json_compares_as_json(wanted: Any, actual: Any, options: dict[str, bool], same: bool) -> None:
    """True is not 1, and only the options loosen anything."""
    assert same_json(wanted, actual, **options) is same


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_values, json_values)
def test_loosened_comparison_accepts_all_that_the_strict_one_does(one: Any, other: Any) -> None:
    """A value equals itself, and an option only ever accepts more."""
    assert same_json(one, one, any_order=True)
    if same_json(one, other):
        assert orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
        assert same_json(one, other, any_order=True, extra=True)


# -- verification ----------------------------------------------------------------------------------------------------

DEACTIVATE = [{"op": "replace", "path": "/IsActive", "value": False}]
ACTIVATE = [{"op": "replace", "path": "/IsActive", "value": True}]
RETYPE = [{"op": "add", "path": "/CustomerType", "value": "VIP"}]


def story() -> list[Exchange]:
    """Return what one test's application did: a failed login, a refusal, then three patches."""
    no_login = Unauthorized("no", rule="auth-header-missing")
    no_member = BadRequest("no", rule="path-member-unknown", operation=0, path="/IsActiv")
    steps = [
        refusal(no_login, DEACTIVATE, user=None),
        refusal(no_member, [{"op": "replace", "path": "/IsActiv", "value": False}]),
        patch(DEACTIVATE, {"IsActive": False}),
        patch(RETYPE, {"CustomerType": "VIP"}, key=("ACME", "Loyalty", "42")),
        patch(RETYPE, None),
    ]
    names = ("login", "typo", "off", "vip", "noop")
    return [
        step._replace(id=name, at=NOW + timedelta(seconds=second))
        for second, (name, step) in enumerate(zip(names, steps, strict=True))
    ]


def judged(spec: Any, exchanges: list[Exchange] | None = None, **more: Any) -> Verdict:
    verdict = verify(spec, story() if exchanges is None else exchanges, TREE, **more)
    assert orjson.loads(orjson.dumps(verdict.json()))["message"] == verdict.text()
    return verdict


@pytest.mark.parametrize(
    ("spec", "passes"),
    [
        pytest.param({"count": {"request": {"op": "add"}, "exactly": 2}}, True, id="exactly"),
        pytest.param({"count": {"request": {"op": "add"}, "exactly": 1}}, False, id="more-than-exactly"),
        pytest.param({"count": {"request": {"op": "add"}, "exactly": 3}}, False, id="less-than-exactly"),
        pytest.param({"count": {"request": {"op": "add"}}}, True, id="once-or-more"),
        pytest.param({"count": {"request": {"op": "test"}}}, False, id="never"),
        pytest.param({"count": {"request": {"op": "test"}, "exactly": 0}}, True, id="never-as-expected"),
        pytest.param({"count": {"request": {"op": "add"}, "atLeast": 3}}, False, id="at-least"),
        pytest.param({"count": {"request": {"op": "add"}, "atMost": 1}}, False, id="at-most"),
        pytest.param({"count": {"request": {"op": "test"}, "atMost": 1}}, True, id="at-most-holds-for-none"),
        pytest.param({"count": {"request": {"op": "add"}, "atLeast": 1, "atMost": 2}}, True, id="between"),
        pytest.param({"op": "add", "expectedCount": 2}, True, id="bare-pattern"),
        pytest.param({"op": "add", "expectedCount": 1}, False, id="bare-pattern-fails"),
        pytest.param({"method": "PATCH"}, True, id="bare-pattern-once-or-more"),
        pytest.param({}, True, id="anything"),
        pytest.param({"sequence": [{"status": 401}, {"op": "replace"}, {"op": "add"}]}, True, id="in-order"),
        pytest.param({"sequence": [{"op": "add"}, {"op": "add"}]}, True, id="the-same-twice"),
        pytest.param({"sequence": [{"op": "add"}, {"op": "replace"}]}, False, id="wrong-order"),
        pytest.param({"sequence": [{"changed": True}] * 3}, False, id="one-too-many"),
        pytest.param({"sequence": [{"status": 400}, {"op": "replace"}], "strict": True}, True, id="strict"),
        pytest.param({"sequence": [{"status": 401}, {"op": "add"}], "strict": True}, False, id="strict-with-others"),
        pytest.param({"sequence": [{"op": "replace"}, {"op": "add"}], "strict": True}, True, id="strict-later-start"),
        pytest.param({"sequence": [{"op": "replace"}, {"op": "add"}], "strict": False}, True, id="not-strict"),
        pytest.param({"event": {"profile": "CRM/C-1", "path": "/IsActive", "became": False}}, True, id="event"),
        pytest.param(
            {"event": {"profile": "CRM/C-1", "path": "/IsActive", "became": False}, "exactly": 1}, True, id="event-once"
        ),
        pytest.param({"event": {"path": "/IsActive", "became": True}}, False, id="event-other-value"),
        pytest.param({"event": {"path": "/IsActive"}, "exactly": 1}, True, id="event-any-value"),
        pytest.param({"event": {"path": "/IsActive", "from": True, "became": False}}, True, id="event-from"),
        pytest.param({"event": {"path": "/IsActive", "from": False}}, False, id="event-from-other"),
        pytest.param({"event": {"profile": "crm/c-1", "path": "/isactive", "became": False}}, True, id="event-case"),
        pytest.param({"event": {"profile": "CRM/C-1", "path": "/CustomerType", "became": "VIP"}}, True, id="other-id"),
        pytest.param({"event": {"profile": "Loyalty/42", "path": "/IsActive"}}, True, id="event-by-other-id"),
        pytest.param({"event": {"profile": "CRM/C-2", "path": "/IsActive"}}, False, id="event-of-other-profile"),
        pytest.param(
            {"event": {"profile": {"client": "acme", "type": "CRM", "id": "C-1"}, "path": "/IsActive"}},
            True,
            id="parts",
        ),
        pytest.param(
            {"event": {"profile": {"client": "OTHER", "type": "CRM", "id": "C-1"}, "path": "/IsActive"}},
            False,
            id="other-client",
        ),
        pytest.param({"event": {"path": "/PreservePreferences", "became": None}}, False, id="no-change-is-no-event"),
    ],
)
def test_a_verification_passes_or_fails(spec: dict[str, Any], passes: bool) -> None:
    """Counts, sequences and events of the little story above."""
    assert judged(spec).passed is passes


@pytest.mark.parametrize(
    ("before", "after", "event", "times"),
    [
        pytest.param([True, False], [False, False], {"path": "/Emails/0/IsActive", "became": False}, 1, id="index"),
        pytest.param([True, False], [False, False], {"path": "/Emails/1/IsActive"}, 0, id="other-index"),
        pytest.param([True, True], [True, False], {"path": "/Emails/*/IsActive", "became": False}, 1, id="any-index"),
        pytest.param([True], [True, False], {"path": "/Emails/*/IsActive", "became": False}, 1, id="a-new-element"),
        pytest.param([True], [], {"path": "/Emails/0/IsActive", "from": True, "became": None}, 1, id="a-lost-element"),
        pytest.param([True], [], {"path": "/Emails", "became": []}, 1, id="the-list"),
        pytest.param([True], [True], {"path": "/Emails"}, 0, id="the-same"),
    ],
)
def test_an_event_is_read_from_the_profile_before_and_after(
    before: list[bool], after: list[bool], event: dict[str, Any], times: int
) -> None:
    """Elements are compared by position, and what is not there is null."""

    def profile(states: list[bool]) -> bytes:
        emails = [{"EmailAddress": "a@b", "IsActive": state} for state in states]
        return orjson.dumps({"AlternateIds": [{"AlternateIdType": "CRM", "AlternateId": "C-1"}], "Emails": emails})

    sent = exchange(before=profile(before), after=profile(after))
    assert judged({"event": event, "exactly": times}, [sent]).passed


@pytest.mark.parametrize(
    ("spec", "says", "hint"),
    [
        pytest.param({"count": {}, "event": {}}, "exclude each other", "after the other", id="two-kinds"),
        pytest.param({"count": 3}, "count: is not an object", "request", id="count-number"),
        pytest.param({"count": {"exactly": 3}}, "count.request: is not an object", "method", id="count-of-nothing"),
        pytest.param({"count": {"request": {}, "exact": 3}}, "unknown field 'exact'", "exactly", id="misspelt-number"),
        pytest.param({"count": {"request": {"sattus": 3}}}, "count.request: unknown", "status", id="misspelt-field"),
        pytest.param({"count": {"request": {}, "exactly": -1}}, "count.exactly: is not a count", "0", id="negative"),
        pytest.param({"count": {"request": {}, "exactly": True}}, "count.exactly: is not a count", "0", id="boolean"),
        pytest.param({"count": {"request": {}, "exactly": 1, "atMost": 2}}, "no other number", "atLeast", id="both"),
        pytest.param({"count": {"request": {}, "atLeast": 3, "atMost": 2}}, "more than atMost", "swap", id="crossed"),
        pytest.param({"expectedCout": 2}, "unknown field", "did you mean expectedCount?", id="bare-misspelt"),
        pytest.param({"cookies": {}, "expectedCount": 2}, "cookies is not supported", "no cookies", id="bare-refused"),
        pytest.param({"sequence": {}}, "not a list of patterns", "[{", id="sequence-object"),
        pytest.param({"sequence": []}, "not a list of patterns", "[{", id="sequence-of-nothing"),
        pytest.param({"sequence": [{}, {"ob": 1}]}, "sequence[1]: unknown field 'ob'", "op", id="sequence-step"),
        pytest.param({"sequence": [{}], "strict": 1}, "strict: is not a boolean", "true", id="strict"),
        pytest.param({"sequence": [{}], "exactly": 1}, "unknown field 'exactly'", "sequence", id="sequence-number"),
        pytest.param({"event": {}}, "event: has no path", "/IsActive", id="event-of-nothing"),
        pytest.param({"event": {"path": "/IsActiv"}}, "has no '/IsActiv'", "/IsActive?", id="event-misspelt"),
        pytest.param({"event": {"path": "/Emails/IsActive"}}, "has no", "/Emails/*/IsActive", id="event-no-index"),
        pytest.param({"event": {"path": ""}}, "the profile has no ''", "", id="event-whole-profile"),
        pytest.param({"event": {"path": "/IsActive", "became": "false"}}, "event.became", "true or false", id="type"),
        pytest.param({"event": {"path": "/ProfileId", "became": True}}, "event.became", "whole number", id="number"),
        pytest.param({"event": {"path": "/IsActive", "become": 1}}, "unknown field", "became", id="event-field"),
        pytest.param({"event": {"path": "/IsActive", "profile": "C-1"}}, "names no profile", "CRM/C-1", id="no-type"),
        pytest.param({"event": {"path": "/IsActive", "profile": "A/B/C"}}, "names no profile", '"id"', id="slashes"),
        pytest.param({"event": {"path": "/IsActive", "profile": {"id": "C"}}}, "has no type", "CRM", id="half-a-key"),
        pytest.param({"event": {"path": "/IsActive", "profile": 3}}, "not an object", "client", id="profile-number"),
    ],
)
def test_a_verification_that_means_nothing_is_refused_with_what_to_write(spec: Any, says: str, hint: str) -> None:
    """A typing error must not become 'it never happened, as expected'."""
    with pytest.raises(UsageError) as caught:
        verify(spec, story(), TREE)
    assert says in str(caught.value)
    assert hint in caught.value.hint


def test_a_failed_count_says_what_there_was_and_what_came_nearest() -> None:
    """The reader sees at once which field was not as wanted."""
    spec = {"count": {"request": {"path": "/IsActive", "op": "replace", "status": 401, "user": "John.Doe"}}}
    verdict = judged(spec)
    assert (verdict.expected, verdict.actual) == ("at least 1 matching request", "there were none")
    assert [miss.exchange.id for miss in verdict.misses] == ["typo", "login", "off"]
    typo, login, off = verdict.json()["nearMisses"]
    assert [one["field"] for one in typo["mock"]["differences"]] == ["status", "operation"]
    assert login["mock"]["differences"] == [{"field": "user", "expected": "John.Doe", "actual": None}]
    assert off["mock"]["differences"] == [{"field": "status", "expected": 401, "actual": 200}]
    assert login["requestPattern"] == spec["count"]["request"]
    assert (login["request"]["id"], login["request"]["method"]) == ("login", "PATCH")
    assert 0 < typo["matchResult"]["distance"] < login["matchResult"]["distance"] < 0.5
    assert verdict.text().splitlines()[:8] == [
        "Expected at least 1 matching request, but there were none.",
        'Wanted: {"path":"/IsActive","op":"replace","status":401,"user":"John.Doe"}',
        "Nearest misses:",
        f"  typo PATCH {TARGET} -> 400 (path-member-unknown)",
        "    status: expected 401, was 400",
        '    operation: expected {"op":"replace","path":"/IsActive"}, was [["replace","/IsActiv"]]',
        f"  login PATCH {TARGET} -> 401 (auth-header-missing)",
        '    user: expected "John.Doe", was null',
    ]


def test_a_count_that_is_too_high_lists_what_matched() -> None:
    """Near misses are no help when there were too many."""
    verdict = judged({"op": "add", "expectedCount": 1})
    assert (verdict.actual, [one.id for one in verdict.found], list(verdict.misses)) == (
        "there were 2",
        ["vip", "noop"],
        [],
    )
    assert "Matching:" in verdict.text()


def test_the_nearest_by_letters_comes_first() -> None:
    """One misspelt letter is nearer than another resource, and retries of one request count as one miss."""
    sent = [exchange(id=f"{n}", target="/other/thing") for n in range(5)]
    sent += [exchange(id="near", target=TARGET.replace("C-1", "C-7"))]
    misses = judged({"urlPath": TARGET}, sent).misses
    assert [miss.exchange.id for miss in misses] == ["near", "4"]
    assert misses[0].distance < 0.1 < misses[1].distance <= 1


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
def test_a_broken_sequence_names_the_step_and_what_came_instead(strict: bool) -> None:
    """What did come is listed, and a step that came too early is pointed out."""
    verdict = judged({"sequence": [{"path": "/CustomerType"}, {"path": "/IsActive"}], "strict": strict})
    assert verdict.actual == "step 2 did not follow"
    assert [one.id for one in verdict.found] == ["vip"]
    assert [miss.exchange.id for miss in verdict.misses] == ["noop"]
    assert verdict.wanted == {"path": "/IsActive"}
    assert list(verdict.notes) == [f"It came earlier: off PATCH {TARGET} -> 200 (patch-applied)"]


def test_a_missed_event_shows_what_the_member_became_instead() -> None:
    """The change at that path, or none, is the difference."""
    verdict = judged({"event": {"profile": "CRM/C-1", "path": "/IsActive", "became": True}})
    [nearest, *_] = verdict.misses
    assert nearest.exchange.id == "off"
    assert nearest.differences == (
        ("change", {"path": "/IsActive", "became": True}, [{"path": "/IsActive", "from": True, "became": False}]),
    )


def test_an_incomplete_journal_is_said_to_be_one() -> None:
    """A count of what is left must not pass for a count of what was."""
    assert judged({"op": "add", "expectedCount": 2}, dropped=7).notes == [
        "The journal has dropped 7 older exchanges, which can't be counted."
    ]
    assert judged({"op": "add"}, []).notes == ["The journal is empty."]


def test_a_pass_says_so() -> None:
    """The same members whether it passed or not."""
    verdict = judged({"op": "add", "expectedCount": 2})
    assert verdict.text() == "As expected: exactly 2 matching requests; there were 2."
    assert verdict.json() == {
        "passed": True,
        "expected": "exactly 2 matching requests",
        "actual": "there were 2",
        "matching": ["vip", "noop"],
        "nearMisses": [],
        "notes": [],
        "message": verdict.text(),
    }


wanted = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "replace", "remove"]),
        "status": st.sampled_from([200, 400, 401]),
        "changed": st.booleans(),
        "path": st.sampled_from(["/IsActive", "/CustomerType", "/Emails"]),
    },
)


@settings(deadline=None)
@given(wanted, st.permutations(story()))
def test_what_is_found_is_what_is_counted_and_verified(pattern: dict[str, Any], sent: list[Exchange]) -> None:
    """find, count and verify agree; a narrower pattern finds less; a miss is never a match."""
    found = find(pattern, sent)
    assert count(pattern, sent) == len(found)
    assert judged({"count": {"request": pattern, "exactly": len(found)}}, sent).passed
    failed = judged({"count": {"request": pattern, "atLeast": len(found) + 1}}, sent)
    assert not failed.passed
    assert not {one.id for one in found} & {miss.exchange.id for miss in failed.misses}
    assert all(0 < miss.distance <= 1 for miss in failed.misses)
    for name in pattern:
        wider = {field: value for field, value in pattern.items() if field != name}
        assert {one.id for one in found} <= {one.id for one in find(wider, sent)}


@settings(deadline=None)
@given(st.lists(wanted, min_size=1, max_size=3), st.permutations(story()))
def test_a_strict_sequence_is_a_sequence(steps: list[dict[str, Any]], sent: list[Exchange]) -> None:
    """What passes strictly passes; each request that carried a sequence meets its step, in order of arrival."""
    loose, strict = judged({"sequence": steps}, sent), judged({"sequence": steps, "strict": True}, sent)
    assert loose.passed or not strict.passed
    order = [one.id for one in sent]
    for verdict in (loose, strict):
        places = [order.index(one.id) for one in verdict.found]
        assert places == sorted(set(places))
        assert all(find(step, [one]) for step, one in zip(steps, verdict.found, strict=False))
    if strict.found:
        places = [order.index(one.id) for one in strict.found]
        assert places == list(range(places[0], places[0] + len(places)))
