"""The fields of a fault as its author may write them: one table of names and readers, and the nearest usable values.

A reader takes a JSON value and returns the value of the frozen data, or raises UnfitError. A parser takes the text
after `word=` and returns a JSON value; what it can't parse stays text, for the reader to refuse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeGuard

from mockserver.faults.rules import CONNECTIONS, LONGEST_DELAY_MS, Delay, Lognormal, Step, Uniform
from mockserver.nearest import nearest_name

APPLIED_OPS: Final = ("add", "replace", "remove", "test")
"""The operations that the API applies (documented)."""

_MOST: Final = 1_000_000_000
_TAKEN_IDS: Final = {
    "plan": "GET /__admin/faults/plan tells what all rules will do",
    "prefer": "a fault that a request's header Prefer asked for is told under this id",
}
_STEP_WORDS: Final = ", ".join(("ok", *CONNECTIONS))


class UnfitError(Exception):
    """A value that can't be used: why, the nearest one that can (None: there is none), and the rule behind it.

    `name` is the field's, where the reader of one field doesn't say it already.
    """

    def __init__(self, problem: str, nearest: object, rule: str, name: str = "") -> None:
        super().__init__(problem)
        self.problem, self.nearest, self.rule, self.name = problem, nearest, rule, name


def is_utf8(text: str) -> bool:
    """Tell whether UTF-8 can carry the text: not half a character, as a lone surrogate is."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


# Readers: a JSON value in, the value of the frozen data out.


def _read_string(value: object) -> str:
    if not isinstance(value, str):
        raise UnfitError("is not a string", str(value), "write it as a string")
    if not value:
        raise UnfitError("is empty", None, "leave it out, or write at least one character")
    if not is_utf8(value):
        raise UnfitError("holds half a character", None, "write text that UTF-8 can carry")
    return value


def _read_id(value: object) -> str:
    if isinstance(value, str) and value in _TAKEN_IDS:
        raise UnfitError("is taken", f"{value}-rule", _TAKEN_IDS[value])
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
        return value
    nearest = re.sub(r"[^A-Za-z0-9._-]+", "-", str(value)).strip("-")[:64] or "my-rule"
    raise UnfitError("is no rule id", nearest, "an id is 1 to 64 ASCII letters, digits, dots, underscores or hyphens")


