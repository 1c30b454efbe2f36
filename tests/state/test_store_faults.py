"""What a store promises about planned faults and their counters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mockserver.faults.rules import Effect, Fault, Match, Schedule, Uniform
from mockserver.state.world import decide_fault
from tests.state.stores import ANYTHING, Connect, in_threads

FAULTS = [
    Fault("plain", effect=Effect(status=500, message="Nö 😀")),
    Fault(
        "matched",
        Match(client="ACME", op="add", path="/Emails/*"),
        Effect(delay_ms=Uniform(1.5, 2.0)),
        expires_in_s=60.5,
    ),
    Fault("moved", Match(op="move"), Effect(status=500, when="after")),
    Fault("scheduled", schedule=Schedule(probability=0.25, sequence=(500, "reset", "ok"), times=2, after=1)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_is_the_same_in_every_process(connect: Connect, fault: Fault) -> None:
    """Rule, order and time of arrival are kept."""
    one = connect().get("w")
    one.clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    connect().get("w").add_fault(FAULTS[0])
    connect().get("w").add_fault(fault)
    rows = connect().get("w").faults
    assert [row[0] for row in rows] == [*dict.fromkeys([FAULTS[0], fault])]
    assert {row[1] for row in rows} == {datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()}


def test_replacing_and_removing_a_fault_starts_counting_anew(connect: Connect) -> None:
    """A rule keeps its place in the order; the counters of the others go on."""
    for name in ("first", "second", "third"):
        connect().get("w").add_fault(Fault(name, effect=Effect(delay_ms=1)))
    decide_fault(connect().get("w"), ANYTHING)
    connect().get("w").add_fault(Fault("second", effect=Effect(status=500)))
    world = connect().get("w")
    assert [fault.id for fault, _ in world.faults] == ["first", "second", "third"]
    assert {name: counter.n for name, counter in world.counters.items()} == {"first": 1, "third": 1}
    assert (world.remove_fault("first"), world.remove_fault("first")) == (True, False)
    assert {name: counter.n for name, counter in connect().get("w").counters.items()} == {"third": 1}
    world.clear_faults()
    assert (connect().get("w").faults, dict(connect().get("w").counters)) == ((), {})


def test_a_world_starts_with_the_servers_faults_and_goes_back_to_them(connect: Connect) -> None:
    """Also after they were removed."""
    initial = [Fault("initial", effect=Effect(status=500))]
    worlds = connect(faults=initial)
    for world in (worlds.get(None), worlds.get("w")):
        world.add_fault(Fault("mine", effect=Effect(status=400)))
        world.remove_fault("initial")
        assert decide_fault(world, ANYTHING) is not None
        world.reset_faults()
        again = worlds.get(world.name)
        assert ([fault for fault, _ in again.faults], dict(again.counters)) == (initial, {})


def test_a_sequence_serves_each_step_exactly_once_across_processes(connect: Connect) -> None:
    """32 clients of four processes: every status of the sequence goes to one of them."""
    steps = tuple(range(400, 432))
    connect().get("w").add_fault(Fault("each", schedule=Schedule(sequence=steps)))
    processes, served = [connect() for _ in range(4)], list[tuple[int, int | None]]()

    def client(index: int) -> None:
        decision = decide_fault(processes[index % 4].get("w"), ANYTHING)
        assert decision is not None
        assert decision.hit is not None
        served.append((decision.hit.n, decision.hit.status))

    in_threads(32, client)
    assert sorted(served) == list(enumerate(steps, 1))
    assert connect().get("w").counters["each"] == (32, 32)


def test_a_number_of_hits_is_not_exceeded(connect: Connect) -> None:
    """Two processes together strike as often as the rule says."""
    connect().get("w").add_fault(Fault("few", effect=Effect(status=500), schedule=Schedule(probability=0.5, times=3)))
    hits = []
    for turn in range(40):
        decision = decide_fault(connect().get("w"), ANYTHING)
        assert decision is not None
        hits += [turn] * (decision.hit is not None)
    assert len(hits) == 3


def test_faults_end_by_the_worlds_clock(connect: Connect) -> None:
    """A rule expires when the world's time says so."""
    world = connect().get("w")
    world.clock.freeze(datetime(2026, 1, 31, 12, tzinfo=UTC))
    connect().get("w").add_fault(Fault("short", effect=Effect(status=500), expires_in_s=10))
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is not None
    connect().get("w").clock.advance(10)
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is None


def test_a_rule_that_is_switched_off_counts_nothing(connect: Connect) -> None:
    """Its counts are those of before when it is on again, for every process."""
    connect().get("w").add_fault(Fault("on", effect=Effect(status=500)))
    decide_fault(connect().get("w"), ANYTHING)
    assert connect().get("w").switch_fault("on", enabled=False)
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is None
    assert connect().get("w").switch_fault("on", enabled=True)
    decision = decide_fault(connect().get("w"), ANYTHING)
    assert decision is not None
    assert decision.hit is not None
    assert decision.hit.n == 2
    assert not connect().get("w").switch_fault("off", enabled=True)
