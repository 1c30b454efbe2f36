"""A run that sends nothing: every request that a real one would send, and how many there could be at worst."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mockserver.verify.calls import Bench, Call, Key, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.model import PatchModel, Refused, Unpredictable
from mockserver.verify.target.restore import WORST_CASE
from mockserver.verify.target.session import SEE_TARGETS, NotSent
from mockserver.verify.target.targets import Target
from mockserver.verify.target.vetting import Leave, could_change, refusal

# Two tests that prove that a restore could be guarded.
PROOF = 2


@dataclass(frozen=True, slots=True)
class Planned:
    """One request that a dry run would have sent."""

    call: Call
    case: str
    changes: bool


def _operations(body: bytes) -> list[Any]:
    document = json.loads(body)
    if not isinstance(document, list):
        raise ValueError("no list of operations")
    return document


_JSON = {"content-type": "application/json; charset=utf-8"}


class DryRun:
    """Stands in for a guarded run and sends nothing: notes what would be sent, and answers as the contract has it.

    The profiles are the given ones, or the contract's example. `held` says of cases why they would not be run.
    """

    def __init__(
        self,
        target: Target,
        contract: Contract,
        *,
        write: bool = False,
        leave: Leave | None = None,
        profiles: Mapping[Key, Mapping[str, Any]] | None = None,
    ) -> None:
        self.target = target
        self.leave = leave or Leave.of(contract, write=write)
        self.profiles = profiles or {key: _example(contract, key) for key in target.keys}
        self.planned: list[Planned] = []
        self.held: dict[str, str] = {}
        self._model = PatchModel(contract, target.dialect)
        self._case = ""
        self._now: dict[Key, Mapping[str, Any]] = {}

    def bench(self) -> Bench:
        """Return what the verification engine works on; its keys are no secrets."""
        return self.target.bench(self, secret="dry run", guard=self.guard)  # noqa: S106

    @contextmanager
    def guard(self, case_id: str) -> Iterator[None]:
        """Note which case the requests belong to; each finds the profiles as they were."""
        self._case = case_id
        self._now.clear()
        yield
        self._case = ""

    def send(self, call: Call) -> Reply:
        """Note the call; raise NotSent as a live session would."""
        shown = self._profile(call.key)
        if reason := refusal(call, self.target, self.leave._replace(shown=shown)):
            # A case that is not played to its end is not played at all.
            self.planned = [row for row in self.planned if row.case != self._case]
            self.held[self._case] = reason
            raise NotSent(reason, hint=SEE_TARGETS)
        self.planned.append(Planned(call, self._case, could_change(call)))
        try:
            changed = self._model.apply(shown, _operations(call.body))
        except (Refused, Unpredictable, ValueError):
            return Reply(400, _JSON, b'{"Message":"dry run"}', 0.0)
        self._now[call.key] = changed
        return Reply(200, _JSON, json.dumps(changed).encode(), 0.0)

    def _profile(self, key: Key) -> Mapping[str, Any]:
        return self._now.get(key) or self.profiles.get(key) or next(iter(self.profiles.values()))

    def plan(self) -> list[str]:
        """Return the lines of the plan: no value of a patch and no alternate id is in it."""
        rows, keys = self.planned, self.target.keys
        changing = len({row.case for row in rows if row.changes})
        # Each profile is read once or twice, and once more at the end; an answer without the change asks for a reading.
        readings = 3 * len(keys) + sum(row.changes for row in rows)
        worst = readings + len(rows) + changing * (1 + WORST_CASE) + (0 if self.leave.why_not else PROOF)
        return [
            f"dry run: nothing was sent to {self.target.base_url}; --live sends",
            *(f"  read {self.target.label(key)}" for key in keys),
            *(self._line(row) for row in rows),
            *(f"  not run: {case}: {reason}" for case, reason in self.held.items()),
            f"{len(rows)} requests of cases, {changing} cases change a profile and restore it",
            f"at worst {worst} requests (budget {self.target.budget}), at {self.target.rate:g} a second",
        ]

    def _line(self, row: Planned) -> str:
        mark = "CHANGES " if row.changes else ""
        return f"  {row.case or '-'}: {mark}{row.call.method} {self.target.label(row.call.key)} {_shown(row.call.body)}"


def _example(contract: Contract, key: Key) -> dict[str, Any]:
    example: Mapping[str, Any] = contract.document["components"]["examples"]["Profile"]["value"]
    ids = [{"AlternateIdType": key[1], "AlternateId": key[2]}]
    return {**example, "AlternateIds": ids}


def _shown(body: bytes) -> str:
    try:
        operations = json.loads(body)
        return "; ".join(f"{row['op']} {row['path']}" for row in operations) or "no operations"
    except (ValueError, TypeError, KeyError):
        return f"a body of {len(body)} bytes"
