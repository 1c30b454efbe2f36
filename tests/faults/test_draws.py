"""The numbers that decide about faults: repeatable, independent, and as likely as the rule says."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import threading
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.faults.rules import (
    LONGEST_DELAY_MS,
    Counter,
    Effect,
    Fault,
    Hit,
    Lognormal,
    Schedule,
    Step,
    Uniform,
    advance,
    decision,
    draw,
    due,
    plan,
)
from tests.faults.sample_rules import fault

keys = st.tuples(st.integers(), st.text(), st.text(), st.integers(min_value=1), st.sampled_from(["hit", "delay"]))


@given(keys)
def test_a_draw_lies_strictly_between_0_and_1(key: tuple[int, str, str, int, str]) -> None:
    """So that every quantile exists, and probability 1 is certain."""
    assert 0 < draw(*key) < 1


@given(keys, keys)
def test_a_draw_depends_on_every_part_of_its_key(
    a: tuple[int, str, str, int, str], b: tuple[int, str, str, int, str]
) -> None:
    """The same key gives the same number, another key another one."""
    assert (draw(*a) == draw(*b)) is (a == b)


def test_draws_stay_what_they_are() -> None:
    """A seed in a bug report must still mean the same run in the next version."""
    assert [round(draw(7, "f", "w", n, "hit"), 6) for n in (1, 2, 3)] == [0.430889, 0.411477, 0.692906]


def test_another_process_draws_the_same() -> None:
    """Draws don't depend on the hash seed of the process."""
    script = "from mockserver.faults.rules import draw; print([draw(7, 'f', 'w', n, 'hit') for n in range(1, 9)])"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str([draw(7, "f", "w", n, "hit") for n in range(1, 9)])


RANDOM_FAULTS = [
    pytest.param(fault(Schedule(probability=0.3)), id="probability"),
    pytest.param(fault(Schedule(probability=0.5, times=20, after=7)), id="probability and times"),
    pytest.param(fault(effect=Effect(delay_ms=Uniform(200, 800))), id="uniform delay"),
    pytest.param(fault(Schedule(probability=0.5), Effect(status=503, delay_ms=Lognormal(300, 0.5))), id="both"),
]


@pytest.mark.parametrize("rule", RANDOM_FAULTS)
def test_the_same_seed_gives_the_same_run(rule: Fault) -> None:
    """And another seed, world or rule id another one."""
    run = plan(rule, Counter(), seed=42, world="w", count=200)
    assert plan(rule, Counter(), seed=42, world="w", count=200) == run
    assert plan(rule, Counter(), seed=43, world="w", count=200) != run
    assert plan(rule, Counter(), seed=42, world="v", count=200) != run
    renamed = plan(Fault("g", rule.match, rule.effect, rule.schedule), Counter(), seed=42, world="w", count=200)
    assert [hit and hit._replace(rule="f") for hit in renamed] != run


def test_decisions_don_t_depend_on_their_order_or_thread() -> None:
    """Without a limit on hits, each decision stands alone: backwards, shuffled and in eight threads."""
    rule = fault(Schedule(probability=0.3), Effect(status=500, delay_ms=Uniform(1, 9)))
    in_order = {n: decision(rule, seed=5, world="w", n=n) for n in range(1, 401)}
    shuffled = list(in_order)
    random.Random(1).shuffle(shuffled)
    with ThreadPoolExecutor(8) as pool:
        threaded = dict(pool.map(lambda n: (n, decision(rule, seed=5, world="w", n=n)), shuffled))
    assert threaded == in_order
    assert {n: decision(rule, seed=5, world="w", n=n) for n in reversed(in_order)} == in_order


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("probability", [0.01, 0.3, 0.5, 0.95])
def test_a_rate_is_what_it_says(probability: float, seed: int) -> None:
    """Within three standard errors over 20,000 draws."""
    count = 20_000
    hits = sum(draw(seed, "f", "w", n, "hit") < probability for n in range(1, count + 1))
    assert abs(hits / count - probability) < 3 * math.sqrt(probability * (1 - probability) / count)


def test_consecutive_draws_and_neighbouring_seeds_are_unrelated() -> None:
    """Correlation over 20,000 pairs within three standard errors of zero."""
    count = 20_000
    series = [draw(1, "f", "w", n, "hit") - 0.5 for n in range(1, count + 2)]
    neighbour = [draw(2, "f", "w", n, "hit") - 0.5 for n in range(1, count + 1)]
    for pairs in (pairwise(series), zip(series, neighbour, strict=False)):
        correlation = sum(a * b for a, b in pairs) / count * 12
        assert abs(correlation) < 3 / math.sqrt(count)


