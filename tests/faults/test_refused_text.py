"""A fault that can't be meant is refused, with the nearest one that can."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import UsageError
from mockserver.faults.fields import APPLIED_OPS, FIELDS
from mockserver.faults.rules import Fault, Match
from mockserver.faults.text import Known, from_json, from_text, to_json, to_text
from tests.faults.known_names import KNOWN, NOTHING_KNOWN

REFUSED_TEXTS = [
    ("200", '"500"'),
    ("404x", '"404"'),
    ("5xx", '"500"'),
    ("restt", '"reset"'),
    ("RESET", '"reset"'),
    ("500 later", '"after-commit"'),
    ("500 after", '"after-commit"'),
    ("500 when=after", '"after-commit"'),
    ("500 when=later", '"after-commit"'),
    ("status=503", '"503"'),
    ("connection=rst", '"reset"'),
    ("500 probability=0.3", '"p=0.3"'),
    ("500 prob=1.7", '"p=0.17"'),
    ("500 frist=2", '"first=2"'),
    ("500 p=1.7", '"p=0.17"? a probability lies between 0 and 1'),
    ("500 p=30%", '"p=0.3"'),
    ("500 p=100%", '"p=1"'),
    ("500 p=10", '"p=1"'),
    ("500 p=-0.3", '"p=0.3"'),
    ("500 p=0", "left out"),
    ("500 p=nan", '"p=0.1"'),
    ("500 p=1e999", '"p=0.1"'),
    ("500 every=0", '"every=1"'),
    ("500 first=-2", '"first=2"'),
    ("500 first=two", '"first=1"'),
    ("500 times=0", '"times=1"'),
    ("500 at=0", '"at=1"'),
    ("500 at=4,1,4", '"at=1,4"'),
    ("500 at=", '"at=1"'),
    ("500 after=-1", '"after=1"'),
    ("delay=-5", '"delay=5"'),
    ("delay=0", '"delay=200"'),
    ("delay=nan", '"delay=200"'),
    ("delay=200-800", '"delay=200..800"'),
    ("delay=800..200", '"delay=200..800"'),
    ("delay=99999999", '"delay=600000"'),
    ("delay=lognormal(300)", '"delay=lognormal(300,0.5)"'),
    ("delay=lognormal(-300,5)", '"delay=lognormal(300,5)"'),
    ("delay=lognormal(300,50)", '"delay=lognormal(300,0.5)"'),
    ("delay=-1..0", '"delay=0..1"'),
    ("delay=3..2..1", '"delay=2..3"'),
    ("delay=lognormal(300,-2)", '"delay=lognormal(300,2)"'),
    ("sequence=200,500", '"sequence=ok,500"'),
    ("sequence=ok,ok", '"sequence=500,ok"'),
    ("sequence=", '"sequence=500"'),
    ("sequence=500,rest", '"sequence=500,reset"'),
    ("500 sequence=503,ok", '"sequence=500,503,ok"'),
    ("sequence=500,500 first=1", '"first=2"'),
    ("sequence=500,ok,500 times=1", '"times=2"'),
    ("sequence=500,500 every=2", "leave it out"),
    ("sequence=500,500 at=1", 'write "ok"'),
    ("500 at=1,4 first=3", '"first=4"'),
    ("500 at=1,4 every=2", "leave it out"),
    ("500 at=1,4 times=1", '"times=2"'),
    ("500 first=2 every=5", '"first=5"'),
    ("500 reset", '"truncate"'),
    ("500 503", 'write a sequence, as "sequence=500,reset"'),
    ("500 p=0.1 p=0.2", "keep one"),
    ("", '"500"'),
    ("first=2", '"500"'),
    ("reset message=hello", "add its status"),
    ("500 message=", "leave it out"),
    ("500 message='open", "close every quote"),
    ("500 expires=0", '"expires=30"'),
    ("500 expires=5d", '"expires=5"'),
    ("500 rule=a/b", '"rule=a-b"'),
    ("500 client=ACME1", '"client=ACME01"'),
    ("500 client=ACME01~ci", '"client=ACME01"'),
    ("500 client=", "leave it out"),
    ("500 user=Importer", '"user=importer"'),
    ("500 user=reader client=acme01", "admin, importer"),
    ("500 operation=patchprofil", '"operation=patchProfile"'),
    ("500 operation=readtags op=add", "leave it out"),
    ("500 operation=readTags path=/Emails", "leave it out"),
    ("500 operation=patchProfile type=CRM", "leave it out"),
    ("500 operation=patchProfile id=C-1", "leave it out"),
    ("500 rule=prefer", '"rule=prefer-rule"'),
    ("500 rule=plan", '"rule=plan-rule"'),
    ("500 op=mov", '"op=move"'),
    ("500 op=move after-commit", "before the commit"),
    ("500 path=Emails", '"path=/Emails"'),
    ("500 path=/Emails/", '"path=/Emails"'),
    ("500 path=/Email", '"path=/Emails"'),
    ("500 path=$.Emails[0].EmailAddress", '"path=/Emails/0/EmailAddress"'),
    ("500 path=$.Emails[0].EmailAddres", '"path=/Emails/*/EmailAddress"'),
    ("500 path=/Emails/first", '"path=/Emails/*"'),
    ("500 path=/IsActive/0", '"path=/IsActive"'),
    ("500 path=/", '"path=/Emails"'),
    ("xyzzy", "reset, empty, truncate"),
    ("colour=blue", "delay="),
    ("500 id=\ud800", "UTF-8"),
]


@pytest.mark.parametrize(("text", "hint"), REFUSED_TEXTS)
def test_a_text_is_refused_with_the_nearest_valid_one(text: str, hint: str) -> None:
    """The hint can be pasted; the place shows the whole text."""
    with pytest.raises(UsageError) as refused:
        from_text(text, known=KNOWN, place="--fault")
    assert hint in refused.value.hint
    assert refused.value.place.startswith("--fault ")


@pytest.mark.parametrize("text", [text for text, hint in REFUSED_TEXTS if hint.startswith('"')])
def test_a_suggested_word_is_a_valid_one(text: str) -> None:
    """It makes a rule by itself, or beside a status."""
    with pytest.raises(UsageError) as refused:
        from_text(text, known=KNOWN)
    suggestion = re.search(r'did you mean "([^"]*)"\?', refused.value.hint)
    assert suggestion
    is_effect = re.match(r"\d|sequence=|delay=|[a-z]+$", suggestion[1])
    assert from_text(suggestion[1] if is_effect else f"500 {suggestion[1]}", known=KNOWN)


@pytest.mark.parametrize(
    ("document", "place", "hint"),
    [
        pytest.param([], "fault", '"effect": {"status": 500}', id="no object"),
        pytest.param("500", "fault", '"effect": {"status": 500}', id="text"),
        pytest.param({"effect": 500}, "fault.effect", "status, connection", id="section is no object"),
        pytest.param({"efect": {}}, "fault", '"effect"', id="misspelt section"),
        pytest.param({"status": 500}, "fault", '"status" in "effect"', id="key outside its section"),
        pytest.param({"effect": {"first": 1}}, "fault.effect", '"first" in "schedule"', id="key in another section"),
        pytest.param({"effect": {"expires_in_s": 1}}, "fault.effect", "beside them", id="key belongs to the top"),
        pytest.param({"effect": {"delay": 1}}, "fault.effect", '"delay_ms"', id="the text's word"),
        pytest.param({"schedule": {"p": 1}}, "fault.schedule", '"probability"', id="the text's short word"),
        pytest.param({"match": {"alternateId": "C"}}, "fault.match", '"alternate_id"', id="camel case"),
        pytest.param({"match": {"zzz": "C"}}, "fault.match", "client, user", id="unknown key"),
        pytest.param({5: 3}, "fault", "match, effect, schedule", id="key is no text"),
        pytest.param({"effect": {"status": "500"}}, "fault.effect.status", '"status": 500', id="status as text"),
        pytest.param({"effect": {"status": 500.0}}, "fault.effect.status", '"status": 500', id="status as float"),
        pytest.param({"effect": {"status": True}}, "fault.effect.status", '"status": 500', id="status as boolean"),
        pytest.param({"effect": {"status": 500, "when": "later"}}, "fault.effect.when", '"when": "after"', id="when"),
        pytest.param({"effect": {"connection": "rst"}}, "fault.effect.connection", '"reset"', id="connection"),
        pytest.param({"effect": {"delay_ms": -5}}, "fault.effect.delay_ms", '"delay_ms": 5', id="negative delay"),
        pytest.param({"effect": {"delay_ms": True}}, "fault.effect.delay_ms", '"delay_ms": 200', id="boolean delay"),
        pytest.param({"effect": {"delay_ms": 10**400}}, "fault.effect.delay_ms", "600000", id="enormous delay"),
        pytest.param(
            {"effect": {"delay_ms": [200, 800]}}, "fault.effect.delay_ms", '{"uniform": [200, 800]}', id="pair"
        ),
        pytest.param(
            {"effect": {"delay_ms": {"uniform": {"lower": 200, "upper": 800}}}},
            "fault.effect.delay_ms",
            '{"uniform": [200, 800]}',
            id="bounds by name",
        ),
        pytest.param(
            {"effect": {"delay_ms": {"lognormal": {"median": 90, "sigma": 0.1, "max": 200}}}},
            "fault.effect.delay_ms",
            '{"lognormal": {"median": 90, "sigma": 0.1}}',
            id="unknown key in a delay",
        ),
        pytest.param({"effect": {"message": 5, "status": 500}}, "fault.effect.message", '"message": "5"', id="message"),
        pytest.param({"match": {"user": "\ud800"}}, "fault.match.user", "UTF-8", id="half a character"),
        pytest.param({"effect": {"status": 500}, "schedule": {"at": 3}}, "fault.schedule.at", '"at": [3]', id="at"),
        pytest.param(
            {"effect": {"status": 500}, "schedule": {"first": 2.0}}, "fault.schedule.first", ": 2", id="float"
        ),
        pytest.param({"schedule": {"sequence": 500}}, "fault.schedule.sequence", "[500]", id="sequence is no list"),
        pytest.param({"schedule": {"sequence": [{}]}}, "fault.schedule.sequence", "[500]", id="step is an object"),
        pytest.param({"id": "", "effect": {"status": 500}}, "fault.id", '"id": "my-rule"', id="empty id"),
        pytest.param({"effect": {}}, "fault.effect.status", '"status": 500', id="no effect"),
        pytest.param(
            {"effect": {"status": 500}, "match": {"client": "ACME"}}, "fault.match.client", '"ACME01"', id="client"
        ),
    ],
)
def test_json_is_refused_with_the_nearest_valid_json(document: object, place: str, hint: str) -> None:
    """The place is the key's, the hint is spelled as JSON."""
    with pytest.raises(UsageError) as refused:
        from_json(document, known=KNOWN)
    assert refused.value.place == place
    assert hint in refused.value.hint


