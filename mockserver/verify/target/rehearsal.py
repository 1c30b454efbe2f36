"""A case played to nobody: which requests it would send, restores included, and whether all of them are allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mockserver.verify.calls import Bench, Call, Key, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.model import PatchModel, Refused, Unpredictable
from mockserver.verify.target.session import ONE_PROFILE, SEE_TARGETS, NotSent, is_reading
from mockserver.verify.target.targets import Target
from mockserver.verify.target.vetting import Leave, could_change, refusal, touched

_JSON = {"content-type": "application/json; charset=utf-8"}


class DryRun:
    """Stands in for a guarded run and sends nothing: counts what would be sent, and answers as each case expects.

    The profiles are the given ones, or the contract's example. `used` counts what one case takes on a healthy server,
    where a profile is read once until something else is sent.
    """

    def __init__(
        self, target: Target, contract: Contract, leave: Leave, profiles: Mapping[Key, Mapping[str, Any]] | None = None
    ) -> None:
        self.target = target
        self.leave = leave
        self.profiles = profiles or {key: _example(contract, key) for key in target.keys}
        self.used = 0
        self.calls: list[Call] = []
        self._fresh: set[tuple[Key, str | None]] = set()
        self._wakes = False
        self._model = PatchModel(contract, target.dialect)
        self._before: dict[Key, Mapping[str, Any]] = {}
        self._now: dict[Key, Mapping[str, Any]] = {}

    def bench(self) -> Bench:
        """Return what the verification engine works on; its keys are no secrets."""
        return self.target.bench(self, secret="dry run", is_mock=self.target.mock, guard=self.guard)  # noqa: S106

    @contextmanager
    def guard(self, case_id: str) -> Iterator[None]:
        """Count also what restores the profiles that the case changed."""
        yield
        self.used += self._wakes  # the restore activates what may have been made inactive
        for key, before in self._before.items():
            self._read(key)
            if self._now.get(key, before) != before:
                self._send()
                self._read(key)

    def send(self, call: Call) -> Reply:
        """Note the call; raise NotSent as a live session would."""
        shown = self._now.get(call.key) or self.profiles.get(call.key) or next(iter(self.profiles.values()))
        if reason := refusal(call, self.target, self.leave._replace(shown=shown)):
            raise NotSent(reason, hint=SEE_TARGETS)
        self.calls.append(call)
        if is_reading(call):
            self._read(call.key, call.path)
            return Reply(200, _JSON, json.dumps(shown).encode(), 0.0)
        changes = could_change(call)
        if changes:
            self._note(call.key, shown)
            self._wakes = self._wakes or "/isactive" in touched(call)
        self._send()
        if call.refused:
            return Reply(400, _JSON, b'{"Message":"dry run"}', 0.0)
        result = self._now[call.key] = self._patched(call, shown)
        if changes and result == shown:
            self._read(call.key)
        return Reply(200, _JSON, json.dumps(result).encode(), 0.0)

    def _note(self, key: Key, shown: Mapping[str, Any]) -> None:
        if key in self._before:
            return
        if self._before and not self.target.mock:
            raise NotSent(ONE_PROFILE)
        self._read(key)
        self._before[key] = shown

    def _patched(self, call: Call, shown: Mapping[str, Any]) -> Mapping[str, Any]:
        if call.method == "POST":
            return {**shown, "IsActive": call.target.endswith("/Activate")}
        try:
            operations = json.loads(call.body)
            return self._model.apply(shown, operations) if isinstance(operations, list) else shown
        except (Refused, Unpredictable, ValueError):
            return shown

    def _read(self, key: Key, path: str | None = None) -> None:
        self.used += (key, path) not in self._fresh
        self._fresh.add((key, path))

    def _send(self) -> None:
        self.used += 1
        self._fresh.clear()


def _example(contract: Contract, key: Key) -> dict[str, Any]:
    example: Mapping[str, Any] = contract.document["components"]["examples"]["Profile"]["value"]
    ids = [{"AlternateIdType": key[1], "AlternateId": key[2]}]
    return {**example, "AlternateIds": ids}
