"""The two ways to write a fault, as text and as JSON, and the refusal of one that can't be meant.

Text is words separated by blanks, quoted as in a shell: `500`, `reset`, `after-commit`, `delay=200..800`, `p=0.3`,
`first=2`, `client=ACME01 type=CRM id=C-1 op=replace path=/Emails/*`, `sequence=500,500,ok`, `message="Try later"`.
Both ways fill one table of fields, are read by the same functions, and get hints spelled the way their author writes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from mockserver.errors import UsageError
from mockserver.faults.fields import APPLIED_OPS, FIELDS, UnfitError, is_utf8, plain
from mockserver.faults.rules import CONNECTIONS, Effect, Fault, Lognormal, Match, Schedule, Uniform
from mockserver.nearest import nearest_name
from mockserver.profile.paths import segments

_BY_WORD: Final = {field.word: name for name, field in FIELDS.items() if field.word}
_BY_ANY_NAME: Final = {**{name: name for name in FIELDS}, **_BY_WORD}
_WHEN_WORDS: Final = {"before-commit": "before", "after-commit": "after"}
_PARTS: Final[Mapping[str, Any]] = {"match": Match(), "effect": Effect(), "schedule": Schedule(), "": Fault("")}
_ANSWERLESS: Final = ("reset", "empty", "garbage", "stall")


@dataclass(frozen=True, slots=True)
class Known:
    """What exists, so that a rule that can never match is refused; None means not known, and is not checked.

    `users` maps a client to its users; `paths` are the members' paths with `*` for a position, as
    `/Emails/*/EmailAddress`; `operations` maps the name of each that the server offers to the fields of a match that
    its requests can meet, beside client and user; `applied_ops` are the operations of a patch that the dialect in use
    applies.
    """

    clients: Collection[str] | None = None
    users: Mapping[str, Collection[str]] | None = None
    paths: Collection[str] | None = None
    operations: Mapping[str, Collection[str]] | None = None
    applied_ops: Collection[str] = APPLIED_OPS

    def path_exists(self, pattern: str) -> bool:
        """Tell whether a pattern can cover any member."""
        wanted = segments(pattern)
        return self.paths is None or any(_meets(wanted, segments(path)) for path in self.paths)

    def users_of(self, client: str | None) -> list[str] | None:
        """List the users of one client, or of all."""
        if self.users is None:
            return None
        folded = None if client is None else client.casefold()
        return [user for name, users in self.users.items() if folded in {None, name.casefold()} for user in users]


def from_text(text: str, *, known: Known, place: str = "fault") -> Fault:
    """Read a rule from its text form; UsageError names the nearest valid form."""
    author = _Author(f"{place} {_shortened(repr(text))}", is_text=True)
    if not is_utf8(text):
        raise UsageError("holds half a character", place=author.place, hint="write text that UTF-8 can carry")
    try:
        words = shlex.split(text)
    except ValueError as error:
        hint = 'close every quote, as in message="Try again later"'
        raise UsageError(f"can't be split into words ({error})", place=author.place, hint=hint) from None
    given: dict[str, object] = {}
    for word in words:
        name, value = _parse_word(word, author)
        if name in given:
            hint = f"keep one; for one after the other write a sequence, as {author.spell('sequence', [500, 'reset'])}"
            raise UsageError(
                f"{_shortened(author.spell(name, value))} is the second of its kind", place=author.place, hint=hint
            )
        given[name] = value
    return _build(given, author, known)


def from_json(mapping: object, *, known: Known, place: str = "fault") -> Fault:
    """Read a rule from its JSON form, null meaning absent; UsageError names the nearest valid form."""
    given: dict[str, object] = {}
    for section, members in _sections(mapping, place):
        for name, value in members.items():
            if not isinstance(name, str) or name not in FIELDS or FIELDS[name].section != section:
                raise _unknown_key(str(name), section, place)
            if value is not None:
                given[name] = value
    return _build(given, _Author(place, is_text=False), known)


def to_json(fault: Fault) -> dict[str, Any]:
    """Write a rule as JSON data; what is absent or at its default is left out, but for `when`."""
    document: dict[str, Any] = {"id": fault.id, "match": {}, "effect": {}, "schedule": {}}
    for name, value in _values(fault).items():
        section = FIELDS[name].section
        (document[section] if section else document)[name] = value
    document["effect"]["when"] = fault.effect.when
    return document


def to_text(fault: Fault) -> str:
    """Write a rule as text that `from_text` reads back as the same rule."""
    values = _values(fault)
    if fault.id == _derived_id(fault):
        del values["id"]
    return " ".join(_word(name, value) for name, value in values.items())


def with_free_id(fault: Fault, taken: Collection[str]) -> Fault:
    """Return the rule under an id that is not taken, by counting up: the same rules get the same draws in every run."""
    free, count = fault.id, 1
    while free in taken:
        count += 1
        free = f"{fault.id}-{count}"
    return replace(fault, id=free)


class _Author(NamedTuple):
    """Where a rule stands and how it is written there."""

    place: str
    is_text: bool

    def spell(self, name: str, value: object) -> str:
        return f'"{_word(name, value)}"' if self.is_text else f'"{name}": {json.dumps(value, default=str)}'

    def refusal(self, unfit: UnfitError, name: str, value: object) -> UsageError:
        place = self.place if self.is_text else ".".join(filter(None, [self.place, FIELDS[name].section, name]))
        problem = unfit.problem if value is None else f"{_shortened(self.spell(name, value))} {unfit.problem}"
        meant = "" if unfit.nearest is None else f"did you mean {self.spell(name, unfit.nearest)}? "
        return UsageError(problem, place=place, hint=meant + unfit.rule)


# Writing.


def _values(fault: Fault) -> dict[str, Any]:
    """List what a rule says, as JSON values in the order of its text; defaults say nothing."""
    values = {}
    for name, field in FIELDS.items():
        value = getattr(getattr(fault, field.section) if field.section else fault, name)
        if value != getattr(_PARTS[field.section], name):
            values[name] = _json_value(value)
    return values


def _json_value(value: Any) -> Any:
    match value:
        case Uniform(low, high):
            return {"uniform": [plain(low), plain(high)]}
        case Lognormal(median, sigma):
            return {"lognormal": {"median": plain(median), "sigma": plain(sigma)}}
        case tuple():
            return list(value)
    return plain(value) if isinstance(value, float) else value


def _word(name: str, value: object) -> str:
    text = _text_value(value)
    if name == "when":
        return f"{text}-commit"
    if not FIELDS[name].word:
        return text
    # Quoted only where it must be, so that rules stay readable.
    safe = re.fullmatch(r"[^\s'\"\\]+", text)
    return f"{FIELDS[name].word}={text if safe else shlex.quote(text)}"


def _text_value(value: Any) -> str:
    match value:
        case {"uniform": [low, high]}:
            return f"{_text_value(low)}..{_text_value(high)}"
        case {"lognormal": {"median": median, "sigma": sigma}}:
            return f"lognormal({_text_value(median)},{_text_value(sigma)})"
        case list():
            return ",".join(map(_text_value, value))
    return str(value)


def _derived_id(fault: Fault) -> str:
    """Name a rule by what it says, so that the same rule has the same draws in every run."""
    effect = fault.effect
    kind = effect.status or effect.connection or ("sequence" if fault.schedule.sequence else "delay")
    said = json.dumps({name: value for name, value in _values(fault).items() if name != "id"}, sort_keys=True)
    return f"{kind}-{blake2b(said.encode(), digest_size=3).hexdigest()}"


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."


# Reading.


def _parse_word(word: str, author: _Author) -> tuple[str, object]:
    key, equals, text = word.partition("=")
    if equals and key in _BY_WORD:
        name = _BY_WORD[key]
        return name, FIELDS[name].parse(text)
    if not equals and word in CONNECTIONS:
        return "connection", word
    if not equals and word in _WHEN_WORDS:
        return "when", _WHEN_WORDS[word]
    if not equals and re.fullmatch(r"-?\d{1,9}", word, re.ASCII):
        return "status", int(word)
    problem = f"the word {_shortened(repr(word))} is unknown"
    raise UsageError(problem, place=author.place, hint=_nearest_word(key, equals, text))


def _nearest_word(key: str, equals: str, text: str) -> str:
    if equals:
        name = _BY_ANY_NAME.get(nearest_name(key, _BY_ANY_NAME) or "")
        meant = _word(name, _mended(name, FIELDS[name].parse(text))) if name else ""
    elif key[:1].isdigit():
        meant = str(_mended("status", key))
    else:
        near = nearest_name(key, (*CONNECTIONS, *_WHEN_WORDS, *_WHEN_WORDS.values())) or ""
        meant = f"{near}-commit" if near in _WHEN_WORDS.values() else near
    every_word = ", ".join(("500 (or another status)", *CONNECTIONS, *_WHEN_WORDS, *(f"{key}=" for key in _BY_WORD)))
    return f'did you mean "{meant}"?' if meant else f"a word is one of {every_word}"


def _mended(name: str, value: object) -> object:
    try:
        FIELDS[name].read(value)
    except UnfitError as unfit:
        return value if unfit.nearest is None else unfit.nearest
    return value


def _sections(mapping: object, place: str) -> Iterator[tuple[str, Mapping[object, object]]]:
    if not isinstance(mapping, Mapping):
        hint = 'write {"match": {…}, "effect": {"status": 500}, "schedule": {"first": 2}}'
        raise UsageError("a fault is a JSON object", place=place, hint=hint)
    for section in ("match", "effect", "schedule"):
        members = mapping.get(section)
        if members is not None and not isinstance(members, Mapping):
            hint = f'write "{section}": {{…}} with some of {", ".join(_names_in(section))}'
            raise UsageError(f'"{section}" is a JSON object', place=f"{place}.{section}", hint=hint)
        yield section, members or {}
    yield "", {key: value for key, value in mapping.items() if key not in {"match", "effect", "schedule"}}


def _unknown_key(key: str, section: str, place: str) -> UsageError:
    here = _names_in(section) if section else ["match", "effect", "schedule", *_names_in("")]
    nearest = nearest_name(key, [*here, *_BY_ANY_NAME])
    hint = f"known are {', '.join(here)}"
    if nearest is not None:
        name = nearest if nearest in here else _BY_ANY_NAME[nearest]
        home = FIELDS[name].section if name in FIELDS else ""
        hint = f'did you mean "{name}"' + (f' in "{home}"?' if home else " beside them?" if section else "?")
    place = f"{place}.{section}" if section else place
    return UsageError(f"the key {_shortened(json.dumps(key))} is unknown here", place=place, hint=hint)


def _names_in(section: str) -> list[str]:
    return [name for name, field in FIELDS.items() if field.section == section]


def _build(given: Mapping[str, object], author: _Author, known: Known) -> Fault:
    parts: dict[str, dict[str, Any]] = {section: {} for section in _PARTS}
    for name, value in given.items():
        try:
            parts[FIELDS[name].section][name] = FIELDS[name].read(value)
        except UnfitError as unfit:
            if name == "path" and known.paths and not known.path_exists(str(unfit.nearest)):
                unfit.nearest = nearest_name(unfit.nearest, known.paths)
            raise author.refusal(unfit, name, value) from None
    match, effect, schedule = Match(**parts["match"]), Effect(**parts["effect"]), Schedule(**parts["schedule"])
    fault = Fault(parts[""].get("id", ""), match, effect, schedule, parts[""].get("expires_in_s"))
    try:
        _check_effect(effect, schedule)
        _check_schedule(schedule)
        _check_match(fault, known)
    except UnfitError as unfit:
        raise author.refusal(unfit, unfit.name, given.get(unfit.name)) from None
    return fault if fault.id else replace(fault, id=_derived_id(fault))


# What a whole rule can't say.


def _check_effect(effect: Effect, schedule: Schedule) -> None:
    kind = effect.status or effect.connection
    steps = schedule.sequence or ()
    if not kind and not steps and effect.delay_ms is None:
        rule = f"a fault needs an error status, a delay, a sequence, or one of {', '.join(CONNECTIONS)}"
        raise UnfitError("the fault does nothing", 500, rule, "status")
    if kind and steps:
        rule = "a sequence says by itself what each match gets: write the fault as one of its steps"
        raise UnfitError(f"can't be combined with {kind}", [kind, *steps], rule, "sequence")
    if effect.status and effect.connection in _ANSWERLESS:
        rule = f"{effect.connection} sends no answer, so no status: leave one out; truncate and drip send the error"
        raise UnfitError(f"can't be combined with {effect.status}", "truncate", rule, "connection")
    if effect.message is not None and not effect.status and not any(isinstance(step, int) for step in steps):
        raise UnfitError("is never sent", None, "a message is the text of an error: add its status", "message")


def _check_schedule(schedule: Schedule) -> None:
    first, every, at, sequence = schedule.first, schedule.every, schedule.at, schedule.sequence
    if first and every and every > first:
        rule = f"every={every} strikes the {every}th match for the first time"
        raise UnfitError("never lets the rule strike", every, rule, "first")
    if at and sequence:
        rule = 'a sequence says by itself which matches are hit: write "ok" for the others'
        raise UnfitError("can't be combined with a sequence", None, rule, "at")
    steps = enumerate(sequence or (), start=1)
    named = at or [position for position, step in steps if step != "ok"]
    if first and named and first < max(named):
        raise UnfitError("ends too early", max(named), f"the rule names match {max(named)}", "first")
    if every and any(position % every for position in named):
        raise UnfitError("contradicts the named matches", None, "leave it out: the rule names its matches", "every")
    if named and schedule.times and schedule.times < len(named) and schedule.probability == 1:
        raise UnfitError("ends too early", len(named), f"the rule names {len(named)} matches", "times")


def _check_match(fault: Fault, known: Known) -> None:
    match = fault.match
    _check_name("client", match.client, known.clients, fold=True)
    _check_name("user", match.user, known.users_of(match.client))
    _check_name("operation", match.operation, known.operations, fold=True)
    _check_operation(match, known.operations or {})
    if match.path is not None and known.paths is not None and not known.path_exists(match.path):
        nearest = nearest_name(match.path, known.paths)
        raise UnfitError("names no member", nearest, "a path leads from a member of the profile, as /Emails/*", "path")
    if match.op and match.op not in known.applied_ops and fault.effect.when == "after":
        applied = ", ".join(known.applied_ops)
        rule = f"it can't fail afterwards: let it fail before the commit, or name one of {applied}"
        raise UnfitError("is never applied", None, rule, "op")


def _check_operation(match: Match, known: Mapping[str, Collection[str]]) -> None:
    wanted = (match.operation or "").casefold()
    operation, fields = next(((name, fields) for name, fields in known.items() if name.casefold() == wanted), ("", ()))
    for name in ("alternate_id_type", "alternate_id", "op", "path") if operation else ():
        if getattr(match, name) is not None and name not in fields:
            raise UnfitError(f"is in no request of {operation}", None, "leave it out, or the operation", name)


def _check_name(name: str, wanted: str | None, existing: Collection[str] | None, *, fold: bool = False) -> None:
    if wanted is None or existing is None:
        return
    if wanted in existing or (fold and wanted.casefold() in {one.casefold() for one in existing}):
        return
    nearest = nearest_name(wanted, existing) or next(iter(sorted(existing)), None)
    listed = ", ".join(sorted(existing)[:5]) + (", …" if len(existing) > 5 else "")
    raise UnfitError("doesn't exist", nearest, f"known are: {listed}" if listed else "none is known", name)


def _meets(pattern: tuple[str, ...], member: tuple[str, ...]) -> bool:
    """Tell whether a pattern's segments can cover the member; a member's `*` is a position in a list."""
    return len(pattern) <= len(member) and all(
        wanted in {"*", name} or (name == "*" and (wanted == "-" or re.fullmatch(r"[0-9]+", wanted) is not None))
        for wanted, name in zip(pattern, member, strict=False)
    )
