"""How a fault is written, and how one that can't be meant is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.errors import UsageError
from mockserver.faults.fields import APPLIED_OPS, FIELDS, UnfitError
from mockserver.faults.rules import CONNECTIONS, Effect, Fault, Lognormal, Match, Schedule, Uniform
from mockserver.faults.text import Known, from_json, from_text, to_json, to_text, with_free_id

NOTHING_KNOWN = Known()
KNOWN = Known(
    clients={"ACME01", "GLOBEX"},
    users={"ACME01": ["importer", "admin"], "GLOBEX": ["reader"]},
    paths={"/CustomerType", "/CustomerName/FirstName", "/Emails", "/Emails/*", "/Emails/*/EmailAddress", "/IsActive"},
)


def rule(
    effect: Effect, schedule: Schedule | None = None, match: Match | None = None
) -> tuple[Effect, Schedule, Match]:
    return effect, schedule or Schedule(), match or Match()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500", rule(Effect(status=500))),
        ("403 first=2", rule(Effect(status=403), Schedule(first=2))),
        ("500 p=0.3 after-commit", rule(Effect(status=500, when="after"), Schedule(probability=0.3))),
        ("500 before-commit p=.3", rule(Effect(status=500), Schedule(probability=0.3))),
        ("delay=200", rule(Effect(delay_ms=200.0))),
        ("delay=1.5s", rule(Effect(delay_ms=1500.0))),
        ("delay=200..800", rule(Effect(delay_ms=Uniform(200, 800)))),
        ("delay=200ms..2s", rule(Effect(delay_ms=Uniform(200, 2000)))),
        ("delay=lognormal(300,0.5)", rule(Effect(delay_ms=Lognormal(300, 0.5)))),
        ("reset every=5", rule(Effect(connection="reset"), Schedule(every=5))),
        ("500 truncate delay=20", rule(Effect(status=500, connection="truncate", delay_ms=20.0))),
        ("sequence=500,reset,ok", rule(Effect(), Schedule(sequence=(500, "reset", "ok")))),
        ("503 at=4,1 times=2", rule(Effect(status=503), Schedule(at=(4, 1), times=2))),
        ("503 at=1,4 first=4", rule(Effect(status=503), Schedule(at=(1, 4), first=4))),
        ("sequence=500,ok,503 first=3 times=2", rule(Effect(), Schedule(sequence=(500, "ok", 503), first=3, times=2))),
        ("503 first=5 every=5", rule(Effect(status=503), Schedule(first=5, every=5))),
        ("503 at=1,2,3 p=0.5 times=1", rule(Effect(status=503), Schedule(at=(1, 2, 3), probability=0.5, times=1))),
        ("503 after=0", rule(Effect(status=503))),
        ("503 after=2 first=3", rule(Effect(status=503), Schedule(after=2, first=3))),
        ('400 message="Try it later"', rule(Effect(status=400, message="Try it later"))),
        (
            "401 client=acme01 user=importer type=CRM id=C-1 op=replace path=/Emails/*",
            rule(Effect(status=401), match=Match("acme01", "importer", "CRM", "C-1", "replace", "/Emails/*")),
        ),
        ("500 'id=C 1'", rule(Effect(status=500), match=Match(alternate_id="C 1"))),
        ("500 id=a=b", rule(Effect(status=500), match=Match(alternate_id="a=b"))),
        ("500 op=move", rule(Effect(status=500), match=Match(op="move"))),
    ],
)
def test_text_is_read(text: str, expected: tuple[Effect, Schedule, Match]) -> None:
    """Each word says one thing; their order doesn't matter."""
    for words in (shlex.split(text), shlex.split(text)[::-1]):
        fault = from_text(shlex.join(words), known=KNOWN)
        assert (fault.effect, fault.schedule, fault.match) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.0), ("30s", 30.0), ("0.5s", 0.5), ("5m", 300.0), ("2h", 7200.0)]
)
def test_a_lifetime_has_a_unit(text: str, seconds: float) -> None:
    """Seconds where none is given."""
    assert from_text(f"500 expires={text}", known=KNOWN).expires_in_s == seconds


