"""The stage `model`: random walks over several profiles, each answer and each later read compared with a prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from time import monotonic
from typing import Any

from mockserver.verify.calls import Bench, Key, Verdict
from mockserver.verify.contract import MEDIA_TYPES, Contract
from mockserver.verify.conversation import Conversation, hidden_as, ids_of, next_world, visible
from mockserver.verify.drawn.life import MADE, Act, draw
from mockserver.verify.drawn.patches import Documents
from mockserver.verify.events import CaseFinished
from mockserver.verify.model import PatchModel, Refused, Unpredictable

STEPS = 12
_REPLAYS = 80
# How many steps of a walk are calls around the PATCH.
_LIFE = 0.25


@dataclass(frozen=True, slots=True)
class Step:
    """One patch of a walk, or a call around it; `by_id`: the profile's ProfileId names it in the URL."""

    key: Key
    operations: tuple[Any, ...]
    accept: str | None
    act: Act | None = None
    by_id: bool = False


@dataclass
class _State:
    """What the profiles should be, and the names that lead to them."""

    talk: Conversation
    profiles: dict[Key, dict[str, Any]] = field(default_factory=dict)
    given: set[object] = field(default_factory=set)  # every ProfileId that was ever given


class Walker:
    """Walks at random, reproducibly: the same seed and number give the same steps."""

    def __init__(self, bench: Bench, contract: Contract, seed: int) -> None:
        self.bench = bench
        self.contract = contract
        self.seed = seed
        self.model = PatchModel(contract, bench.dialect)

    def walks(self, amount: int) -> Iterator[CaseFinished]:
        for number in range(amount):
            yield self.walk(number)

    def walk(self, number: int) -> CaseFinished:
        """Take one walk; if it finds something, look for the fewest steps that show it."""
        started = monotonic()
        random = Random(f"{self.seed}/{number}")  # noqa: S311
        documents = Documents(self.model, random)
        steps: list[Step] = []
        state = self._start()
        with state.talk.to_its_end():
            self._meet(state)
            for _ in range(STEPS):
                step = self._draw(state, documents, random)
                if self.contract.alone and (step.act is not None or step.by_id):
                    continue
                steps.append(step)
                self._take(state, steps[-1], thorough=random.random() < 0.3)
                if state.talk.problems:
                    break
            self._look_around(state)
        problems = tuple(dict.fromkeys(state.talk.problems))
        smallest = self._smallest(steps) if problems else None
        return CaseFinished(
            stage="model",
            id=f"walk-{self.seed}-{number}",
            title=f"{len(steps)} calls for {len(state.profiles)} profiles, as predicted",
            verdict=Verdict.BROKEN if problems else Verdict.HELD,
            problems=problems,
            seconds=monotonic() - started,
            exchanges=tuple(state.talk.exchanges[-4:]) if problems else (),
            smallest=smallest,
        )

    def _start(self) -> _State:
        return _State(Conversation(self.bench, self.contract, next_world("walk")))

    def _meet(self, state: _State) -> None:
        for key in self.bench.profiles:
            state.profiles[key] = {**state.talk.read(key), "ReasonCode": None}
            state.given.add(state.profiles[key]["ProfileId"])

    def _draw(self, state: _State, documents: Documents, random: Random) -> Step:
        key = random.choice(list(state.profiles))
        if random.random() < _LIFE:
            return self._draw_act(key, random)
        draw = random.choices((documents.good, documents.refused, documents.odd), weights=(6, 3, 2))[0]
        operations = draw(state.profiles[key])
        accept = random.choice((None, "application/json", *MEDIA_TYPES)) if random.random() < 0.6 else None
        return Step(key, tuple(operations), accept, by_id=random.random() < 0.2)

    def _draw_act(self, key: Key, random: Random) -> Step:
        act = draw(random)
        if act.name in ("create", "delete"):
            key = (key[0], MADE, f"{MADE}-{act.number}")
        return Step(key, (), random.choice((None, *MEDIA_TYPES)) if act.name in ("read", "create") else None, act)

    def _act(self, state: _State, step: Step, act: Act) -> None:
        """Make one call around the PATCH and compare what comes of it with the prediction."""
        talk, before = state.talk, state.profiles.get(step.key)
        if (before is None) != (act.name == "create"):
            return  # of a profile that is not there, or there already, rules say what becomes
        reply = talk.send(act.call(step.key, before or {}, step.accept))
        status = act.status({"IsActive": True} if before is None or self.bench.finds_inactive else before)
        if reply.status != status:
            talk.problems.append(f"{act.name}: the answer was {reply.status}, {status} was expected")
        elif before is None:
            self._met(state, step.key, talk.read(step.key))
        elif act.name == "delete":
            del state.profiles[step.key]
            gone = talk.send(Act("read").call(step.key, before))
            talk.problems += [] if gone.status == 404 else [f"a deleted profile is answered with {gone.status}"]
        else:
            found = talk.read(step.key, hidden_as(act.applied(before, before)))
            expected = act.applied(before, found)
            wanted = visible(talk.stamped(expected, before, found, self._user(step.key)))
            if act.name == "read" and status == 200:
                talk.compare_answer(wanted, reply)
            talk.compare(f"{act.name}: the profile afterwards", wanted, found)
            state.profiles[step.key] = {**found, "ReasonCode": expected["ReasonCode"]}

    def _met(self, state: _State, key: Key, found: Mapping[str, Any]) -> None:
        if found["ProfileId"] in state.given:
            state.talk.problems.append("create: the new profile has a ProfileId that was given before")
        state.given.add(found["ProfileId"])
        state.profiles[key] = {**found, "ReasonCode": None}

    def _take(self, state: _State, step: Step, *, thorough: bool) -> None:
        """Send one patch and compare what comes of it with the prediction."""
        if step.act is not None:
            self._act(state, step, step.act)
            return
        if step.key not in state.profiles:
            return
        talk, before = state.talk, state.profiles[step.key]
        headers = (("Accept", step.accept),) if step.accept else ()
        expected, status = self._predict(state, step)
        number = before["ProfileId"] if step.by_id else None
        reply = talk.patch(step.key, step.operations, headers=headers, profile_id=number)
        # A patch that may or may not have been applied may have hidden the profile.
        found = talk.read(step.key, before["ProfileId"] if status is None else hidden_as(expected))
        if status is None:
            state.profiles[step.key] = {**found, "ReasonCode": before["ReasonCode"]}
            if reply.status >= 500 and self.bench.dialect != "library":
                talk.problems.append(f"the answer was {reply.status}")
            return
        if reply.status != status:
            talk.problems.append(f"the answer was {reply.status}, {status} was expected")
        shown, old = visible(expected), visible(before)
        wanted = talk.stamped(shown, old, found, self._user(step.key))
        if reply.status == status == 200:
            talk.compare_answer(wanted, reply)
        talk.compare("the profile afterwards", wanted, found)
        state.profiles[step.key] = {**found, "ReasonCode": expected.get("ReasonCode")}
        if thorough:
            self._look_around(state)

    def _user(self, key: Key) -> str:
        return self.bench.accounts.get(key[0], self.bench.account).user_id

    def _predict(self, state: _State, step: Step) -> tuple[dict[str, Any], int | None]:
        before = state.profiles[step.key]
        hidden = not (step.by_id or self.bench.finds_inactive) and hidden_as(before) is not None
        try:
            expected = self.model.apply(before, step.operations)
        except Refused as refusal:
            # Of a profile that isn't found, the document alone is looked at.
            return dict(before), None if hidden else refusal.status
        except Unpredictable:
            return dict(before), None
        if hidden:
            return dict(before), 404
        return (dict(before), 400) if self._clashes(state, step.key, expected) else (expected, 200)

    def _clashes(self, state: _State, key: Key, expected: Mapping[str, Any]) -> bool:
        others = [profile for other, profile in state.profiles.items() if other[0] == key[0] and other != key]
        return any(set(ids_of(expected)) & set(ids_of(profile)) for profile in others)

    def _look_around(self, state: _State) -> None:
        for key, profile in state.profiles.items():
            state.talk.compare(
                f"{'/'.join(key)}, read again,", visible(profile), state.talk.read(key, hidden_as(profile))
            )

    # -- the smallest failing walk ------------------------------------------------------------------------------------

    def _smallest(self, steps: Sequence[Step]) -> tuple[object, ...] | None:
        """Leave out steps and operations for as long as the walk still fails; None if it doesn't fail again."""
        if not self.bench.isolated or not self._fails(steps):
            return None
        left, budget = list(steps), _REPLAYS
        for shorter in (self._without_step, self._without_operation):
            position = 0
            while (fewer := shorter(left, position)) is not None and budget:
                budget -= 1
                if self._fails(fewer):
                    left = fewer
                else:
                    position += 1
        return tuple({"profile": "/".join(step.key), **_shown(step)} for step in left)

    def _without_step(self, steps: list[Step], position: int) -> list[Step] | None:
        return [*steps[:position], *steps[position + 1 :]] if position < len(steps) > 1 else None

    def _without_operation(self, steps: list[Step], position: int) -> list[Step] | None:
        places = [(row, index) for row, step in enumerate(steps) for index in range(len(step.operations))]
        if position >= len(places):
            return None
        row, index = places[position]
        fewer = steps[row].operations[:index] + steps[row].operations[index + 1 :]
        return [*steps[:row], replace(steps[row], operations=fewer), *steps[row + 1 :]]

    def _fails(self, steps: Sequence[Step]) -> bool:
        state = self._start()
        with state.talk.to_its_end():
            self._meet(state)
            for step in steps:
                self._take(state, step, thorough=False)
            self._look_around(state)
        return bool(state.talk.problems)


def _shown(step: Step) -> dict[str, object]:
    return {"patch": list(step.operations)} if step.act is None else {step.act.name: list(step.act[1:])}
