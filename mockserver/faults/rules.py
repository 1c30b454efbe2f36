"""Planned misbehaviour: which requests a rule matches, and what the n-th of them gets.

Nothing here keeps state or looks at a clock: a decision is a function of the rule, the seed, the world, and two
integers that the world holds for each rule. So a plan is made by the very code that later decides, and threads can't
change what happens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from mockserver.profile.paths import covers, segments

Connection: TypeAlias = Literal["reset", "empty", "truncate", "garbage", "drip", "stall"]
When: TypeAlias = Literal["before", "after"]
Step: TypeAlias = int | Connection | Literal["ok"]

CONNECTIONS: Final[tuple[Connection, ...]] = ("reset", "empty", "truncate", "garbage", "drip", "stall")
BROKEN: Final = frozenset(CONNECTIONS) - {"drip"}
"""Those after which the client has no whole answer."""
LONGEST_DELAY_MS: Final = 600_000.0
"""The longest delay in milliseconds, given or drawn: a mock that must never answer stalls."""


class Match(Struct, frozen=True):
    """Select requests; an absent field matches everything, and all given fields must hold.

    Compared without case, except `user`. `operation` is a name of the table of operations. `op` and `path` hold for one
    and the same operation of the patch. `path` is a JSON pointer: it covers the member and everything below it, and `*`
    stands for any one segment.
    """

    client: str | None = None
    user: str | None = None
    alternate_id_type: str | None = None
    alternate_id: str | None = None
    op: str | None = None
    path: str | None = None
    operation: str | None = None


class Uniform(Struct, frozen=True):
    """A delay between two bounds in milliseconds, all equally likely."""

    low: float
    high: float


class Lognormal(Struct, frozen=True):
    """A delay with a long tail: median in milliseconds, sigma as the spread of its logarithm."""

    median: float
    sigma: float


Delay: TypeAlias = float | Uniform | Lognormal


class Effect(Struct, frozen=True):
    """What a hit does to a request.

    `when="before"`: nothing is applied. `when="after"`: the patch is applied and saved, then the fault strikes; a
    patch that the API refuses keeps its refusal, for nothing was applied.
    `reset`, `empty`, `garbage` and `stall` replace the answer: a TCP reset, a close without a byte, bytes that are not
    HTTP, silence on an open connection. `truncate` and `drip` cut or slow down the answer: that of `status`, or without
    a status the real one (with `truncate` and "before": of a patch that is not saved). A delay or a drip alone still
    delivers the real answer whole, so the request is applied whatever `when` says.
    """

    status: int | None = None
    message: str | None = None
    delay_ms: Delay | None = None
    connection: Connection | None = None
    when: When = "before"


class Schedule(Struct, frozen=True):
    """Say which of a rule's matching requests are hit: those on which all given fields agree.

    Each rule counts its own matches in each world, from 1. `after` skips that many; the positions below count from the
    first match that is not skipped.
    `first=k`: positions 1 to k. `every=k`: positions k, 2k, 3k, … `at`: exactly these positions.
    `sequence`: position i gets step i: a status, a connection fault, or "ok" for no fault; past the end all is ok.
    `probability`: each remaining match is drawn on its own. `times`: no more than that many hits in all.
    """

    probability: float = 1.0
    first: int | None = None
    after: int = 0
    every: int | None = None
    at: tuple[int, ...] | None = None
    times: int | None = None
    sequence: tuple[Step, ...] | None = None


class Fault(Struct, frozen=True):
    """One rule; it ends `expires_in_s` seconds after its world took it in, or never.

    One that is not `enabled` matches nothing and counts nothing until it is switched on again.
    """

    id: str
    match: Match = Match()
    effect: Effect = Effect()
    schedule: Schedule = Schedule()
    expires_in_s: float | None = None
    enabled: bool = True


class Counter(NamedTuple):
    """How many requests a rule has matched and hit in one world: all the state that a rule has."""

    n: int = 0
    hits: int = 0


class Hit(NamedTuple):
    """What one request gets, with every draw made; `delay_s` is in seconds."""

    rule: str
    n: int
    status: int | None
    message: str | None
    connection: Connection | None
    when: When
    delay_s: float

    @property
    def only_delays(self) -> bool:
        """Tell whether the real answer follows unharmed."""
        return self.status is None and self.connection is None

    @property
    def applies(self) -> bool:
        """Tell whether the request takes effect; see `Effect`."""
        return self.when == "after" or (self.status is None and self.connection in {None, "drip"})


class Facts(NamedTuple):
    """What a rule can ask about a request; `operations` are (op, path) pairs, none if the body can't be read.

    `client` is the URL's clientId without a world suffix, `user` the one that the credentials claim.
    """

    client: str
    user: str | None
    alternate_id_type: str
    alternate_id: str
    operations: Sequence[tuple[str, str]] = ()
    operation: str = ""


class Decision(NamedTuple):
    """What all rules together do to one request: the new counters of those that matched, and what is due.

    `hit` is the answer; `hits` names every rule that struck, in order, for the story.
    """

    counters: dict[str, Counter]
    hit: Hit | None
    hits: tuple[Hit, ...]


_pattern_segments = lru_cache(maxsize=512)(segments)


def matching(faults: Iterable[Fault], facts: Facts) -> list[Fault]:
    """Return the rules that are about this request, in their order."""
    # Split once for all rules: there may be a thousand of these and of those.
    sent = [(op.casefold(), segments(path)) for op, path in facts.operations]
    return [fault for fault in faults if _is_about(fault.match, facts) and _is_about_one_of(fault.match, sent)]


def needs_operations(faults: Iterable[Fault]) -> bool:
    """Tell whether any rule asks about operations, so that the body must be read before the decision."""
    return any(fault.match.op is not None or fault.match.path is not None for fault in faults)


def expired(fault: Fault, *, created_at: float, now: float) -> bool:
    """Tell whether a rule's time is over; both times in seconds of the same clock."""
    return fault.expires_in_s is not None and created_at + fault.expires_in_s <= now


