"""The named rules: read from contracts/rules/*.yaml, where anyone can read them.

`docs` of the format stand at the top of contracts/rules/README.md; `load_rules` refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from mockserver.errors import UsageError
from mockserver.nearest import did_you_mean
from mockserver.package import shipped
from mockserver.verify.authorization import OPTIONS
from mockserver.verify.contract import load_yaml, read_bytes
from mockserver.verify.rules.facts import shipped_places
from mockserver.verify.rules.tables import written_out

SOURCES = ("page", "documented", "library", "assumed")
# How the mock writes what may as well be written otherwise: asked only of whom it is asked for by name.
FORM = "form"
TAGS = ("read", "write", "negative", "auth", "xml", "format", "route", "tolerated", "fault", FORM)
NEEDS = ("reader", "retired", "oauth", "sparse", "mock", "clock", "demo", "neighbour", "stranger", "absent", "isolated",
         "around", "hiding", "utc")  # fmt: skip
WORLDS = ("same", "other")
DIALECTS = ("vendor", "library", "rfc6902")


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a rule and what must come of it; the fields are the keys of the YAML."""

    method: str = "PATCH"
    patch: Any = None
    body: str | None = None
    xml: str | None = None
    encode: str = "utf-8"
    chunked: bool = False
    connection: int = 0
    parallel: int = 1
    pipelined: int = 1
    content_type: str | None = ""
    accept: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)
    path: str | None = None
    user: str = "editor"
    authorization: Mapping[str, Any] | None = None
    signed: bool = True
    clock: float = 0
    world: str = ""
    expect: int = 200
    message: str | None = None
    model_state: Sequence[str] | None = None
    type: str | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    contains: str | None = None
    shows: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    holds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a sentence that must hold, where it comes from, and the requests that show it.

    `fact` holds the places of what it rests on in contracts/page-facts.yaml.
    """

    id: str
    title: str
    why: str
    source: str
    tags: tuple[str, ...]
    steps: tuple[Step, ...]
    given: Mapping[str, Any] = field(default_factory=dict)
    profile: str = "main"
    needs: tuple[str, ...] = ()
    dialects: tuple[str, ...] = DIALECTS
    fact: tuple[str, ...] = ()
    by_turns: bool = False
    once: bool = False

    @property
    def changes(self) -> bool:
        """Whether the rule can change a profile where it is answered as expected."""
        return bool(self.given) or "write" in self.tags


_STEP_KEYS = frozenset(Step.__slots__)
_RULE_KEYS = frozenset((*(name for name in Rule.__slots__ if name != "steps"), "then", *DIALECTS))


def load_rules(directory: Path, dialect: str = "vendor", seed: int = 0) -> list[Rule]:
    """Return the rules of every file as they read for one dialect; raise UsageError with file and rule.

    The seed says which values meet in tables whose values take turns; in each dialect they are others.
    """
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise UsageError("there are no rules", place=str(directory), hint=f"point to {shipped('contracts') / 'rules'}")
    rules = [
        rule for path in files for rule in _rules_of(path, read_bytes(path), dialect, seed + DIALECTS.index(dialect))
    ]
    names = [rule.id for rule in rules]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"two rules are called {doubled[0]}", place=str(directory), hint="rename one")
    return rules


@lru_cache(maxsize=256)
def _rules_of(path: Path, _: bytes, dialect: str, seed: int) -> list[Rule]:
    document = load_yaml(path)
    if not isinstance(document, Mapping) or not isinstance(document.get("rules"), list):
        raise UsageError(
            "a file of rules holds the key 'rules' with a list", place=str(path), hint="see its neighbours"
        )
    defaults = document.get("defaults", {})
    written = [
        written_out(row, f"{path}: {row.get('id', '?')}", seed) for row in document["rules"] if isinstance(row, Mapping)
    ]
    rows = [_merged({**defaults, **row}, dialect) for row in written]
    return [_rule(row, path) for row in rows if dialect in row.get("dialects", DIALECTS)]


def _merged(row: Mapping[str, Any], dialect: str) -> dict[str, Any]:
    """Return the row with what it says for one dialect laid over it."""
    plain = {key: value for key, value in row.items() if key not in DIALECTS}
    if dialect == "rfc6902" and row.get("source") == "library":
        plain.pop("message", None)  # the library's words are not those of an RFC 6902 reader
    return plain | dict(row.get(dialect) or {})


def _rule(row: Mapping[str, Any], path: Path) -> Rule:
    place = f"{path}: {row.get('id', '?')}"
    _refuse_unknown(row, _RULE_KEYS | _STEP_KEYS, place)
    for key in ("id", "title", "why", "source"):
        if not isinstance(row.get(key), str):
            raise UsageError(f"the rule has no {key}", place=place, hint=f"write {key}: as text")
    _refuse_unknown(row.get("tags", ()), frozenset(TAGS), place)
    _refuse_unknown(row.get("needs", ()), frozenset(NEEDS), place)
    _refuse_unknown([row["source"]], frozenset(SOURCES), place)
    first = {key: value for key, value in row.items() if key in _STEP_KEYS}
    then = list(row.get("then", []))
    known = {key: value for key, value in row.items() if key in Rule.__slots__}
    return Rule(
        **known
        | {
            "tags": tuple(row.get("tags", ())),
            "needs": tuple(row.get("needs", ())),
            "fact": _fact(row, place),
            "steps": tuple(_step(step, place) for step in ([first] if first else []) + then),
        }
    )


def _fact(row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    given = row.get("fact", [])
    fact = [str(one) for one in (given if isinstance(given, list) else [given])]
    if row["source"] == "page" and not fact:
        hint = "write fact: with its place in page-facts.yaml, such as members.CustomerType.max_length"
        raise UsageError("the rule names no fact of the page", place=place, hint=hint)
    _refuse_unknown(fact, shipped_places(), place)
    return tuple(fact)


def _step(row: Mapping[str, Any], place: str) -> Step:
    _refuse_unknown(row, _STEP_KEYS, place)
    _refuse_unknown(row.get("authorization") or {}, OPTIONS, place)
    _refuse_unknown([row["world"]] if "world" in row else [], frozenset(WORLDS), place)
    return Step(**row)


def _refuse_unknown(given: Any, known: frozenset[str], place: str) -> None:
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known, f"write one of {', '.join(sorted(known))}")
            raise UsageError(f"{name!r} is unknown here", place=place, hint=hint)


def chosen(
    rules: Sequence[Rule], only: Sequence[str], tags: Sequence[str], *, strict: bool = True, flag: str = "--only"
) -> list[Rule]:
    """Return the rules of these ids (a trailing * stands for any ending) and any of these tags; none given is all.

    Those about the mock's own form must be named.
    """
    _refuse_unknown(tags, frozenset(TAGS), "--tag")
    for name in only if strict else ():
        if not any(matches(rule.id, name) for rule in rules):
            hint = did_you_mean(name, (rule.id for rule in rules))
            raise UsageError(f"there is no rule {name!r}", place=flag, hint=hint)
    wanted = [rule for rule in rules if not only or any(matches(rule.id, name) for name in only)]
    named = [rule for rule in wanted if only or FORM in tags or FORM not in rule.tags]
    return [rule for rule in named if not tags or set(tags) & set(rule.tags)]


def matches(rule_id: str, name: str) -> bool:
    """Say whether a name means a rule; with * at its end it means all that begin so."""
    return rule_id.startswith(name[:-1]) if name.endswith("*") else rule_id == name
