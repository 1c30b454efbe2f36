"""Request patterns: WireMock's, with fields of our own beside them, compiled to criteria.

What a pattern can't mean is refused with what to write instead, because a field that is silently ignored makes a
verification pass that should not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter, eq
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

from mockserver.errors import UsageError
from mockserver.faults.rules import BROKEN
from mockserver.journal.log import Exchange
from mockserver.journal.matchers import (
    TEXT_MATCHERS,
    below,
    body_matchers,
    read_boolean,
    read_choice,
    read_matcher,
    read_object,
    read_regex,
    read_text,
)
from mockserver.journal.redaction import SHOWN_HEADERS
from mockserver.journal.view import operations, text_of
from mockserver.journal.work import Work
from mockserver.profile.keys import fold
from mockserver.profile.paths import covers, segments
from mockserver.story.provenance import RULES


@dataclass(frozen=True, slots=True)
class Criterion:
    """One field of a pattern: as written, what an exchange has there, and whether that will do.

    `size` is how many bytes of an exchange it looks at.
    """

    field: str
    expected: Any
    actual: Callable[[Exchange], Any]
    accepts: Callable[[Any], bool]
    size: Callable[[Exchange], int] = lambda exchange: len(exchange.target)

    def holds(self, exchange: Exchange, work: Work) -> bool:
        """Tell whether an exchange meets it."""
        work.spend(1 + self.size(exchange) // _BYTES_A_STEP)
        return self.accepts(self.actual(exchange))


_BYTES_A_STEP: Final = 50

Pattern: TypeAlias = tuple[Criterion, ...]


def matching(pattern: Pattern, exchanges: Iterable[Exchange], work: Work) -> list[Exchange]:
    """Return the exchanges that meet every criterion, in the order given."""
    left = list(exchanges)
    for criterion in pattern:
        accepts, actual = criterion.accepts, criterion.actual
        work.spend(len(left) + sum(map(criterion.size, left)) // _BYTES_A_STEP)
        left = [exchange for exchange in left if accepts(actual(exchange))]
    return left


def matches(pattern: Pattern, exchange: Exchange, work: Work) -> bool:
    """Tell whether an exchange meets every criterion."""
    work.spend(1)
    return all(criterion.holds(exchange, work) for criterion in pattern)


_URLS: Final = ("url", "urlPath", "urlPattern", "urlPathPattern")
REFUSED_FIELDS: Final[Mapping[str, str]] = {
    "urlPathTemplate": "write urlPathPattern, or client, alternateIdType and alternateId",
    "pathParameters": "write client, alternateIdType and alternateId",
    "formParameters": "write bodyPatterns",
    "multipartPatterns": "write bodyPatterns",
    "cookies": "the API has no cookies",
    "basicAuthCredentials": "credentials are never kept; write user",
    "customMatcher": "write bodyPatterns, op and path",
    "scheme": "write url",
    "host": 'write headers: {"Host": {"equalTo": …}}',
    "port": 'write headers: {"Host": {"equalTo": …}}',
    "clientIp": "addresses are not kept",
}


def read_pattern(spec: Any, place: str = "", work: Work | None = None) -> Pattern:
    """Compile a pattern, cheap criteria first; raise UsageError with the field and what to write instead."""
    fields = read_object(spec, place, _FIELDS, REFUSED_FIELDS)
    if len(urls := [name for name in _URLS if name in fields]) > 1:
        raise UsageError(f"{urls[0]} and {urls[1]} exclude each other", place=place, hint="write only one of them")
    readers: Mapping[str, Callable[..., Iterator[Criterion]]]
    readers = {**_FIELDS, "bodyPatterns": partial(_body, work=work or Work())}
    return tuple(
        criterion
        for name, read in readers.items()
        if name in fields
        for criterion in read(fields[name], below(place, name))
    ) + _operation_criterion(fields)


def _method(value: Any, place: str) -> Iterator[Criterion]:
    wanted = read_text(value, place).upper()
    if wanted != "ANY":
        yield Criterion("method", value, attrgetter("method"), partial(eq, wanted))


def _url(name: str) -> Callable[[Any, str], Iterator[Criterion]]:
    actual: Callable[[Exchange], str] = _path_of if name.startswith("urlPath") else attrgetter("target")

    def read(value: Any, place: str) -> Iterator[Criterion]:
        text = read_text(value, place)
        if name.endswith("Pattern"):
            yield Criterion(name, value, actual, read_regex(text, place))
        else:
            yield Criterion(name, value, actual, partial(eq, text))

    return read


def _path_of(exchange: Exchange) -> str:
    return exchange.target.partition("?")[0]


def _equal(attribute: str, read: Callable[[Any, str], Any]) -> Callable[[Any, str], Iterator[Criterion]]:
    """Return the reader of a field that must be equal to one attribute of the exchange."""

    def criteria(value: Any, place: str) -> Iterator[Criterion]:
        yield Criterion(place.rpartition(".")[2], value, attrgetter(attribute), partial(eq, read(value, place)))

    return criteria


def _read_status(value: Any, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError("is not a status", place=place, hint="write a number such as 200")
    return value


def _key_part(index: int) -> Callable[[Any, str], Iterator[Criterion]]:
    def read(value: Any, place: str) -> Iterator[Criterion]:
        wanted = fold(read_text(value, place))

        def accepts(part: str | None) -> bool:
            # A clientId may carry the name of a world behind a tilde.
            folded = fold(part or "")
            return folded == wanted or (index == 0 and folded.partition("~")[0] == wanted)

        yield Criterion(place.rpartition(".")[2], value, lambda exchange: exchange.key and exchange.key[index], accepts)

    return read


def _fault(value: Any, place: str) -> Iterator[Criterion]:
    if isinstance(value, bool):
        yield Criterion("fault", value, lambda exchange: exchange.fault, lambda fault: (fault is not None) is value)
        return
    if not isinstance(value, str):
        raise UsageError("is no fault", place=place, hint="write a rule's id, <rule>#<n>, true (any) or false (none)")
    yield Criterion(
        "fault", value, lambda exchange: exchange.fault, lambda f: f is not None and value in (f, f.rpartition("#")[0])
    )


def _headers(value: Any, place: str) -> Iterator[Criterion]:
    for name, matcher in _named_matchers(value, place):
        accepts = read_matcher(matcher, below(place, name), TEXT_MATCHERS)
        if name.lower() not in SHOWN_HEADERS and set(matcher) != {"absent"}:
            hint = "write absent: whether it was sent is kept; or send the value in X-Request-Id or X-Correlation-Id"
            raise UsageError("the journal keeps no value of this header", place=below(place, name), hint=hint)
        yield Criterion(
            f"headers.{name}", matcher, _header_values(name.lower()), accepts, lambda e: 10 * len(e.headers)
        )


def _header_values(folded: str) -> Callable[[Exchange], list[str]]:
    length = len(folded)
    return lambda exchange: [v for name, v in exchange.headers if len(name) == length and name.lower() == folded]


def _query(value: Any, place: str) -> Iterator[Criterion]:
    for name, matcher in _named_matchers(value, place):
        accepts = read_matcher(matcher, below(place, name), TEXT_MATCHERS)
        yield Criterion(f"queryParameters.{name}", matcher, partial(_parameter_values, name=name), accepts)


def _parameter_values(exchange: Exchange, name: str) -> list[str]:
    return parse_qs(exchange.target.partition("?")[2], keep_blank_values=True).get(name, [])


def _body(value: Any, place: str, work: Work) -> Iterator[Criterion]:
    if not isinstance(value, list):
        raise UsageError("is not a list", place=place, hint='write a list such as [{"contains": "IsActive"}]')
    for index, matcher in enumerate(value):
        here = f"{place}[{index}]"
        accepts = read_matcher(matcher, here, body_matchers(work))
        yield Criterion(f"bodyPatterns[{index}]", matcher, lambda one: [text_of(one.body)], accepts, _body_size)


def _body_size(exchange: Exchange) -> int:
    return len(exchange.body)


def _named_matchers(value: Any, place: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise UsageError("is not an object", place=place, hint='write one such as {"Accept": {"contains": "json"}}')
    return value.items()


def _op_or_path(value: Any, place: str) -> Iterator[Criterion]:
    """Check a field that is matched together with its twin, for both must hold for one and the same operation."""
    if place.endswith("op"):
        read_choice(value, place, ("add", "replace", "remove", "test", "move", "copy"))
    elif not segments(read_text(value, place)):
        raise UsageError("names no member", place=place, hint="write a JSON Pointer such as /IsActive, or leave it out")
    yield from ()


def _operation_criterion(fields: Mapping[str, Any]) -> Pattern:
    expected = {name: fields[name] for name in ("op", "path") if name in fields}
    wanted = segments(expected.get("path", ""))

    # The same few operations come again and again.
    @lru_cache(maxsize=1024)
    def is_about(operation: tuple[str, str]) -> bool:
        op, path = operation
        return expected.get("op") in (None, op.lower()) and covers(wanted, segments(path))

    def accepts(sent: list[tuple[str, str]]) -> bool:
        return any(map(is_about, sent))

    return (Criterion("operation", expected, operations, accepts, _body_size),) if expected else ()


_FIELDS: Final[Mapping[str, Callable[..., Iterator[Criterion]]]] = {
    "method": _method,
    "status": _equal("seen_status", _read_status),
    "connection": _equal("broken", partial(read_choice, choices=sorted(BROKEN))),
    "surprising": _equal("surprising", read_boolean),
    "reason": _equal("story.reason", partial(read_choice, choices=RULES)),
    "client": _key_part(0),
    "alternateIdType": _key_part(1),
    "alternateId": _key_part(2),
    "user": _equal("user", lambda value, place: None if value is None else read_text(value, place)),
    "fault": _fault,
    **{name: _url(name) for name in _URLS},
    "headers": _headers,
    "queryParameters": _query,
    "op": _op_or_path,
    "path": _op_or_path,
    "changed": _equal("changed", read_boolean),
    "bodyPatterns": _body,  # which also takes the work
}

PATTERN_FIELDS: Final = tuple(_FIELDS)
