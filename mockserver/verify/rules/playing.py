"""Play one rule to a target and say how it came out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count
from time import monotonic
from typing import Any

from mockserver.verify.calls import Bench, Call, Key, Reply, Verdict
from mockserver.verify.checks import kind_of_answer, order_problems, read_answer, read_profile
from mockserver.verify.contract import Contract
from mockserver.verify.conversation import Conversation, Denied, hidden_as, ids_of, next_world
from mockserver.verify.events import CaseFinished
from mockserver.verify.played import played
from mockserver.verify.pointers import value_at
from mockserver.verify.rules.account import excused, strains
from mockserver.verify.rules.answers import answer_problems, shown_problems
from mockserver.verify.rules.asking import Asking, is_ordinary, neighbour, stranger
from mockserver.verify.rules.expected import reachable, with_values
from mockserver.verify.rules.lacking import lacking
from mockserver.verify.rules.reading import FORM, Rule, Step

# The profile of the shipped fixtures that some rules name.
DEMO: Key = ("ACME01", "CRM", "C-000417")
# The rules that say whether a change is stamped.
ABOUT_STAMPS = "edited-"
# What a path calls the ProfileId of the profile that the rule created last, and the one before.
_CREATED = ("{created}", "{before}")


class RuleRunner:
    """Runs rules against one bench; knows the bystanders' profiles, which no rule may touch.

    `everyday` are problems of every answer, which say nothing of any one rule. The seed says what is asked in which
    way, where one of several is enough; with the default one, a rule's first request is as the page has it.
    """

    def __init__(self, bench: Bench, contract: Contract, everyday: Collection[str] = (), seed: int = -1) -> None:
        self.bench = bench
        self.contract = contract
        self.everyday = frozenset(everyday)
        self._seed = seed
        self._turns = count(seed)
        self._known: dict[Key, dict[str, Any]] = {}

    def run(self, rule: Rule) -> CaseFinished:
        """Play a rule; never raises for what the target does."""
        started = monotonic()
        talk = Conversation(self.bench, self.contract, next_world("rule"))
        # Lest one way of stamping that a real target has break every rule that changes something.
        talk.ignores_stamps = not self.bench.is_mock and not _is_about_stamps(rule)
        if missing := self._missing(rule):
            return _outcome(rule, talk, Verdict.NOT_VERIFIABLE, started, missing)
        play = _Play(rule, talk, self._key(rule), self._known, next(self._turns), self._seed).run
        verdict, ended = played(talk, rule.id, play, self.everyday)
        own = [problem for problem in talk.problems if problem not in self.everyday]
        talk.problems = own if verdict is None else own or talk.problems
        return replace(_outcome(rule, talk, verdict or self._verdict(rule, talk), started), ended=ended)

    def _verdict(self, rule: Rule, talk: Conversation) -> Verdict:
        if not talk.problems:
            return Verdict.HELD
        # An account's own rules may refuse what was sent. A difference from what only the library does, or from what
        # we chose, breaks no promise.
        account = talk.strained and excused(talk.problems)
        binding = rule.source in ("page", "documented") and "tolerated" not in rule.tags and not account
        if self.bench.is_mock or binding:
            return Verdict.BROKEN
        return Verdict.TOLERATED

    def _missing(self, rule: Rule) -> str:
        bench = self.bench
        have = {
            "reader": bench.reader, "retired": bench.retired, "oauth": bench.oauth, "sparse": bench.sparse,
            "mock": bench.is_mock, "isolated": bench.isolated, "clock": bench.is_mock and bench.isolated,
            "demo": bench.isolated and bench.profiles[0] == DEMO,
            "neighbour": neighbour(bench), "stranger": stranger(bench), "absent": bench.absent,
        }  # fmt: skip
        needs = [*rule.needs, *(["sparse"] if rule.profile == "sparse" else [])]
        missing = [name for name in needs if not have.get(name, True)]
        if bench.unsigned and not all(is_ordinary(step) for step in rule.steps):
            return "the target looks at no signature"
        return next((bench.lacks[name] for name in needs if name in bench.lacks), lacking(missing, bench))

    def _key(self, rule: Rule) -> Key:
        return self.bench.sparse or self.bench.profiles[0] if rule.profile == "sparse" else self.bench.profiles[0]


class _Play(Asking):
    """One rule on its way: the state that the profile should be in, step by step.

    A server with a state of its own for each rule is asked less: `turn` says which other profile is looked at in the
    end, and what changes nothing is read once for all such steps in a row, before the next change. Of a mock, by turns
    from the seed on, steps of a rule that says so are asked in the other ways that there are.
    """

    def __init__(
        self, rule: Rule, talk: Conversation, key: Key, known: dict[Key, dict[str, Any]], turn: int, seed: int
    ) -> None:
        super().__init__(talk, key)
        self.rule = rule
        self.known = known
        self.has_all_calls = talk.bench.is_mock and talk.bench.isolated and "around" not in talk.bench.lacks
        self.turns = count(turn)
        self.ways = count(seed + 1)
        self.unread = False
        self.others: dict[Key, dict[str, Any]] = {}

    def run(self) -> None:
        """Play it to its end."""
        self.others = {key: self._bystander(key) for key in self._bystanders()}
        self.state = self.origin = self._bystander(self.key) if self.rule.given else self._first_sight(self.key)
        if self.rule.given:
            self._prepare(self.rule.given)
        for step in self.rule.steps:
            self._play(self._by_turns(step))
        self._look()
        for key, profile in self.others.items():
            found = self._read(key, profile)
            self.talk.compare(f"{self._label(key)}, as far as nobody asked to change it,", profile, found)

    def _bystanders(self) -> list[Key]:
        """Return the other profiles to look at: all of them, or one where each rule has a state of its own."""
        others = [key for key in self.bench.profiles if key != self.key]
        first = next(self.turns) % len(others) if self._few and others else 0
        return others[first : first + 1] if self._few else others

    @property
    def _few(self) -> bool:
        """Whether nothing but the rule's own profile can be what it is about."""
        return self.bench.isolated and not any(step.at or step.path for step in self.rule.steps)

    def _bystander(self, key: Key) -> dict[str, Any]:
        """Return what another profile must hold to the end."""
        known = self.known.get(key) if self.bench.isolated else None
        return known or self._first_sight(key)

    def _read(self, key: Key, profile: Mapping[str, Any]) -> dict[str, Any]:
        """Read a profile as it is now: of a mock by each of the calls that show it, in turn."""
        number = hidden_as(profile)
        if not self.has_all_calls:
            return self.talk.read(key, number)
        turn = next(self.turns) % 4
        return self.talk.read(key, profile["ProfileId"] if turn == 3 else number, by_get=turn % 2 == 1)

    def _first_sight(self, key: Key) -> dict[str, Any]:
        """Read a profile; in a world of its own each case must find it as every other case did."""
        found = self.talk.read(key)
        if self.bench.isolated:
            known = self.known.setdefault(key, found)
            self.talk.compare(f"{self._label(key)} in a new namespace", known, found)
        return found

    def _label(self, key: Key) -> str:
        """Name a profile by its place: an alternate id is a personal value."""
        return f"profile {self.bench.profiles.index(key) + 1}" if key in self.bench.profiles else "the sparse profile"

    def _prepare(self, given: Mapping[str, Any]) -> None:
        values = {pointer: self._filled(value) for pointer, value in given.items()}
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        reply = self.talk.patch(self.key, operations)
        if reply.status in (401, 403):
            raise Denied(f"preparing the profile was answered with {reply.status}")
        if reply.status != 200:
            self.talk.problems.append(f"preparing the profile was answered with {reply.status}, 200 was expected")
        self._settle(with_values(self.state, values), reply, compare_answer=reply.status == 200)

    def _by_turns(self, step: Step) -> Step:
        """Return the step as another call asks it, or for an answer in XML, where its rule leaves that open."""
        if not (self.rule.by_turns and self.has_all_calls and step.method == "PATCH" and is_ordinary(step)):
            return step
        way = next(self.ways)
        if way % 2 and not (step.path or step.at or step.world):
            step = replace(step, path="/{client}/Profile/{profile}")
        if way % 3 == 2 and not (step.accept or step.type or step.contains or step.shows):
            step = replace(step, accept="application/xml")
        return step

    def _play(self, step: Step) -> None:
        if step.after:
            self._look()
        call = self._call(step)
        with self.talk.clock_ahead(call.key, step.clock):
            *more, reply = self._replies(step, call)
        self._note_created(reply)
        if "Location" in step.answer_headers:
            step = replace(step, answer_headers={"Location": self._path(step.answer_headers["Location"], call.key)})
        for one in (*more, reply):
            self.talk.problems += answer_problems(step, one, exactly=FORM in self.rule.tags)
        if step.shows and reply.status == step.expect:
            shown = {pointer: self._filled(value) for pointer, value in step.shows.items()}
            document = read_answer(call, reply, self.talk.contract, self.bench.dialect)
            self.talk.problems += shown_problems(shown, document)
        if step.expect == 200 and reply.status in (401, 403) and not self.bench.is_mock and step.authorization is None:
            raise Denied(f"the answer was {reply.status}, 200 was expected")
        if call.path is None or "/oauth/" not in call.path:
            self._compare(step, call, reply, single=not more)

    def _compare(self, step: Step, call: Call, reply: Reply, *, single: bool) -> None:
        """Compare the answer, if it is of one request, and what the profile then holds with what the step says."""
        after, user = (
            {pointer: self._filled(value) for pointer, value in step.after.items()},
            self._signer(step).user_id,
        )
        if after and call.key in self.others:
            self._settle_other(call.key, after, user)
            after = {}
        compare = single and step.pipelined == 1 and self._shows_the_profile(step, call, reply, after)
        if self.bench.isolated and not (step.after or step.holds):
            self.unread = True
            if compare:
                self.talk.compare_answer(self.state, reply)
            return
        self._settle(with_values(self.state, after), reply, compare_answer=compare, user=user)
        for pointer, value in step.holds.items():
            if value_at(self.state, pointer) != self._filled(value):
                self.talk.problems.append(f"{pointer} is not what the rule says it is")

    def _shows_the_profile(self, step: Step, call: Call, reply: Reply, after: Mapping[str, Any]) -> bool:
        """Say whether the answer is a success that holds the rule's own profile; look at the order of its members."""
        profile = call.method in ("PATCH", "GET") and kind_of_answer(call, 200, self.talk.contract) == "UserProfile"
        if FORM in self.rule.tags and reply.status == 200 and profile:
            self.talk.problems += order_problems(
                read_profile(reply, self.talk.contract, self.bench.dialect), self.talk.contract.profile
            )
        named = any(name in (step.path or "") for name in _CREATED)
        elsewhere = call.key != self.key and step.at and not after and self._other_profile(call.key)
        return reply.status == step.expect == 200 and profile and not (named or step.world == "other" or elsewhere)

    def _note_created(self, reply: Reply) -> None:
        """Note the ProfileId that a create answered with, and the one before."""
        number = reply.headers.get("location", "").rpartition("/")[2]
        if reply.status == 201 and number:
            self.created = (self.created[-1], number)

    def _replies(self, step: Step, call: Call) -> list[Reply]:
        if step.parallel > 1:
            return self.talk.send_at_once(call, step.parallel)
        return [self.talk.send(call, check="/oauth/" not in (call.path or ""), by_header=not step.world)]

    def _other_profile(self, key: Key) -> bool:
        client, *names = (part.lower() for part in key)
        return client != self.key[0].lower() or tuple(names) not in ids_of(self.state)

    def _look(self) -> None:
        """Read the profile if that was put off, and compare it with what it should be."""
        if self.unread:
            found = self._read(self.key, self.state)
            self.talk.compare("the profile afterwards", self.state, found)
            self.state, self.unread = found, False

    def _settle(self, expected: dict[str, Any], reply: Reply, *, compare_answer: bool, user: str = "") -> None:
        """Compare the answer and the profile as it can be read afterwards with what is expected."""
        self.talk.strained = self.talk.strained or strains(self.state, expected)
        self.key = reachable(self.key, expected)
        found = self._read(self.key, expected)
        expected = self.talk.stamped(expected, self.state, found, user or self.user)
        if compare_answer:
            self.talk.compare_answer(expected, reply)
        self.talk.compare("the profile afterwards", expected, found)
        self.state = found

    def _settle_other(self, key: Key, after: Mapping[str, Any], user: str) -> None:
        """Compare another profile that was changed, as it can be read now, with what is expected."""
        found, before = self.talk.read(key), self.others[key]
        expected = self.talk.stamped(with_values(before, after), before, found, user)
        self.talk.compare(f"{self._label(key)} afterwards", expected, found)
        self.others[key] = found


def _outcome(rule: Rule, talk: Conversation, verdict: Verdict, started: float, note: str = "") -> CaseFinished:
    return CaseFinished(
        stage="rules",
        id=rule.id,
        title=rule.title,
        verdict=verdict,
        problems=(note,) if note else tuple(dict.fromkeys(talk.problems)),
        why=rule.why,
        source=rule.source,
        fact=rule.fact,
        tags=rule.tags,
        seconds=monotonic() - started,
        exchanges=tuple(talk.exchanges),
    )


def _is_about_stamps(rule: Rule) -> bool:
    places = [place for step in rule.steps for place in (*step.after, *step.holds)]
    return rule.id.startswith(ABOUT_STAMPS) or any(place.startswith("/Edited") for place in places)