def test_a_uniform_delay_lies_between_its_bounds() -> None:
    """Its mean lies in the middle, within three standard errors over 20,000 draws."""
    effect, count = Effect(delay_ms=Uniform(200, 800)), 20_000
    delays = [due(effect, rule="f", n=n, seed=1, world="w").delay_s for n in range(1, count + 1)]
    assert 0.2 <= min(delays) < 0.21
    assert 0.79 < max(delays) <= 0.8
    assert abs(sum(delays) / count - 0.5) < 3 * 0.6 / math.sqrt(12 * count)


def test_a_lognormal_delay_has_its_median_and_spread() -> None:
    """The logarithms have the mean and the deviation that were asked for."""
    effect, count = Effect(delay_ms=Lognormal(300, 0.5)), 20_000
    delays = [due(effect, rule="f", n=n, seed=1, world="w").delay_s for n in range(1, count + 1)]
    logs = [math.log(delay / 0.3) for delay in delays]
    assert abs(sum(logs) / count) < 3 * 0.5 / math.sqrt(count)
    assert abs(math.sqrt(sum(log * log for log in logs) / count) - 0.5) < 3 * 0.5 / math.sqrt(2 * count)
    assert abs(median(delays) - 0.3) < 0.01


def test_no_delay_is_longer_than_the_longest() -> None:
    """The tail of a wide lognormal is cut, so that no draw holds a connection for hours."""
    effect = Effect(delay_ms=Lognormal(LONGEST_DELAY_MS, 5))
    delays = [due(effect, rule="f", n=n, seed=1, world="w").delay_s for n in range(1, 200)]
    assert max(delays) == LONGEST_DELAY_MS / 1000


schedules = st.builds(
    Schedule,
    probability=st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    first=st.none() | st.integers(1, 30),
    after=st.integers(0, 10),
    every=st.none() | st.integers(1, 5),
    at=st.none() | st.lists(st.integers(1, 30), min_size=1, unique=True).map(tuple),
    times=st.none() | st.integers(1, 5),
    sequence=st.none() | st.lists(st.sampled_from([500, "ok", "reset"]), min_size=1).map(tuple),
)


@given(schedules, st.integers(), st.integers(0, 20), st.integers(0, 30))
def test_the_plan_is_what_happens(schedule: Schedule, seed: int, served: int, count: int) -> None:
    """A plan made after any number of requests lists exactly the decisions that follow."""
    rule, counter = fault(schedule), Counter()
    for _ in range(served):
        counter, _hit = advance(rule, counter, seed=seed, world="w")
    planned = plan(rule, counter, seed=seed, world="w", count=count)
    happened = []
    for _ in range(count):
        counter, hit = advance(rule, counter, seed=seed, world="w")
        happened.append(hit)
    assert happened == planned
    assert counter.n == served + count


@given(schedules, st.integers())
def test_hits_never_exceed_times(schedule: Schedule, seed: int) -> None:
    """And the counter counts the hits that were made."""
    rule, counter, hits = fault(schedule), Counter(), 0
    for _ in range(60):
        counter, hit = advance(rule, counter, seed=seed, world="w")
        hits += hit is not None
    assert counter.hits == hits
    assert schedule.times is None or hits <= schedule.times


def test_bursts_of_eight_serve_each_step_exactly_once() -> None:
    """Threads that advance under a lock get every step of a sequence once, in whatever order they come."""
    steps: tuple[Step, ...] = tuple(400 + position for position in range(80))
    rule, counter, lock, barrier = (
        fault(Schedule(sequence=steps), Effect()),
        Counter(),
        threading.Lock(),
        threading.Barrier(8),
    )
    served: list[Hit | None] = []

    def serve(_worker: int) -> None:
        nonlocal counter
        for _burst in range(12):
            barrier.wait(timeout=30)
            with lock:
                counter, hit = advance(rule, counter, seed=1, world="w")
                served.append(hit)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(serve, range(8)))
    assert Tally(hit.status for hit in served if hit) == Tally(steps)
    assert served.count(None) == 16
    assert counter == Counter(n=96, hits=80)