def test_json_is_read() -> None:
    """Every section may be missing, and null means absent."""
    document = {
        "id": "slow-then-broken",
        "match": {"client": "ACME01", "user": None, "path": "/Emails"},
        "effect": {"status": 500, "delay_ms": {"uniform": [200, 800]}, "when": "after"},
        "schedule": {"probability": 1, "at": [1, 4]},
        "expires_in_s": 30,
    }
    assert from_json(document, known=KNOWN) == Fault(
        "slow-then-broken",
        Match(client="ACME01", path="/Emails"),
        Effect(status=500, delay_ms=Uniform(200, 800), when="after"),
        Schedule(at=(1, 4)),
        30.0,
    )
    assert from_json({"effect": {"connection": "stall"}, "match": None}, known=KNOWN).effect.connection == "stall"


def test_json_is_written_in_the_documented_shape() -> None:
    """Four sections and the lifetime; whole numbers without a fraction; what is not said is left out."""
    text = "500 delay=lognormal(300,0.5) p=0.3 client=ACME01 expires=30s rule=mine"
    assert to_json(from_text(text, known=KNOWN)) == {
        "id": "mine",
        "match": {"client": "ACME01"},
        "effect": {"status": 500, "delay_ms": {"lognormal": {"median": 300, "sigma": 0.5}}, "when": "before"},
        "schedule": {"probability": 0.3},
        "expires_in_s": 30,
    }


def test_text_is_written_with_quotes_only_where_needed() -> None:
    """So that a rule can be pasted, and read."""
    text = "path=/Emails/* p=0.3 500 after-commit message='it''s \"late\"'"
    written = to_text(from_text(text, known=KNOWN))
    assert written == "500 after-commit message='its \"late\"' p=0.3 path=/Emails/*"


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
milliseconds = st.floats(0.001, 600_000)
delays = st.one_of(
    milliseconds,
    st.integers(1, 600_000),
    st.lists(milliseconds, min_size=2, max_size=2, unique=True).map(lambda bounds: {"uniform": sorted(bounds)}),
    st.fixed_dictionaries({"lognormal": st.fixed_dictionaries({"median": milliseconds, "sigma": st.floats(1e-9, 5)})}),
)
matches = {
    **dict.fromkeys(["client", "user", "alternate_id_type", "alternate_id"], words),
    "op": st.sampled_from(APPLIED_OPS),
    "path": st.sampled_from(["/Emails", "/Emails/*/EmailAddress", "/a~1b/~0", "/Namen/Ärger"]),
}
when = {"when": st.sampled_from(["before", "after"])}
errors = st.fixed_dictionaries(
    {"status": st.integers(400, 599)},
    optional={"message": words, "delay_ms": delays, "connection": st.sampled_from(["truncate", "drip"]), **when},
)
breaks = st.fixed_dictionaries(
    {"connection": st.sampled_from(CONNECTIONS)}, optional={"delay_ms": delays, "message": st.none(), **when}
)
slownesses = st.fixed_dictionaries({"delay_ms": delays}, optional=when)
chances = {"probability": st.floats(0, 1, exclude_min=True), "after": st.integers(0, 50)}
rhythms = st.fixed_dictionaries(
    {}, optional={"first": st.integers(5, 50), "every": st.integers(1, 5), "times": st.integers(1, 50), **chances}
)
positions = st.fixed_dictionaries({"at": st.lists(st.integers(1, 50), min_size=1, unique=True)}, optional=chances)
steps = st.lists(st.sampled_from([404, "ok", "reset"])).map(lambda steps: [*steps, 500])
sequences = st.fixed_dictionaries({"sequence": steps}, optional=chances)
messages = st.fixed_dictionaries({}, optional={"message": words, "delay_ms": delays, **when})


def document(effect: st.SearchStrategy[Any], schedule: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"effect": effect, "schedule": schedule},
        optional={
            "id": st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
            "match": st.fixed_dictionaries({}, optional=matches),
            "expires_in_s": st.floats(0.001, 1e9),
        },
    )


documents = document(errors | breaks | slownesses, rhythms | positions) | document(messages, sequences)


@given(documents)
def test_a_rule_survives_text_and_json(document: dict[str, Any]) -> None:
    """Written in either way and read again, it is the same rule, whatever it says."""
    fault = from_json(document, known=NOTHING_KNOWN)
    assert from_json(to_json(fault), known=NOTHING_KNOWN) == fault
    assert from_text(to_text(fault), known=NOTHING_KNOWN) == fault


