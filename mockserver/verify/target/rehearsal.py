"""A run that sends nothing: every request that a real one would send, and how many there could be at worst."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mockserver.verify.calls import Account, Bench, Call, Key, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.model import PatchModel, Refused, Unpredictable
from mockserver.verify.target.restore import WORST_CASE
from mockserver.verify.target.session import NO_LEAVE, SEE_TARGETS, NotSent, TargetSession
from mockserver.verify.target.targets import Target
from mockserver.verify.target.vetting import Members, could_change

# Two tests that prove that a restore could be guarded.
PROOF = 2


@dataclass(frozen=True, slots=True)
class Planned:
    """One request that a dry run would have sent."""

    call: Call
    case: str
    changes: bool


@dataclass
class DrySession:
    """Sends nothing: notes what would be sent, and answers as the contract has it, so that cases go on.

    `now` holds the profiles as the case's patches have left them so far.
    """

    target: Target
    contract: Contract
    profiles: Mapping[Key, dict[str, Any]]
    write: bool = False
    case: str = ""
    planned: list[Planned] = field(default_factory=list)
    read_only_because: str = NO_LEAVE
    now: dict[Key, dict[str, Any]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)

    def refusal(self, call: Call) -> str | None:
        """Return why a live session would refuse the call, None if it would not."""
        live = TargetSession(self.target, write=self.write, profiles={call.key: self._profile(call.key)})
        live.read_only_because, live.members = self.read_only_because, Members.of(self.contract)
        return live.refusal(call)

    def send(self, call: Call) -> Reply:
        """Note the call; raise NotSent as a live session would."""
        if reason := self.refusal(call):
            # A case that is not played to its end is not played at all.
            self.planned = [row for row in self.planned if row.case != self.case]
            self.held[self.case] = reason
            raise NotSent(reason, hint=SEE_TARGETS)
        self.planned.append(Planned(call, self.case, could_change(call)))
        try:
            changed = PatchModel(self.contract, self.target.dialect).apply(
                self._profile(call.key), _operations(call.body)
            )
        except (Refused, Unpredictable, ValueError):
            return Reply(400, _JSON, b'{"Message":"dry run"}', 0.0)
        self.now[call.key] = changed
        return Reply(200, _JSON, json.dumps(changed).encode(), 0.0)

    def _profile(self, key: Key) -> dict[str, Any]:
        return self.now.get(key) or self.profiles.get(key) or next(iter(self.profiles.values()))


def _operations(body: bytes) -> list[Any]:
    document = json.loads(body)
    if not isinstance(document, list):
        raise ValueError("no list of operations")
    return document


_JSON = {"content-type": "application/json; charset=utf-8"}


class DryRun:
    """Stands in for a guarded run; the profiles are the contract's example."""

    dry = True
    reader = None
    changed = False

    def __init__(self, target: Target, contract: Contract, *, write: bool) -> None:
        self.target = target
        self.profiles: dict[Key, dict[str, Any]] = {key: _example(contract, key) for key in target.keys}
        self.session = DrySession(target, contract, self.profiles, write=write)
        self.notes: list[str] = []

    @property
    def keys(self) -> tuple[Key, ...]:
        """The profiles that would be used."""
        return self.target.keys

    @property
    def absent(self) -> tuple[Key, ...]:
        """Keys that the owner knows not to exist."""
        return self.target.absent

    def refusal(self, call: Call) -> str | None:
        """Return why a call would not be sent, None if it would."""
        return self.session.refusal(call)

    def bench(self) -> Bench:
        """Return what the verification engine works on; its keys are no secrets."""
        target, reader = self.target, self.target.reader
        account = Account(target.client, target.credential.user, "dry run")
        return Bench(
            session=self.session,
            account=account,
            profiles=target.keys,
            dialect=target.dialect,
            absent=target.absent,
            accounts={target.client: account},
            reader=Account(target.client, reader.user, "dry run") if reader else None,
            guard=self.guard,
        )

    @contextmanager
    def guard(self, case_id: str) -> Iterator[None]:
        """Note which case the requests belong to."""
        self.session.case = case_id
        self.session.now.clear()
        yield
        self.session.case = ""

    def plan(self) -> list[str]:
        """Return the lines of the plan: no value of a patch and no alternate id is in it."""
        rows = self.session.planned
        changing = len({row.case for row in rows if row.changes})
        # Each profile is read once or twice, and once more at the end; an answer without the change asks for a reading.
        readings = 3 * len(self.keys) + sum(row.changes for row in rows)
        worst = readings + len(rows) + changing * (1 + WORST_CASE) + (PROOF if self.session.write else 0)
        return [
            f"dry run: nothing was sent to {self.target.base_url}; --live sends",
            *(f"  read {self.target.label(key)}" for key in self.keys),
            *(self._line(row) for row in rows),
            *(f"  {note}" for note in self.notes),
            *(f"  not run: {case}: {reason}" for case, reason in self.session.held.items()),
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