def draw(seed: int, rule: str, world: str, n: int, purpose: str) -> float:
    """Return a number strictly between 0 and 1 that depends on the arguments alone."""
    # ascii() keeps the five apart whatever they contain, and reads the same in every Python and process.
    digest = blake2b(ascii((seed, rule, world, n, purpose)).encode(), digest_size=8).digest()
    # 52 bits and a half step: the largest double below 1 is reached, 1 and 0 (which have no quantile) are not.
    return ((int.from_bytes(digest, "big") >> 12) + 0.5) / (1 << 52)


def due(effect: Effect, *, rule: str, n: int, seed: int, world: str) -> Hit:
    """Turn an effect into what one request gets, whatever the schedule."""
    message = effect.message
    if message is None and effect.status is not None:
        # A status that the table lacks gets the library's words for any failure.
        message = DEFAULT_MESSAGES.get(effect.status, DEFAULT_MESSAGES[500])
    delay_s = 0.0 if effect.delay_ms is None else _drawn_ms(effect.delay_ms, (seed, rule, world, n)) / 1000
    return Hit(rule, n, effect.status, message, effect.connection, effect.when, delay_s)


def decision(fault: Fault, *, seed: int, world: str, n: int, hits: int = 0) -> Hit | None:
    """Decide the n-th matching request of a rule that has struck `hits` times before."""
    schedule, effect = fault.schedule, fault.effect
    position = n - schedule.after
    if not _is_due(schedule, position) or (schedule.times is not None and hits >= schedule.times):
        return None
    if schedule.sequence is not None:
        step = schedule.sequence[position - 1] if position <= len(schedule.sequence) else "ok"
        if step == "ok":
            return None
        effect = _with_step(effect, step)
    if schedule.probability < 1 and draw(seed, fault.id, world, n, "hit") >= schedule.probability:
        return None
    return due(effect, rule=fault.id, n=n, seed=seed, world=world)


def advance(fault: Fault, counter: Counter, *, seed: int, world: str) -> tuple[Counter, Hit | None]:
    """Decide the next matching request; the caller holds the lock under which the counter is replaced."""
    n = counter.n + 1
    hit = decision(fault, seed=seed, world=world, n=n, hits=counter.hits)
    return Counter(n, counter.hits + (hit is not None)), hit


def plan(fault: Fault, counter: Counter, *, seed: int, world: str, count: int) -> list[Hit | None]:
    """List what a rule will do to its next `count` matching requests."""
    if not fault.enabled:
        return [None] * count
    planned = []
    for _ in range(count):
        counter, hit = advance(fault, counter, seed=seed, world=world)
        planned.append(hit)
    return planned


