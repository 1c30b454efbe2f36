"""Planned failures: which requests a rule matches, what it does to them, and which rule decides."""

from __future__ import annotations

import pytest

from mockserver.faults.rules import (
    DEFAULT_MESSAGES,
    LONGEST_DELAY_MS,
    MAGIC_IDS,
    Connection,
    Counter,
    Effect,
    Facts,
    Fault,
    Hit,
    Match,
    Schedule,
    Step,
    When,
    decision,
    due,
    expired,
    magic_fault,
    matching,
    needs_operations,
    plan,
    strike,
)
from mockserver.faults.text import Known, from_text, to_text
from tests.faults.sample_rules import ERROR, FACTS, fault, struck


def matches(match: Match, facts: Facts) -> bool:
    return bool(matching([Fault("", match)], facts))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(Match(), True, id="nothing given matches all"),
        pytest.param(Match(client="acme01"), True, id="client without case"),
        pytest.param(Match(client="ACME"), False, id="client is compared whole"),
        pytest.param(Match(user="importer"), True, id="user"),
        pytest.param(Match(user="Importer"), False, id="user with case"),
        pytest.param(Match(alternate_id_type="crm", alternate_id="c-1"), True, id="type and id without case"),
        pytest.param(Match(alternate_id_type="crm", alternate_id="c-2"), False, id="one given field fails"),
        pytest.param(Match(op="test"), True, id="any operation has the op"),
        pytest.param(Match(op="add"), False, id="no operation has the op"),
        pytest.param(Match(path="/Emails"), True, id="a member covers all below"),
        pytest.param(Match(path="/emails/*/emailaddress"), True, id="wildcard, without case"),
        pytest.param(Match(path="/*/0"), True, id="wildcard in front"),
        pytest.param(Match(path="/Emails/0"), True, id="position"),
        pytest.param(Match(path="/Emails/1"), False, id="other position"),
        pytest.param(Match(path="/Email"), False, id="a name is compared whole"),
        pytest.param(Match(path="/Emails/*/EmailAddress/x"), False, id="longer than the operation's path"),
        pytest.param(Match(op="replace", path="/Emails"), True, id="op and path on one operation"),
        pytest.param(Match(op="test", path="/Emails"), False, id="op and path on two operations"),
    ],
)
def test_a_rule_matches(match: Match, expected: bool) -> None:
    """Absent fields match everything; all given fields must hold."""
    assert matches(match, FACTS) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("Emails/0", True, id="no leading slash"),
        pytest.param("//Emails//0/", True, id="empty segments"),
        pytest.param("/EMAILS/-", True, id="other case"),
        pytest.param("/~0Emails", False, id="escaped tilde"),
        pytest.param("", False, id="whole document"),
    ],
)
def test_an_operations_path_is_read_as_the_library_reads_it(path: str, expected: bool) -> None:
    """Spellings that reach a member in the vendor's software are covered by the rule for that member."""
    assert matches(Match(path="/Emails"), FACTS._replace(operations=[("add", path)])) is expected


def test_escapes_are_decoded_on_both_sides() -> None:
    """~1 is a slash inside a name, ~01 is the text ~1."""
    facts = FACTS._replace(operations=[("add", "/a~1b/~01")])
    assert matches(Match(path="/a~1b/~01"), facts)
    assert not matches(Match(path="/a/b"), facts)


def test_a_request_without_claimed_user_or_readable_body_matches_no_such_rule() -> None:
    """What isn't there is not matched by a rule that asks for it."""
    facts = FACTS._replace(user=None, operations=())
    assert not matches(Match(user="importer"), facts)
    assert not matches(Match(op="add"), facts)
    assert not matches(Match(path="/*"), facts)
    assert matches(Match(client="ACME01"), facts)


