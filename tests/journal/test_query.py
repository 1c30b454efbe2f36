"""Verification of a journal: counts, sequences, events, and what came nearest when it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mockserver.errors import BadRequest, Unauthorized, UsageError
from mockserver.journal.log import Exchange
from mockserver.journal.query import Verdict, find, verify
from mockserver.journal.view import operations
from mockserver.profile.clr_text import UNDEFINED
from mockserver.story.story import Story
from tests.journal.exchanges import NOW, TARGET, TREE, exchange, patch, refusal

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
        replace(step, id=name, at=NOW + timedelta(seconds=second))
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


@given(wanted, st.permutations(story()))
def test_what_is_found_is_what_is_verified(pattern: dict[str, Any], sent: list[Exchange]) -> None:
    """find and verify agree; a narrower pattern finds less; a miss is never a match."""
    found = find(pattern, sent)
    assert judged({"count": {"request": pattern, "exactly": len(found)}}, sent).passed
    failed = judged({"count": {"request": pattern, "atLeast": len(found) + 1}}, sent)
    assert not failed.passed
    assert not {one.id for one in found} & {miss.exchange.id for miss in failed.misses}
    assert all(0 < miss.distance <= 1 for miss in failed.misses)
    for name in pattern:
        wider = {field: value for field, value in pattern.items() if field != name}
        assert {one.id for one in found} <= {one.id for one in find(wider, sent)}


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


def test_an_undefined_value_is_called_so_in_the_journal() -> None:
    """Not by where it lies in memory."""
    sent = exchange(story=Story("operation-member-not-text", None, [{"op": UNDEFINED, "path": "/Groups"}]))
    assert operations(sent) == [("undefined", "/Groups")]
