"""The stage `model`: random walks over several profiles, each answer and each later read compared with a prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any

from mockserver.verify.calls import Bench, Key, Verdict
from mockserver.verify.contract import MEDIA_TYPES, Contract
from mockserver.verify.conversation import Conversation, ids_of, next_world, visible
from mockserver.verify.drawn.patches import Documents
from mockserver.verify.events import CaseFinished
from mockserver.verify.model import PatchModel, Refused, Unpredictable

STEPS = 12
_REPLAYS = 80


@dataclass(frozen=True, slots=True)
class Step:
    """One patch of a walk."""

    key: Key
    operations: tuple[Any, ...]
    accept: str | None


@dataclass
class _State:
    """What the profiles should be, and the names that lead to them."""

    talk: Conversation
    profiles: dict[Key, dict[str, Any]] = field(default_factory=dict)


class Walker:
    """Walks at random, reproducibly: the same seed and number give the same steps."""

    def __init__(self, bench: Bench, contract: Contract, seed: int) -> None:
        self.bench = bench
        self.contract = contract
        self.seed = seed
        self.model = PatchModel(contract, bench.dialect)

    def walks(self, amount: int) -> Iterator[CaseFinished]:
        """Yield the outcome of each walk."""
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
                steps.append(self._draw(state, documents, random))
                self._take(state, steps[-1], thorough=random.random() < 0.3)
                if state.talk.problems:
                    break
            self._look_around(state)
        problems = tuple(dict.fromkeys(state.talk.problems))
        smallest = self._smallest(steps) if problems else None
        return CaseFinished(
            stage="model",
            id=f"walk-{self.seed}-{number}",
            title=f"{len(steps)} patches of {len(state.profiles)} profiles, as predicted",
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

    def _draw(self, state: _State, documents: Documents, random: Random) -> Step:
        key = random.choice(list(state.profiles))
        draw = random.choices((documents.good, documents.refused, documents.odd), weights=(6, 3, 2))[0]
        operations = draw(state.profiles[key])
        accept = random.choice((None, "application/json", *MEDIA_TYPES)) if random.random() < 0.6 else None
        return Step(key, tuple(operations), accept)

    def _take(self, state: _State, step: Step, *, thorough: bool) -> None:
        """Send one patch and compare what comes of it with the prediction."""
        talk, before = state.talk, state.profiles[step.key]
        headers = (("Accept", step.accept),) if step.accept else ()
        expected, status = self._predict(state, step)
        reply = talk.patch(step.key, step.operations, headers=headers)
        found = talk.read(step.key)
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
        try:
            expected = self.model.apply(before, step.operations)
        except Refused as refusal:
            return dict(before), refusal.status
        except Unpredictable:
            return dict(before), None
        return (dict(before), 400) if self._clashes(state, step.key, expected) else (expected, 200)

    def _clashes(self, state: _State, key: Key, expected: Mapping[str, Any]) -> bool:
        others = [profile for other, profile in state.profiles.items() if other[0] == key[0] and other != key]
        return any(set(ids_of(expected)) & set(ids_of(profile)) for profile in others)

    def _look_around(self, state: _State) -> None:
        for key, profile in state.profiles.items():
            state.talk.compare(f"{'/'.join(key)}, read again,", visible(profile), state.talk.read(key))

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
        return tuple({"profile": "/".join(step.key), "patch": list(step.operations)} for step in left)

    def _without_step(self, steps: list[Step], position: int) -> list[Step] | None:
        return [*steps[:position], *steps[position + 1 :]] if position < len(steps) > 1 else None

    def _without_operation(self, steps: list[Step], position: int) -> list[Step] | None:
        places = [(row, index) for row, step in enumerate(steps) for index in range(len(step.operations))]
        if position >= len(places):
            return None
        row, index = places[position]
        fewer = steps[row].operations[:index] + steps[row].operations[index + 1 :]
        return [*steps[:row], Step(steps[row].key, fewer, steps[row].accept), *steps[row + 1 :]]

    def _fails(self, steps: Sequence[Step]) -> bool:
        state = self._start()
        with state.talk.to_its_end():
            self._meet(state)
            for step in steps:
                self._take(state, step, thorough=False)
            self._look_around(state)
        return bool(state.talk.problems)
