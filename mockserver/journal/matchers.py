"""Matchers: what a header, a query parameter or a body must look like, in WireMock's words; and reading them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

import orjson

from mockserver.errors import UsageError
from mockserver.journal.work import Work
from mockserver.nearest import did_you_mean

Accepts: TypeAlias = Callable[[Sequence[str]], bool]
"""Takes the values that a request has there: none, one, or several of a repeated header."""
Compile: TypeAlias = Callable[..., Accepts]


def read_object(
    value: Any, place: str, allowed: Iterable[str], refused: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """Return a JSON object that has none but the allowed names; raise UsageError."""
    if not isinstance(value, Mapping):
        raise UsageError("is not an object", place=place or "the request", hint=f"write one with {', '.join(allowed)}")
    for name in value:
        if name in (refused or {}):
            raise UsageError(f"{name} is not supported", place=place, hint=(refused or {})[name])
        if name not in allowed:
            hint = did_you_mean(name, allowed, f"known are {', '.join(allowed)}")
            raise UsageError(f"unknown field {name!r}", place=place, hint=hint)
    return value


def below(place: str, name: str) -> str:
    """Return the place of a field for error messages, as a path with dots."""
    return f"{place}.{name}" if place else name


def read_text(value: Any, place: str) -> str:
    """Return text; raise UsageError for anything else."""
    if not isinstance(value, str):
        raise UsageError("is not text", place=place, hint='write it in quotes, such as "…"')
    return value


def read_choice(value: Any, place: str, choices: Iterable[str]) -> str:
    """Return one of the choices; raise UsageError with the nearest for anything else."""
    text = read_text(value, place)
    if text not in choices:
        hint = did_you_mean(text, choices, f"write one of {', '.join(sorted(choices))}")
        raise UsageError(f"unknown {place.rpartition('.')[2]} {text!r}", place=place, hint=hint)
    return text


def read_boolean(value: Any, place: str) -> bool:
    """Return a boolean; raise UsageError for anything else."""
    if not isinstance(value, bool):
        raise UsageError("is not a boolean", place=place, hint="write true or false")
    return value


# -- matchers --------------------------------------------------------------------------------------------------------

_NOT_HERE: Final[Mapping[str, str]] = {
    "matchesJsonPath": "write equalToJson with ignoreExtraElements, or the pattern's own op and path",
    "matchesJsonSchema": "write equalToJson with ignoreExtraElements, or the pattern's own op and path",
    "equalToXml": "write contains or matches, or the pattern's own op and path",
    "matchesXPath": "write contains or matches, or the pattern's own op and path",
    "binaryEqualTo": "write equalTo, contains or matches",
    "and": "write the matchers side by side: all must hold",
    "or": "write one regular expression with matches",
    "before": "write matches",
    "after": "write matches",
    "equalToDateTime": "write matches",
}


def read_matcher(spec: Any, place: str, matchers: Mapping[str, Compile]) -> Accepts:
    """Compile an object of matchers, all of which must hold; raise UsageError."""
    fields = read_object(spec, place, (*matchers, *_OPTIONS), _NOT_HERE)
    accepts = [matchers[name](fields, below(place, name)) for name in fields if name in matchers]
    if not accepts:
        raise UsageError("has no matcher", place=place, hint=f"write one of {', '.join(matchers)}")
    for name in fields:
        if name in _OPTIONS and not any(of in fields for of in _OPTIONS[name]):
            raise UsageError(f"{name} has nothing to act on", place=place, hint=f"it goes with {_OPTIONS[name][0]}")
    return accepts[0] if len(accepts) == 1 else lambda values: all(accept(values) for accept in accepts)


_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "caseInsensitive": ("equalTo",),
    "ignoreArrayOrder": ("equalToJson",),
    "ignoreExtraElements": ("equalToJson",),
}


def _some(test: Callable[[str], Any]) -> Accepts:
    def accepts(values: Sequence[str]) -> bool:
        for value in values:  # noqa: SIM110  a third faster than any(), and this runs for each entry of the journal
            if test(value):
                return True
        return False

    return accepts


def _equal_to(fields: Mapping[str, Any], place: str) -> Accepts:
    wanted = read_text(fields["equalTo"], place)
    if read_boolean(fields.get("caseInsensitive", False), place):
        return _some(lambda value: value.casefold() == wanted.casefold())
    return lambda values: wanted in values


def _holding(value: Any, place: str) -> Callable[[str], bool]:
    wanted = read_text(value, place)
    return lambda tried: wanted in tried


def _text_matcher(name: str, read: Callable[[Any, str], Callable[[str], bool]], *, wanted: bool = True) -> Compile:
    """Return what compiles a matcher: whether some value, or none, is as the text says that is read."""

    def compiled(fields: Mapping[str, Any], place: str) -> Accepts:
        some = _some(read(fields[name], place))
        return some if wanted else lambda values: not some(values)

    return compiled


def _absent(fields: Mapping[str, Any], place: str) -> Accepts:
    wanted = read_boolean(fields["absent"], place)
    return lambda values: (not values) is wanted


def _equal_to_json(fields: Mapping[str, Any], place: str, work: Work) -> Accepts:
    wanted = fields["equalToJson"]
    if isinstance(wanted, str):
        try:
            wanted = orjson.loads(wanted)
        except orjson.JSONDecodeError as problem:
            raise UsageError(f"is not JSON: {problem}", place=place, hint="write the JSON itself, or as text") from None
    any_order = read_boolean(fields.get("ignoreArrayOrder", False), place)
    extra = read_boolean(fields.get("ignoreExtraElements", False), place)
    return _some(lambda value: _is_json(value, wanted, any_order, extra, work))


def _is_json(text: str, wanted: Any, any_order: bool, extra: bool, work: Work) -> bool:
    try:
        actual = orjson.loads(text)
        # Python's comparison is faster and takes all that ours takes.
        return (any_order or extra or actual == wanted) and same_json(
            wanted, actual, any_order=any_order, extra=extra, work=work
        )
    except (orjson.JSONDecodeError, RecursionError):
        return False


def same_json(
    wanted: Any, actual: Any, *, any_order: bool = False, extra: bool = False, work: Work | None = None
) -> bool:
    """Compare JSON values; `extra` lets objects have more members and lists more elements than wanted."""
    same = partial(same_json, any_order=any_order, extra=extra, work=work)
    if work is not None:
        work.spend(1)
    if isinstance(wanted, dict):
        return (
            isinstance(actual, dict)
            and (extra or len(actual) == len(wanted))
            and all(n in actual and same(w, actual[n]) for n, w in wanted.items())
        )
    if isinstance(wanted, list):
        if not isinstance(actual, list) or len(actual) < len(wanted) or (len(actual) > len(wanted) and not extra):
            return False
        if any_order:
            return _in_any_order(wanted, list(actual), same)
        return all(same(w, a) for w, a in zip(wanted, actual, strict=False))
    # In JSON, unlike in Python, true is not 1.
    return isinstance(wanted, bool) is isinstance(actual, bool) and bool(wanted == actual)


def _in_any_order(wanted: Sequence[Any], left: list[Any], same: Callable[[Any, Any], bool]) -> bool:
    for one in wanted:
        index = next((n for n, a in enumerate(left) if same(one, a)), None)
        if index is None:
            return False
        del left[index]
    return True


# -- regular expressions from users ----------------------------------------------------------------------------------

_LONGEST_REGEX: Final = 500
_REGEX_MEMORY: Final = 1 << 20
_SYNTAX: Final = "the syntax is RE2's; escape . ? + * ( ) [ ] with a backslash to mean themselves"
# By what RE2 complains of: what other engines have and this one has not, and what to write in its place.
_NOT_IN_RE2: Final[Mapping[str, tuple[str, str]]] = {
    r"operator: \(\?(<?[=!]|<$)": ("looks around", "write what must be there as matches, the rest as doesNotMatch"),
    r"sequence: \\[1-9k]": ("refers back", "write the part that comes again a second time"),
    r"operator: (\S+\+$|\(\?>)": ("never goes back", "leave the second + or the ?> out: nothing takes long here"),
    r"size: \{": ("repeats more than 1,000 times, or upside down", "write at most {1000}, the smaller number first"),
}


def read_regex(value: Any, place: str) -> Callable[[str], bool]:
    """Compile a regular expression that must match a whole value, as in WireMock; raise UsageError.

    RE2 takes time in proportion to the text, whatever the expression: nobody can keep the server busy with one.
    """
    # Late, for few patterns have a regular expression.
    import re2

    text = read_text(value, place)
    if len(text) > _LONGEST_REGEX:
        raise UsageError("the regular expression is too long", place=place, hint=f"{_LONGEST_REGEX} characters at most")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _REGEX_MEMORY
    try:
        fullmatch = re2.compile(_utf8(text), options).fullmatch
    except re2.error as problem:
        raise _refused_regex(problem.args[0].decode("utf-8", "replace"), place) from None
    return lambda tried: fullmatch(_utf8(tried)) is not None


def _utf8(text: str) -> bytes:
    """Encode as RE2 reads text; half a surrogate pair, which is no character, becomes a question mark."""
    return text.encode("utf-8", "replace")


def _refused_regex(complaint: str, place: str) -> UsageError:
    for pattern, (what, hint) in _NOT_IN_RE2.items():
        if re.search(pattern, complaint):
            return UsageError(f"the regular expression {what} ({complaint})", place=place, hint=hint)
    return UsageError(f"is not a regular expression: {complaint}", place=place, hint=_SYNTAX)


TEXT_MATCHERS: Final[Mapping[str, Compile]] = {
    "equalTo": _equal_to,
    "contains": _text_matcher("contains", _holding),
    "doesNotContain": _text_matcher("doesNotContain", _holding, wanted=False),
    "matches": _text_matcher("matches", read_regex),
    "doesNotMatch": _text_matcher("doesNotMatch", read_regex, wanted=False),
    "absent": _absent,
}


def body_matchers(work: Work) -> Mapping[str, Compile]:
    """Return the matchers of a body; comparing JSON takes of the work, for in any order it may take long."""
    return {**TEXT_MATCHERS, "equalToJson": partial(_equal_to_json, work=work)}
