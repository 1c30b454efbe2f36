"""The stage `generated` on a target that keeps what it is told: a few valid patches, each taken back before the next.

Schemathesis draws them from the contract, never with its coverage phase; they are fitted to the profile as it is, and
what could not be restored is left out of them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any

from mockserver.verify.calls import Bench, Call, Verdict
from mockserver.verify.contract import Contract, copied
from mockserver.verify.conversation import PATCH_TYPE, Conversation, Denied, json_body, visible
from mockserver.verify.drawn.fitting import fitted
from mockserver.verify.drawn.schemathesis import Generated, generate
from mockserver.verify.events import CaseFinished
from mockserver.verify.model import PatchModel, Refused, Unpredictable
from mockserver.verify.played import played
from mockserver.verify.rules.account import excused, strains
from mockserver.verify.target.request_plan import Case

# A case takes about seven requests: a small part of what the rules take.
MOST_CASES = 20
MOST_OPERATIONS = 8
# How many cases are drawn for each that is kept: many are refusals, or the same patch once more.
_DRAWN = 4
# IsActive may not come back, by its AlternateIds the profile is found, and ReasonCode is never shown.
_SPARED = frozenset({"IsActive", "AlternateIds", "ReasonCode"})
_HEADERS = (("Content-Type", PATCH_TYPE), ("Accept", "application/json"))


def drawn(contract: Contract, bench: Bench, seed: int, max_examples: int) -> list[Generated]:
    """Return the cases of a seed: valid patches, each one different, at most MOST_CASES."""
    amount = min(max_examples, MOST_CASES)
    cases = generate(contract, bench.profiles[0], seed, amount * _DRAWN, coverage=False)
    bodies = {json.dumps(body): (case, body) for case in cases if case.positive and (body := _spared(case.body))}
    return [replace(case, body=body) for case, body in list(bodies.values())[:amount]]


def _spared(body: Any) -> list[Any]:
    """Return the operations of a body that a run can take back."""
    operations = body if isinstance(body, list) else []
    return [row for row in operations if row["path"].split("/")[1] not in _SPARED][:MOST_OPERATIONS]


def guarded_case(case: Generated, contract: Contract, seed: int) -> Case:
    """Return a generated patch as a case of a run on a target."""
    name, title = f"generated-{seed}-{case.number}", f"valid: {case.description}"

    def play(bench: Bench, _: Collection[str]) -> CaseFinished:
        return GuardedGenerated(bench, contract, seed).run(case)

    return Case(name, "generated", title, play, changes=True)


class GuardedGenerated:
    """Sends generated patches under the guard of a run, and compares what comes of each with a prediction."""

    def __init__(self, bench: Bench, contract: Contract, seed: int) -> None:
        self.bench = bench
        self.contract = contract
        self.seed = seed
        self.key = bench.profiles[0]
        self.model = PatchModel(contract, bench.dialect)

    def run(self, case: Generated) -> CaseFinished:
        """Send one case and say how it came out; what the guard raises ends the run."""
        started, name = monotonic(), f"generated-{self.seed}-{case.number}"
        talk = Conversation(self.bench, self.contract, "")
        verdict, _ = played(talk, name, partial(self._play, talk, case.body))
        return CaseFinished(
            stage="generated",
            id=name,
            title=f"valid: {case.description}",
            verdict=verdict or self._verdict(talk),
            problems=tuple(dict.fromkeys(talk.problems)),
            seconds=monotonic() - started,
            exchanges=tuple(talk.exchanges) if talk.problems else (),
        )

    def _verdict(self, talk: Conversation) -> Verdict:
        if not talk.problems:
            return Verdict.HELD
        account = talk.strained and excused(talk.problems)
        return Verdict.TOLERATED if account and not self.bench.is_mock else Verdict.BROKEN

    def _play(self, talk: Conversation, body: Sequence[Any]) -> Verdict | None:
        before = {**talk.read(self.key), "ReasonCode": None}
        operations = fitted(self.model, before, copied(list(body)), self.key)
        if not operations:
            talk.problems.append("none of its operations fits the profile")
            return Verdict.NOT_VERIFIABLE
        reply = talk.send(Call("PATCH", self.key, _HEADERS, json_body(operations)))
        if reply.status in (401, 403):
            raise Denied(f"a valid patch was answered with {reply.status}, 200 was expected")
        if reply.status != 200:
            talk.problems.append(f"the answer was {reply.status}, 200 was expected")
        self._compare(talk, before, operations, refused=reply.status != 200)
        return None

    def _compare(
        self, talk: Conversation, before: Mapping[str, Any], operations: Sequence[Any], *, refused: bool
    ) -> None:
        """Compare the answer, and the profile as it can be read afterwards, with what must come of the patch."""
        reply, found = talk.exchanges[-1].reply, talk.read(self.key)
        try:
            expected = self.model.apply(before, operations)
        except (Refused, Unpredictable):
            return
        talk.strained = strains(before, expected)
        expected = dict(before) if refused else expected
        start = visible(before)
        wanted = talk.stamped(visible(expected), start, found, self.bench.account.user_id)
        if reply is not None and not refused:
            talk.compare_answer(wanted, reply)
        talk.compare("the profile afterwards", wanted, found)
