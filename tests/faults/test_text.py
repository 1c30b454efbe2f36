"""How a fault is written: as text and as JSON, read and written again."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.faults.fields import APPLIED_OPS
from mockserver.faults.rules import CONNECTIONS, Effect, Fault, Lognormal, Match, Schedule, Uniform
from mockserver.faults.text import from_json, from_text, to_json, to_text, with_free_id
from tests.faults.known_names import KNOWN, NOTHING_KNOWN


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
