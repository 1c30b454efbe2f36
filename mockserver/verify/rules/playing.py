"""Play one rule to a target and say how it came out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from mockserver.verify.authorization import application_text, authorization, basic
from mockserver.verify.calls import Account, Bench, Call, Headers, Key, Reply, Verdict, by_profile_id, quoted
from mockserver.verify.checks import Unreadable, kind_of_answer, order_problems, read_answer, read_profile
from mockserver.verify.contract import Contract, copied
from mockserver.verify.conversation import (
    PATCH_TYPE,
    SHAPELESS,
    Conversation,
    Denied,
    hidden_as,
    ids_of,
    next_world,
)
from mockserver.verify.events import CaseFinished
from mockserver.verify.played import played
from mockserver.verify.pointers import value_at
from mockserver.verify.rules.account import explains, refused, strains
from mockserver.verify.rules.answers import answer_problems, shown_problems
from mockserver.verify.rules.expected import reachable, with_values
from mockserver.verify.rules.lacking import lacking
from mockserver.verify.rules.reading import FORM, Rule, Step

# The profile of the shipped fixtures that some rules name.
DEMO: Key = ("ACME01", "CRM", "C-000417")
# The rules that say whether a change is stamped.
ABOUT_STAMPS = "edited-"
_REPEATED = re.compile(r"%%(\d+)\*(.*?)%%", re.DOTALL)
# What a path calls the ProfileId of the profile that the rule created last, and the one before.
_CREATED = ("{created}", "{before}")
_LONG = re.compile(r"\$\{long:(\d+)\}")
_APPLICATION = re.compile(r"\$\{oauth:([^}]+)\}")
_PLACEHOLDER = re.compile(r"\$\{(/[^}]*)\}")


class RuleRunner:
    """Runs rules against one bench; knows the bystanders' profiles, which no rule may touch.

    `everyday` are problems of every answer, which say nothing of any one rule.
    """

    def __init__(self, bench: Bench, contract: Contract, everyday: Collection[str] = ()) -> None:
        self.bench = bench
        self.contract = contract
        self.everyday = frozenset(everyday)
        self._known: dict[Key, dict[str, Any]] = {}

    def run(self, rule: Rule) -> CaseFinished:
        """Play a rule; never raises for what the target does."""
        started = monotonic()
        talk = Conversation(self.bench, self.contract, next_world("rule"))
        # Lest one way of stamping that a real target has break every rule that changes something.
        talk.ignores_stamps = not self.bench.is_mock and not _is_about_stamps(rule)
        if missing := self._missing(rule):
            return _outcome(rule, talk, Verdict.NOT_VERIFIABLE, started, missing)
        play = _Play(rule, talk, self._key(rule), self._known).run
        verdict, ended = played(talk, rule.id, play, self.everyday)
        own = [problem for problem in talk.problems if problem not in self.everyday]
        talk.problems = own if verdict is None else own or talk.problems
        return replace(_outcome(rule, talk, verdict or self._verdict(rule, talk), started), ended=ended)

    def _verdict(self, rule: Rule, talk: Conversation) -> Verdict:
        if not talk.problems:
            return Verdict.HELD
        # An account's own rules may refuse what was sent. A difference from what only the library does, or from what
        # we chose, breaks no promise.
        excused = talk.strained and any(map(refused, talk.problems)) and all(map(explains, talk.problems))
        binding = rule.source in ("page", "documented") and "tolerated" not in rule.tags and not excused
        if self.bench.is_mock or binding:
            return Verdict.BROKEN
        return Verdict.TOLERATED

    def _missing(self, rule: Rule) -> str:
        bench = self.bench
        have = {
            "reader": bench.reader, "retired": bench.retired, "oauth": bench.oauth, "sparse": bench.sparse,
            "mock": bench.is_mock, "isolated": bench.isolated, "clock": bench.is_mock and bench.isolated,
            "demo": bench.isolated and bench.profiles[0] == DEMO,
            "neighbour": _neighbour(bench), "stranger": _stranger(bench), "absent": bench.absent,
        }  # fmt: skip
        needs = [*rule.needs, *(["sparse"] if rule.profile == "sparse" else [])]
        missing = [name for name in needs if not have.get(name, True)]
        if rule.not_verifiable:
            return rule.not_verifiable
        if bench.unsigned and not all(is_ordinary(step) for step in rule.steps):
            return "the target looks at no signature"
        return next((bench.lacks[name] for name in needs if name in bench.lacks), lacking(missing, bench))

    def _key(self, rule: Rule) -> Key:
        return self.bench.sparse or self.bench.profiles[0] if rule.profile == "sparse" else self.bench.profiles[0]


class _Play:
    """One rule on its way: the state that the profile should be in, step by step."""

    def __init__(self, rule: Rule, talk: Conversation, key: Key, known: dict[Key, dict[str, Any]]) -> None:
        self.rule = rule
        self.talk = talk
        self.key = self.home = key
        self.bench = talk.bench
        self.known = known
        self.state: dict[str, Any] = {}
        self.origin: dict[str, Any] = {}
        self.others: dict[Key, dict[str, Any]] = {}
        self.user = talk.bench.account.user_id
        self.presented: str | None = None
        self.created = ("0", "0")

    def run(self) -> None:
        """Play it to its end."""
        self.others = {key: self._bystander(key) for key in self.bench.profiles if key != self.key}
        self.state = self.origin = self._first_sight(self.key)
        if self.rule.given:
            self._prepare(self.rule.given)
        for step in self.rule.steps:
            for _ in range(step.repeat):
                self._play(step)
        for key, profile in self.others.items():
            self.talk.compare(f"{self._label(key)}, as far as nobody asked to change it,", profile, self.talk.read(key))

    def _bystander(self, key: Key) -> dict[str, Any]:
        """Return what another profile must hold to the end; read first where the rule may ask for it."""
        named = any(step.at or step.path for step in self.rule.steps)
        known = self.known.get(key) if self.bench.isolated and not named else None
        return known or self._first_sight(key)

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

    def _play(self, step: Step) -> None:
        call = self._call(step)
        with self.talk.clock_ahead(call.key, step.clock):
            *more, reply = self._replies(step, call)
        for one in (*more, reply):
            self.talk.problems += answer_problems(step, one, exactly=FORM in self.rule.tags)
        self._note_created(reply)
        if step.shows and reply.status == step.expect:
            shown = {pointer: self._filled(value) for pointer, value in step.shows.items()}
            document = read_answer(call, reply, self.talk.contract, self.bench.dialect)
            self.talk.problems += shown_problems(shown, document)
        if step.expect == 200 and reply.status in (401, 403) and not self.bench.is_mock and step.authorization is None:
            raise Denied(f"the answer was {reply.status}, 200 was expected")
        if call.path is not None and "/oauth/" in call.path:
            return
        after = {pointer: self._filled(value) for pointer, value in step.after.items()}
        if after and call.key in self.others:
            self._settle_other(call.key, after, self._signer(step).user_id)
            after = {}
        elsewhere = step.world == "other" or (
            call.key != self.key and step.at and not after and self._other_profile(call.key)
        )
        elsewhere = elsewhere or any(name in (step.path or "") for name in _CREATED)
        profile = call.method in ("PATCH", "GET") and kind_of_answer(call, 200, self.talk.contract) == "UserProfile"
        compare = reply.status == step.expect == 200 and profile and not (elsewhere or more or step.pipelined > 1)
        if FORM in self.rule.tags and reply.status == 200 and profile:
            self.talk.problems += order_problems(
                read_profile(reply, self.talk.contract, self.bench.dialect), self.talk.contract.profile
            )
        self._settle(with_values(self.state, after), reply, compare_answer=compare, user=self._signer(step).user_id)
        for pointer, value in step.holds.items():
            if value_at(self.state, pointer) != self._filled(value):
                self.talk.problems.append(f"{pointer} is not what the rule says it is")

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

    def _settle(self, expected: dict[str, Any], reply: Reply, *, compare_answer: bool, user: str = "") -> None:
        """Compare the answer and the profile as it can be read afterwards with what is expected."""
        self.talk.strained = self.talk.strained or strains(self.state, expected)
        self.key = reachable(self.key, expected)
        found = self.talk.read(self.key, hidden_as(expected))
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

    # -- the request ---------------------------------------------------------------------------------------------------

    def _call(self, step: Step) -> Call:
        at = self._filled(step.at)
        key = (at.get("client", self.key[0]), at.get("type", self.key[1]), at.get("id", self.key[2]))
        key = self._named(key, step.at.get("profile"))
        if step.world:
            key = (f"{key[0]}~{self.talk.world}{'' if step.world == 'same' else '-other'}", *key[1:])
        body = self._body(step)
        names = dict(zip(("client", "type", "id"), quoted(key), strict=True))
        path = step.path and step.path.format(
            **names, profile=self.state["ProfileId"], before=self.created[0], created=self.created[1]
        )
        if not (path or step.at or self.bench.finds_inactive) and (number := hidden_as(self.state)) is not None:
            path = by_profile_id(key, number)
        signs_itself = is_ordinary(step) and key[0] in self.bench.accounts
        headers = self._headers(step, key, explicit=not signs_itself)
        if step.chunked:
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _parts(body)) + b"0\r\n\r\n"
            headers = (*headers, ("Transfer-Encoding", "chunked"))
        return Call(
            step.method,
            key,
            headers,
            body,
            signed=signs_itself,
            may_change=bool(step.after),
            path=path,
            refused=step.expect >= 400,
            connection=step.connection,
            copies=step.pipelined,
        )

    def _named(self, key: Key, name: str | None) -> Key:
        if name == "absent" and self.bench.absent:
            return self.bench.absent[0]
        chosen = {"neighbour": _neighbour(self.bench), "stranger": _stranger(self.bench)}.get(name or "")
        return chosen or key

    def _body(self, step: Step) -> bytes:
        if step.patch is not None:
            text = json.dumps(self._filled(step.patch), ensure_ascii=False)
        else:
            text = step.body if step.body is not None else step.xml if step.xml is not None else ""
            text = _REPEATED.sub(lambda match: match[2] * int(match[1]), text)
            text = _PLACEHOLDER.sub(lambda match: json.dumps(self._held(match[1])), text)
            if "${oauth:" in text and (app := self.bench.oauth) is not None:
                text = _APPLICATION.sub(lambda match: application_text(app, f"{{{match[1]}}}"), text)
        if step.encode == "latin-1-bytes":
            return text.encode("latin-1")
        return text.encode(step.encode, "surrogatepass")

    def _headers(self, step: Step, key: Key, *, explicit: bool) -> Headers:
        content_type = step.content_type
        if content_type == "":
            content_type = "application/xml" if step.xml is not None else PATCH_TYPE
        rows = [("Content-Type", content_type), ("Accept", step.accept), *step.headers.items()]
        if step.signed and explicit:
            self.presented = self._authorization(step, key)
            rows += [("Authorization", self.presented)]
        return tuple((name, str(value)) for name, value in rows if value is not None)

    def _authorization(self, step: Step, key: Key) -> str | None:
        how = dict(step.authorization or {})
        if "/oauth/" in (step.path or ""):
            return basic(self.bench.oauth, **how) if self.bench.oauth else None
        of = how.pop("of", None)
        if of == "before":
            return self.presented
        if of == "token":
            return self._token(how, self.bench.reader if step.user == "reader" else None)
        return authorization(self._signer(step), key[0], datetime.now(UTC), how)

    def _token(self, how: Mapping[str, Any], user: Account | None) -> str:
        """Ask for a bearer token as an application does, and return the header that presents it."""
        assert self.bench.oauth is not None, "rules with tokens need an application"
        form = {"grant_type": "client_credentials", "scope": f"{self.key[0]}/{(user or self.bench.account).user_id}"}
        headers = (("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", basic(self.bench.oauth)))
        call = Call("POST", self.key, headers, urlencode(form).encode(), signed=False, path="/oauth/token")
        reply = self.talk.send(call, check=False)
        try:
            token = json.loads(reply.body)["access_token"]
        except (ValueError, KeyError, TypeError):
            raise Unreadable(f"the token endpoint answered {reply.status} without an access_token") from None
        return str(how.get("header", "Bearer {token}")).format(token=token)

    def _signer(self, step: Step) -> Account:
        chosen = {"reader": self.bench.reader, "retired": self.bench.retired}.get(step.user)
        client_id = step.at.get("client", self._named(self.key, step.at.get("profile"))[0])
        return chosen or self.bench.accounts.get(client_id.partition("~")[0], self.bench.account)

    def _own_entry(self) -> Mapping[str, Any]:
        """Return the alternate id that the URL names, as the profile spells it."""
        wanted = (self.home[1].lower(), self.home[2].lower())
        entries = [entry for entry in self.origin["AlternateIds"] or () if entry]
        pairs = ((entry, (entry["AlternateIdType"], entry["AlternateId"])) for entry in entries)
        return next(entry for entry, pair in pairs if all(pair) and (pair[0].lower(), pair[1].lower()) == wanted)

    def _held(self, pointer: str) -> Any:
        """Return what the profile should hold there, None where there is nothing."""
        try:
            return value_at(self.state, pointer)
        except SHAPELESS:
            return None

    def _filled(self, value: Any) -> Any:
        """Replace ${/Pointer} by what stands there in the profile as it should be now."""
        if isinstance(value, str):
            whole = _PLACEHOLDER.fullmatch(value)
            if whole:
                return copied(self._held(whole[1]))
            value = _LONG.sub(lambda match: "x" * int(match[1]), value)
            if value == "${user}":
                return self.user
            if value == "${self}":
                return self._own_entry()
            if value == "${neighbour}" and (other := _neighbour(self.bench)):
                return {"AlternateIdType": other[1], "AlternateId": other[2]}
            return _PLACEHOLDER.sub(lambda match: str(self._held(match[1])), value)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return {name: self._filled(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def is_ordinary(step: Step) -> bool:
    """Say whether a step is signed as every other request is, by the user who may change profiles."""
    elsewhere = "/oauth/" in (step.path or "")
    return step.signed and step.user == "editor" and step.authorization is None and not elsewhere


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


def _neighbour(bench: Bench) -> Key | None:
    return next((key for key in bench.profiles[1:] if key[0] == bench.profiles[0][0]), None)


def _stranger(bench: Bench) -> Key | None:
    return next((key for key in bench.profiles[1:] if key[0] != bench.profiles[0][0]), None)


def _parts(body: bytes) -> list[bytes]:
    middle = max(len(body) // 2, 1)
    return [part for part in (body[:middle], body[middle:]) if part]
