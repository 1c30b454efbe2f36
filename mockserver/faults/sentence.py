"""A rule as a sentence: what it does, to which of the requests, and to whose."""

from __future__ import annotations

from collections.abc import Iterator

from mockserver.faults.rules import Delay, Effect, Fault, Lognormal, Match, Schedule, Uniform

_BREAKS = {
    "reset": "resets the connection",
    "empty": "closes the connection without a byte",
    "truncate": "cuts the answer off in its middle",
    "garbage": "sends bytes that are no HTTP",
    "drip": "sends the answer in small pieces",
    "stall": "never answers",
}


def sentence(fault: Fault) -> str:
    """Return what a rule does as a person would say it."""
    text = f"{' and '.join(_does(fault.effect, fault.schedule))}{_applied(fault)}: {_which(fault.schedule)}"
    text += f" {_whose(fault.match)}".rstrip()
    if fault.expires_in_s is not None:
        text += f", for {fault.expires_in_s:g} s"
    return f"{text[0].upper()}{text[1:]}."


def _does(effect: Effect, schedule: Schedule) -> Iterator[str]:
    if effect.delay_ms is not None:
        yield f"delays the answer by {_delay(effect.delay_ms)}"
    if schedule.sequence is not None:
        yield f"gives one after the other {', '.join(map(str, schedule.sequence))}"
    if effect.status is not None:
        yield f"answers {effect.status}"
    if effect.connection is not None:
        yield _BREAKS[effect.connection]


def _delay(delay: Delay) -> str:
    if isinstance(delay, Uniform):
        return f"{delay.low:g} to {delay.high:g} ms"
    if isinstance(delay, Lognormal):
        return f"about {delay.median:g} ms, now and then much more"
    return f"{delay:g} ms"


def _applied(fault: Fault) -> str:
    effect = fault.effect
    if effect.when == "after":
        return " after the patch was applied and saved"
    harmless = effect.status is None and effect.connection in (None, "drip") and fault.schedule.sequence is None
    return "" if harmless else ", and nothing is applied"


def _which(schedule: Schedule) -> str:
    parts = [
        f"number {', '.join(map(str, schedule.at))}" if schedule.at else "",
        f"the first {schedule.first}".removesuffix(" 1") if schedule.first else "",
        f"each number {schedule.every}" if schedule.every else "",
        f"{schedule.probability * 100:g} % at random" if schedule.probability < 1 else "",
    ]
    text = ", ".join(filter(None, parts))
    text = f"{text} of the requests" if text else "all requests"
    text += f" after {schedule.after}" if schedule.after else ""
    return text + (f" (at most {schedule.times})" if schedule.times else "")


def _whose(match: Match) -> str:
    parts = [
        f"for the operation {match.operation}" if match.operation else "",
        f"to client {match.client}" if match.client else "",
        f"of user {match.user}" if match.user else "",
        f"for ids of type {match.alternate_id_type}" if match.alternate_id_type else "",
        f"for the id {match.alternate_id}" if match.alternate_id else "",
    ]
    if match.op or match.path:
        parts.append(f"with {match.op or 'an operation'}{f' at {match.path}' if match.path else ''}")
    return " ".join(filter(None, parts))