def test_only_rules_about_operations_need_the_body() -> None:
    """The caller may decide before it reads a body that no rule asks about."""
    assert not needs_operations([fault(), fault(match=Match(client="ACME01"))])
    assert needs_operations([fault(), fault(match=Match(op="add"))])
    assert needs_operations([fault(match=Match(path="/Emails"))])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        pytest.param(Schedule(), [1, 2, 3, 4, 5, 6, 7, 8, 9], id="always"),
        pytest.param(Schedule(first=2), [1, 2], id="first"),
        pytest.param(Schedule(after=3), [4, 5, 6, 7, 8, 9], id="after"),
        pytest.param(Schedule(after=3, first=2), [4, 5], id="first counts from after"),
        pytest.param(Schedule(every=4), [4, 8], id="every"),
        pytest.param(Schedule(every=2, after=1, first=6), [3, 5, 7], id="every and first count from after"),
        pytest.param(Schedule(at=(4, 1)), [1, 4], id="at"),
        pytest.param(Schedule(at=(1, 4), after=2), [3, 6], id="at counts from after"),
        pytest.param(Schedule(times=3), [1, 2, 3], id="times"),
        pytest.param(Schedule(times=2, every=3), [3, 6], id="times counts hits, not matches"),
        pytest.param(Schedule(probability=1.0), [1, 2, 3, 4, 5, 6, 7, 8, 9], id="certain"),
        pytest.param(Schedule(sequence=(500, "ok", 503)), [1, 3], id="sequence, then ok"),
        pytest.param(Schedule(sequence=(500, "ok", 503), after=4), [5, 7], id="sequence counts from after"),
        pytest.param(Schedule(sequence=(500, 500), every=2), [2], id="sequence and every"),
    ],
)
def test_a_schedule_hits(schedule: Schedule, expected: list[int]) -> None:
    """The matches, counted from 1, that a schedule hits among the first nine."""
    assert struck(plan(fault(schedule), Counter(), seed=1, world="w", count=9)) == expected


def test_a_sequence_gives_each_match_its_step() -> None:
    """Statuses, connection faults and "ok" in turn; a message goes to the statuses only."""
    effect = Effect(message="Down for repair", when="after")
    steps: tuple[Step, ...] = (500, "ok", "reset", 403)
    hits = plan(fault(Schedule(sequence=steps), effect), Counter(), seed=1, world="w", count=5)
    seen = [hit and (hit.status, hit.connection, hit.message, hit.when) for hit in hits]
    assert seen == [
        (500, None, "Down for repair", "after"),
        None,
        (None, "reset", None, "after"),
        (403, None, "Down for repair", "after"),
        None,
    ]


def test_a_decision_alone_assumes_no_earlier_hit() -> None:
    """A caller that asks about one match says how often the rule has struck before."""
    rule = fault(Schedule(times=1))
    assert decision(rule, seed=1, world="w", n=5) == due(ERROR, rule="f", n=5, seed=1, world="w")
    assert decision(rule, seed=1, world="w", n=5, hits=1) is None


@pytest.mark.parametrize(
    ("status", "connection", "when", "expected"),
    [
        pytest.param(None, None, "before", True, id="a delay alone"),
        pytest.param(None, "drip", "before", True, id="a slow real answer"),
        pytest.param(500, None, "before", False, id="an error"),
        pytest.param(500, None, "after", True, id="an error after the commit"),
        pytest.param(500, "drip", "before", False, id="a slow error"),
        pytest.param(None, "truncate", "before", False, id="a cut answer"),
        pytest.param(None, "truncate", "after", True, id="a cut answer after the commit"),
        pytest.param(None, "reset", "before", False, id="a reset"),
        pytest.param(None, "stall", "after", True, id="silence after the commit"),
    ],
)
def test_a_request_is_applied(status: int | None, connection: Connection | None, when: When, expected: bool) -> None:
    """Before: nothing is applied, unless the real answer still arrives whole. After: always."""
    assert Hit("f", 1, status, None, connection, when, 0.0).applies is expected


@pytest.mark.parametrize(
    ("expires_in_s", "now", "expected"),
    [
        pytest.param(None, 1e12, False, id="never"),
        pytest.param(30.0, 1029.9, False, id="shortly before"),
        pytest.param(30.0, 1030.0, True, id="at the end"),
        pytest.param(30.0, 2000.0, True, id="later"),
    ],
)
def test_a_rule_expires(expires_in_s: float | None, now: float, expected: bool) -> None:
    """A rule taken in at 1000 is over once its lifetime has passed."""
    assert expired(Fault("f", expires_in_s=expires_in_s), created_at=1000.0, now=now) is expected