def strike(faults: Iterable[Fault], counters: Mapping[str, Counter], *, seed: int, world: str) -> Decision:
    """Decide a request that these rules match, in their order; leave expired ones out.

    Every rule that matches counts the request and its own hit, also when an earlier rule overrides it: what a rule
    does never depends on the others, so its plan holds. The first rule to strike decides the answer; rules that only
    delay decide nothing, and their delays add to it.
    """
    advanced: dict[str, Counter] = {}
    hits = []
    for fault in faults:
        if fault.enabled:
            advanced[fault.id], hit = advance(fault, counters.get(fault.id, Counter()), seed=seed, world=world)
            if hit is not None:
                hits.append(hit)
    return Decision(advanced, combined(hits), tuple(hits))


# The text of a fault that brings none. Documented is that of 401, the library's that of 500, and that of 400 for a bad
# model; all else is assumed.
DEFAULT_MESSAGES: Final[Mapping[int, str]] = {
    400: "The request is invalid.",
    401: "Unable to authenticate request",
    403: "The user does not have permission to access the requested resource.",
    404: "The requested resource was not found.",
    429: "Too many requests.",
    500: "An error has occurred.",
    502: "The gateway received an invalid response.",
    503: "The service is unavailable.",
    504: "The gateway timed out.",
}

MAGIC_IDS: Final[Mapping[str, Effect]] = {
    "fault-400": Effect(status=400),
    "fault-401": Effect(status=401),
    "fault-403": Effect(status=403),
    "fault-404": Effect(status=404),
    "fault-500": Effect(status=500),
    "fault-503": Effect(status=503),
    "fault-delay-1s": Effect(delay_ms=1000.0),
    "fault-reset": Effect(connection="reset"),
    "fault-empty": Effect(connection="empty"),
    "fault-truncate": Effect(connection="truncate"),
    "fault-garbage": Effect(connection="garbage"),
    "fault-drip": Effect(connection="drip"),
    "fault-stall": Effect(connection="stall"),
    "fault-after-500": Effect(status=500, when="after"),
    "fault-after-reset": Effect(connection="reset", when="after"),
}
"""Alternate ids that provoke a fault by themselves, for applications that can't add headers (assumed: ours alone)."""


def magic_fault(alternate_id: str) -> Effect | None:
    """Return what a magic alternate id provokes; compared without case, as every alternate id."""
    return MAGIC_IDS.get(alternate_id.casefold())


def _same(wanted: str | None, actual: str) -> bool:
    return wanted is None or wanted == actual or wanted.casefold() == actual.casefold()


def _is_about(match: Match, facts: Facts) -> bool:
    return (
        _same(match.client, facts.client)
        and (match.user is None or match.user == facts.user)
        and _same(match.alternate_id_type, facts.alternate_id_type)
        and _same(match.alternate_id, facts.alternate_id)
        and _same(match.operation, facts.operation)
    )


def _is_about_one_of(match: Match, sent: Sequence[tuple[str, tuple[str, ...]]]) -> bool:
    if match.op is None and match.path is None:
        return True
    wanted = None if match.op is None else match.op.casefold()
    pattern = _pattern_segments(match.path or "")
    length = len(pattern)
    for op, path in sent:
        if wanted in (None, op) and (path[:length] == pattern or ("*" in pattern and covers(pattern, path))):
            return True
    return False


def _is_due(schedule: Schedule, position: int) -> bool:
    return (
        position >= 1
        and (schedule.first is None or position <= schedule.first)
        and (schedule.every is None or position % schedule.every == 0)
        and (schedule.at is None or position in schedule.at)
    )


def _with_step(effect: Effect, step: int | Connection) -> Effect:
    if isinstance(step, int):
        return replace(effect, status=step)
    return replace(effect, connection=step, message=None)


def _drawn_ms(delay: Delay, key: tuple[int, str, str, int]) -> float:
    if isinstance(delay, Uniform):
        return delay.low + (delay.high - delay.low) * draw(*key, "delay")
    if isinstance(delay, Lognormal):
        # Imported when needed: it brings fractions and decimal along, which would slow every start.
        from statistics import NormalDist

        spread = math.exp(delay.sigma * NormalDist().inv_cdf(draw(*key, "delay")))
        return min(delay.median * spread, LONGEST_DELAY_MS)
    return delay


def combined(hits: Sequence[Hit]) -> Hit | None:
    """Return what a request gets of several hits: the first that does more than delay decides, and delays add to it."""
    if not hits:
        return None
    deciding = next((hit for hit in hits if not hit.only_delays), hits[0])
    total_s = sum(hit.delay_s for hit in hits if hit is deciding or hit.only_delays)
    return deciding._replace(delay_s=min(total_s, LONGEST_DELAY_MS / 1000))