@pytest.mark.parametrize(
    ("name", "last", "beyond"),
    [
        pytest.param("status", 400, 399, id="lowest status"),
        pytest.param("status", 599, 600, id="highest status"),
        pytest.param("probability", 1, 1.001, id="certain"),
        pytest.param("probability", 0.001, 0, id="hardly ever"),
        pytest.param("first", 1, 0, id="fewest matches"),
        pytest.param("first", 10**9, 10**9 + 1, id="most matches"),
        pytest.param("after", 0, -1, id="nothing skipped"),
        pytest.param("at", [1, 10**9], [1, 10**9 + 1], id="last position"),
        pytest.param("expires_in_s", 1e9, 1e9 + 1, id="longest lifetime"),
        pytest.param("expires_in_s", 0.001, 0, id="shortest lifetime"),
        pytest.param("delay_ms", 600_000, 600_001, id="longest delay"),
        pytest.param("delay_ms", {"uniform": [0, 600_000]}, {"uniform": [0, 600_001]}, id="longest of several"),
        pytest.param("delay_ms", {"uniform": [0, 1]}, {"uniform": [-1, 1]}, id="shortest of several"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [5, 5]}, id="two bounds are two"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [4, True]}, id="bounds are numbers"),
        pytest.param("delay_ms", {"uniform": [4, 5]}, {"uniform": [4, 5], "unit": "s"}, id="nothing beside the bounds"),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 600_000, "sigma": 5}},
            {"lognormal": {"median": 600_000, "sigma": 5.1}},
            id="widest spread",
        ),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 1, "sigma": 0.1}},
            {"lognormal": {"median": 1, "sigma": 0}},
            id="no spread",
        ),
        pytest.param(
            "delay_ms",
            {"lognormal": {"median": 1, "sigma": 1}},
            {"lognormal": {"median": 0, "sigma": 1}},
            id="no median",
        ),
        pytest.param("id", "a" * 64, "a" * 65, id="longest id"),
    ],
)
def test_a_bound_belongs_to_what_it_bounds(name: str, last: object, beyond: object) -> None:
    """The last value is read, the one beyond is refused, and the hint suggests one that is read."""
    FIELDS[name].read(last)
    with pytest.raises(UnfitError) as unfit:
        FIELDS[name].read(beyond)
    FIELDS[name].read(unfit.value.nearest)


@pytest.mark.parametrize(
    ("steps", "nearest"),
    [
        ([400, 599], None),
        ([500, 399], [500, "ok"]),
        ([500, 600], [500, 500]),
        ([500, "400"], [500, 400]),
        ([500, "599"], [500, 599]),
        ([500, 100], [500, "ok"]),
        ([500, 99], [500, 500]),
    ],
)
def test_a_step_is_an_error_or_ok(steps: list[object], nearest: list[object] | None) -> None:
    """A status that is no error is most likely meant as ok."""
    if nearest is None:
        assert FIELDS["sequence"].read(steps) == tuple(steps)
        return
    with pytest.raises(UnfitError) as unfit:
        FIELDS["sequence"].read(steps)
    assert unfit.value.nearest == nearest


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


def test_an_id_names_what_the_rule_says() -> None:
    """The same rule has the same id, written either way and in any order, so the same draws; another has another."""
    one = from_text("500 p=0.3", known=KNOWN)
    assert one.id.startswith("500-")
    assert from_text("p=0.30 500", known=KNOWN).id == one.id
    assert from_json({"effect": {"status": 500}, "schedule": {"probability": 0.3}}, known=KNOWN).id == one.id
    others = [from_text(text, known=KNOWN).id for text in ("500 p=0.2", "500", "reset", "delay=5", "sequence=500,ok")]
    assert len({one.id, *others}) == 6
    assert [other.partition("-")[0] for other in others] == ["500", "500", "reset", "delay", "sequence"]


def test_a_second_rule_of_the_same_words_gets_an_id_of_its_own() -> None:
    """Counted up, so that the next run names them alike."""
    fault = from_text("500 rule=mine", known=KNOWN)
    assert with_free_id(fault, []) == fault
    assert with_free_id(fault, ["mine"]).id == "mine-2"
    assert with_free_id(fault, ["mine", "mine-2"]).id == "mine-3"
