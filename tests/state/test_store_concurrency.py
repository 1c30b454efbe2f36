"""What a store promises to many writers at once."""

from __future__ import annotations

import threading

import orjson
import pytest

from mockserver.errors import BadRequest
from mockserver.state.profiles import Changed
from tests.state.linearizability import Call, linearizable
from tests.state.stores import A, Connect, count_up, in_threads, profile, rename


def test_concurrent_writers_lose_no_update(connect: Connect) -> None:
    """64 clients of four processes count one profile up by test and replace: each success is one step."""
    processes, succeeded = [connect() for _ in range(4)], [0] * 64

    def client(index: int) -> None:
        profiles = processes[index % 4].get("w").profiles
        for _ in range(5):
            seen = orjson.loads(profiles.read(A) or b"")["N"]

            def test_and_replace(before: bytes, seen: int = seen) -> Changed:
                if orjson.loads(before)["N"] != seen:
                    raise BadRequest("no", rule="test-failed")
                return Changed(profile(seen + 1, "a"))

            try:
                profiles.update(A, test_and_replace)
                succeeded[index] += 1
            except BadRequest:
                profiles.update(A, count_up)
                succeeded[index] += 1

    in_threads(64, client)
    assert orjson.loads(connect().get("w").profiles.read(A) or b"")["N"] == sum(succeeded) == 64 * 5


def test_an_id_that_many_want_goes_to_one(connect: Connect) -> None:
    """Two profiles race for the same free id; whoever gets it, the other is refused."""
    processes = [connect() for _ in range(2)]
    for round_ in range(10):
        outcomes: list[str] = []

        def take(index: int, wanted: str = f"wanted-{round_}", outcomes: list[str] = outcomes) -> None:
            own = "ab"[index]
            try:
                processes[index].get("w").profiles.update((*A[:2], own), lambda before: rename(own, wanted))
                outcomes.append(own)
            except BadRequest:
                outcomes.append("refused")

        in_threads(2, take)
        assert outcomes.count("refused") == 1
        owner = next(outcome for outcome in outcomes if outcome != "refused")
        assert processes[0].get("w").profiles.read((*A[:2], f"wanted-{round_}")) == profile(
            0, owner, f"wanted-{round_}"
        )


@pytest.mark.parametrize("seed", range(3))
def test_reads_and_writes_are_linearizable(connect: Connect, seed: int) -> None:
    """There is one order of all reads and compare-and-sets that fits what each client saw and when."""
    processes, history, clock = [connect() for _ in range(3)], list[Call](), threading.Lock()
    ticks = iter(range(10_000))

    def tick() -> int:
        with clock:
            return next(ticks)

    def client(index: int) -> None:
        draws = iter(orjson.dumps([seed, index]) * 10)
        profiles = processes[index % 3].get("w").profiles
        for step in range(6):
            called = tick()
            if next(draws) % 3 == 0:
                seen = orjson.loads(profiles.read(A) or b"")["N"]
                history.append(Call(called, tick(), "read", 0, 0, seen))
                continue
            expected, wanted = orjson.loads(profiles.read(A) or b"")["N"], 100 * index + step + 1
            called = tick()

            def compare_and_set(before: bytes, expected: int = expected, wanted: int = wanted) -> Changed:
                if orjson.loads(before)["N"] != expected:
                    raise BadRequest("no", rule="test-failed")
                return Changed(profile(wanted, "a"))

            try:
                profiles.update(A, compare_and_set)
                history.append(Call(called, tick(), "swap", expected, wanted, 1))
            except BadRequest:
                history.append(Call(called, tick(), "swap", expected, wanted, 0))

    in_threads(5, client)
    assert linearizable(history, initial=0)