def outcome(read: Callable[[], Fault]) -> Fault | UsageError:
    try:
        return read()
    except UsageError as refusal:
        return refusal


pieces = st.sampled_from(["500", "reset", "p=", "first=", "at=", "1", ",", " ", "'", "."])


@given(st.text() | st.lists(pieces).map("".join))
def test_any_text_is_read_or_refused_with_a_hint(text: str) -> None:
    """Never anything else, and the refusal can be printed."""
    result = outcome(lambda: from_text(text, known=KNOWN))
    if isinstance(result, Fault):
        assert from_text(to_text(result), known=KNOWN) == result
    else:
        assert result.hint
        assert str(result).encode()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(FIELDS)), anything)
def test_any_json_value_is_read_or_refused_with_a_hint(name: str, value: object) -> None:
    """In every field; what is read can be written and read again."""
    document: dict[str, Any] = {"effect": {"status": 500}}
    section = FIELDS[name].section
    (document.setdefault(section, {}) if section else document)[name] = value
    result = outcome(lambda: from_json(document, known=KNOWN))
    if isinstance(result, Fault):
        assert from_json(to_json(result), known=KNOWN) == result
    else:
        assert result.hint
        assert str(result).encode()


@given(anything)
def test_any_document_is_read_or_refused_with_a_hint(document: object) -> None:
    """Whatever arrives as a body."""
    with pytest.raises(UsageError) as refused:
        from_json(document, known=KNOWN)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/emails/*/EMAILADDRESS", True),
        ("/Emails/-", True),
        ("/Emails/17", True),
        ("/*/0", True),
        ("/*", True),
        ("/CustomerName", True),
        ("/CustomerName/*", True),
        ("/CustomerName/0", False),
        ("/CustomerType/*", False),
        ("/Emails/0/0", False),
        ("/Emails/x", False),
    ],
)
def test_a_path_exists_if_it_can_cover_a_member(path: str, expected: bool) -> None:
    """A position is a number, "-" or a wildcard; a wildcard stands for a member as well."""
    assert KNOWN.path_exists(path) is expected