def test_without_a_matching_rule_nothing_is_due_and_nothing_counted() -> None:
    """Rules about other requests keep their counters."""
    decided = strike(matching([fault(match=Match(client="OTHER"))], FACTS), {}, seed=1, world="w")
    assert decided.hit is None
    assert decided.counters == {}
    assert decided.hits == ()


def test_the_first_rule_to_strike_decides_and_every_rule_counts() -> None:
    """A later rule counts its match and its hit all the same, so its plan holds."""
    rules = [
        fault(Schedule(at=(2,)), Effect(connection="reset"), name="reset"),
        fault(Schedule(times=2), Effect(status=503), name="busy"),
    ]
    counters: dict[str, Counter] = {}
    seen = []
    for _ in range(3):
        decided = strike(matching(rules, FACTS), counters, seed=1, world="w")
        counters |= decided.counters
        seen.append((decided.hit and decided.hit.rule, [hit.rule for hit in decided.hits]))
    assert seen == [("busy", ["busy"]), ("reset", ["reset", "busy"]), (None, [])]
    assert counters == {"reset": Counter(3, 1), "busy": Counter(3, 2)}


def test_delays_add_to_the_deciding_rule_wherever_they_stand() -> None:
    """A rule that only delays decides nothing; the delay of an overridden error is not added."""
    rules = [
        fault(effect=Effect(delay_ms=100.0), name="slow"),
        fault(effect=Effect(status=500, delay_ms=20.0, when="after"), name="error"),
        fault(effect=Effect(status=503, delay_ms=5000.0), name="overridden"),
        fault(effect=Effect(delay_ms=3.0), name="slower"),
    ]
    hit = strike(matching(rules, FACTS), {}, seed=1, world="w").hit
    assert hit is not None
    assert hit.delay_s == pytest.approx(0.123)
    assert hit._replace(delay_s=0.0) == Hit("error", 1, 500, "An error has occurred.", None, "after", 0.0)


def test_delays_alone_add_up_under_the_first_rule() -> None:
    """They are bounded together as each one is."""
    rules = [fault(effect=Effect(delay_ms=LONGEST_DELAY_MS), name=name) for name in ("one", "two")]
    hit = strike(matching(rules, FACTS), {}, seed=1, world="w").hit
    assert hit == Hit("one", 1, None, None, None, "before", LONGEST_DELAY_MS / 1000)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(401, "Unable to authenticate request", id="401"),
        pytest.param(429, "Too many requests.", id="429"),
        pytest.param(500, "An error has occurred.", id="500"),
        pytest.param(502, "The gateway received an invalid response.", id="502"),
        pytest.param(503, "The service is unavailable.", id="503"),
        pytest.param(504, "The gateway timed out.", id="504"),
        pytest.param(418, "An error has occurred.", id="a status without a text of its own"),
    ],
)
def test_a_status_brings_its_text(status: int, text: str) -> None:
    """Unless the rule brings its own."""
    assert due(Effect(status=status), rule="f", n=1, seed=1, world="w").message == text
    assert due(Effect(status=status, message="Mine"), rule="f", n=1, seed=1, world="w").message == "Mine"


def test_a_connection_fault_has_no_text() -> None:
    """Nothing is there to carry it."""
    assert due(Effect(connection="reset"), rule="f", n=1, seed=1, world="w").message is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_each_documented_error_has_a_magic_id(status: int) -> None:
    """With a text of its own, in any case of letters."""
    assert magic_fault(f"fault-{status}") == magic_fault(f"FAULT-{status}") == Effect(status=status)
    assert status in DEFAULT_MESSAGES


@pytest.mark.parametrize("alternate_id", ["C-1", "fault-200", "fault-", "fault-500 ", ""])
def test_other_ids_are_not_magic(alternate_id: str) -> None:
    """Only the table's ids are."""
    assert magic_fault(alternate_id) is None


@pytest.mark.parametrize("alternate_id", MAGIC_IDS)
def test_magic_effects_obey_the_rules_of_all_effects(alternate_id: str) -> None:
    """Each could be written as a rule."""
    effect = MAGIC_IDS[alternate_id]
    assert from_text(to_text(Fault("magic", effect=effect)), known=Known()).effect == effect