def _choice(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise UnfitError("is unknown", nearest_name(value, choices) or choices[0], f"one of {', '.join(choices)}")

    return read


def _read_path(value: object) -> str:
    path = _read_string(value)
    if re.fullmatch(r"(/([^/~]|~[01])+)+", path):
        return path
    # Also from a fragment (#/Emails), JSONPath ($.Emails[0]) or a pointer with stray slashes.
    names = [name for name in re.split(r"[/.#$\[\]~]+", path) if name]
    rule = "a path is a JSON pointer to a member; leave it out to match any"
    raise UnfitError("is no path", "/" + "/".join(names or ["Emails"]), rule)


def _read_status(value: object) -> int:
    if _is_whole(value) and 400 <= value <= 599:
        return value
    close = nearest_name(value, ("500", "400", "401", "403", "404", "503"))
    rule = "a fault's status is a number from 400 to 599; a normal answer needs no fault"
    raise UnfitError("is no error status", int(close) if close else 400 if str(value).startswith("4") else 500, rule)


def _read_probability(value: object) -> float:
    if _is_number(value) and 0 < value <= 1:
        return float(value)
    probability = abs(next(iter(_numbers_in(value)), 0.0))
    if isinstance(value, str) and value.endswith("%"):
        probability /= 100
    while probability > 1:
        probability /= 10
    rule = "a probability lies between 0 and 1; a rule that shall never strike is left out"
    raise UnfitError("is no probability", plain(float(f"{probability:.6g}")) or 0.1, rule)


def _read_count(value: object) -> int:
    if _is_whole(value) and 1 <= value <= _MOST:
        return value
    raise UnfitError("is no count", _nearest_count(value), f"a count is a whole number from 1 to {_MOST}")


def _read_skip(value: object) -> int:
    return 0 if value == 0 and _is_whole(value) else _read_count(value)


def _read_at(value: object) -> tuple[int, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    nearest = sorted({_nearest_count(item) for item in items}) or [1]
    if items is value and len(items) == len(nearest) and all(_is_whole(item) and 1 <= item <= _MOST for item in items):
        return tuple(items)
    raise UnfitError("is no list of positions", nearest, "positions count from 1, each named once")


def _read_sequence(value: object) -> tuple[Step, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    if items is value and all(_is_step(item) for item in items) and any(item != "ok" for item in items):
        return tuple(items)
    nearest = [item if _is_step(item) else _nearest_step(item) for item in items]
    if all(item == "ok" for item in nearest):
        nearest = [500, *nearest[1:]]
    rule = f"a sequence has a fault in it, and each step is a status from 400 to 599 or one of {_STEP_WORDS}"
    raise UnfitError("is no sequence of faults", nearest, rule)


def _read_lifetime(value: object) -> float:
    if _is_number(value) and 0 < value <= _MOST:
        return float(value)
    numbers = [abs(number) for number in _numbers_in(value) if 0 < abs(number) <= _MOST]
    raise UnfitError(
        "is no lifetime", plain(next(iter(numbers), 30.0)), f"a lifetime is more than 0 and at most {_MOST} seconds"
    )


def _read_delay(value: object) -> Delay:
    delay = _delay_of(value)
    if delay is None:
        bounds = f"more than 0 and at most {LONGEST_DELAY_MS:.0f} milliseconds"
        rule = f"a delay is {bounds}: one number, a lower and a higher bound, or a median and a sigma of at most 5"
        raise UnfitError("is no delay", _nearest_delay(value), rule)
    return delay


def _delay_of(value: Any) -> Delay | None:
    if _is_number(value):
        return float(value) if 0 < value <= LONGEST_DELAY_MS else None
    match value:
        case {"uniform": [low, high], **rest} if not rest and _is_number(low) and _is_number(high):
            return Uniform(float(low), float(high)) if 0 <= low < high <= LONGEST_DELAY_MS else None
        case {"lognormal": {"median": median, "sigma": sigma, **more}, **rest} if not more and not rest:
            fits = _is_number(median) and 0 < median <= LONGEST_DELAY_MS and _is_number(sigma) and 0 < sigma <= 5
            return Lognormal(float(median), float(sigma)) if fits else None
    return None


# The nearest value that can be used.


def plain(number: float) -> float:
    """Return a whole number as an integer, so that it is written without a fraction."""
    return int(number) if number.is_integer() else number


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_step(item: object) -> TypeGuard[Step]:
    return (isinstance(item, str) and item in ("ok", *CONNECTIONS)) or (_is_whole(item) and 400 <= item <= 599)


_NUMBER: Final = r"-?(?:\d{1,15}(?:\.\d{1,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?"


def _numbers_in(value: object) -> list[float]:
    found = re.findall(_NUMBER, str(value)[:200].replace("..", " "), re.ASCII)
    return [number for number in map(float, found) if math.isfinite(number)]


def _nearest_count(value: object) -> int:
    number = value if _is_whole(value) else next(iter(_numbers_in(value)), 1.0)
    return max(1, min(_MOST, round(abs(number))))


def _nearest_step(item: object) -> Step:
    number = next(iter(_numbers_in(item)), None)
    if number is not None:
        return int(number) if 400 <= number <= 599 else "ok" if 100 <= number < 400 else 500
    name = nearest_name(item, ("ok", *CONNECTIONS))
    return next((kind for kind in CONNECTIONS if kind == name), "ok" if name else 500)


def _nearest_delay(value: object) -> object:
    numbers = [min(abs(number), LONGEST_DELAY_MS) for number in _numbers_in(value)]
    positive = [number for number in numbers if number] or [200.0]
    if "lognormal" in str(value):
        sigma = next((number for number in positive[1:] if number <= 5), 0.5)
        return {"lognormal": {"median": plain(positive[0]), "sigma": plain(sigma)}}
    low, high = min(numbers[:2], default=0), max(numbers[:2], default=0)
    return {"uniform": [plain(low), plain(high)]} if low < high else plain(positive[0])


# Parsers: the text after `word=` in, a JSON value out.


def _parse_number(text: str) -> object:
    if re.fullmatch(r"-?\d{1,15}", text, re.ASCII):
        return int(text)
    return float(text) if re.fullmatch(_NUMBER, text, re.ASCII) else text


def _parse_list(text: str) -> object:
    return [_parse_number(item) for item in text.split(",")]


def _unit_parser(units: Mapping[str, int]) -> Callable[[str], object]:
    def parse(text: str) -> object:
        found = re.fullmatch(rf"({_NUMBER})([a-z]*)", text, re.ASCII)
        return plain(float(found[1]) * units[found[2]]) if found and found[2] in units else text

    return parse


_parse_ms = _unit_parser({"": 1, "ms": 1, "s": 1000})
_parse_seconds = _unit_parser({"": 1, "s": 1, "m": 60, "h": 3600})


def _parse_delay(text: str) -> object:
    if lognormal := re.fullmatch(r"lognormal\(([^,]*),([^,]*)\)", text):
        return {"lognormal": {"median": _parse_ms(lognormal[1]), "sigma": _parse_number(lognormal[2])}}
    low, dots, high = text.partition("..")
    return {"uniform": [_parse_ms(low), _parse_ms(high)]} if dots else _parse_ms(text)


class Field(NamedTuple):
    """A field of a rule: its JSON section, its word in text (none for a bare word), its parser and reader."""

    section: str
    word: str
    parse: Callable[[str], object]
    read: Callable[[object], Any]


FIELDS: Final[Mapping[str, Field]] = {
    "status": Field("effect", "", _parse_number, _read_status),
    "connection": Field("effect", "", str, _choice(*CONNECTIONS)),
    "when": Field("effect", "", str, _choice("before", "after")),
    "delay_ms": Field("effect", "delay", _parse_delay, _read_delay),
    "message": Field("effect", "message", str, _read_string),
    "sequence": Field("schedule", "sequence", _parse_list, _read_sequence),
    "probability": Field("schedule", "p", _parse_number, _read_probability),
    "first": Field("schedule", "first", _parse_number, _read_count),
    "after": Field("schedule", "after", _parse_number, _read_skip),
    "every": Field("schedule", "every", _parse_number, _read_count),
    "at": Field("schedule", "at", _parse_list, _read_at),
    "times": Field("schedule", "times", _parse_number, _read_count),
    "client": Field("match", "client", str, _read_string),
    "user": Field("match", "user", str, _read_string),
    "alternate_id_type": Field("match", "type", str, _read_string),
    "alternate_id": Field("match", "id", str, _read_string),
    "operation": Field("match", "operation", str, _read_string),
    "op": Field("match", "op", str, _choice(*APPLIED_OPS, "move", "copy")),
    "path": Field("match", "path", str, _read_path),
    "expires_in_s": Field("", "expires", _parse_seconds, _read_lifetime),
    "id": Field("", "rule", str, _read_id),
}