def test_what_is_not_known_is_not_checked() -> None:
    """A rule may be read before fixtures and contract are."""
    text = "500 client=NOBODY user=nobody path=/Nothing"
    assert from_text(text, known=NOTHING_KNOWN).match == Match(client="NOBODY", user="nobody", path="/Nothing")


def test_where_move_is_applied_it_can_fail_afterwards() -> None:
    """The library applies it, so its dialect allows the rule."""
    known = Known(applied_ops=(*APPLIED_OPS, "move", "copy"))
    assert from_text("500 op=move after-commit", known=known).match.op == "move"


def test_no_client_is_known() -> None:
    """Then there is none to suggest."""
    with pytest.raises(UsageError, match="doesn't exist") as refused:
        from_text("500 client=ACME01", known=Known(clients=()))
    assert refused.value.hint == "none is known"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("500 p=1.7", '"p=1.7" is no probability'),
        ("500 op=move after-commit", '"op=move" is never applied'),
        ("first=2", "the fault does nothing"),
        ("500 frist=2", "the word 'frist=2' is unknown"),
    ],
)
def test_a_refusal_says_what_is_wrong(text: str, problem: str) -> None:
    """The problem quotes the word as it was written."""
    with pytest.raises(UsageError) as refused:
        from_text(text, known=KNOWN)
    assert refused.value.problem == problem


@pytest.mark.parametrize(
    ("count", "hint"), [(5, "known are: C0, C1, C2, C3, C4"), (6, "known are: C0, C1, C2, C3, C4, …")]
)
def test_a_few_of_the_known_names_are_listed(count: int, hint: str) -> None:
    """The first five in order; more are hinted at."""
    with pytest.raises(UsageError) as refused:
        from_text("500 client=ACME01", known=Known(clients={f"C{number}" for number in range(count)}))
    assert refused.value.hint == f'did you mean "client=C1"? {hint}'


def test_a_long_refusal_is_shortened() -> None:
    """The problem shows the beginning of an endless value."""
    with pytest.raises(UsageError) as refused:
        from_text(f"500 first={'x' * 10_000}", known=KNOWN)
    assert len(str(refused.value)) < 500
