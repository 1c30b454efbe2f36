"""What the tests of the session share: one that somebody guards, and a clock that only sleeping moves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mockserver.verify.calls import Call, Reply
from mockserver.verify.target.session import Clock, Guard, TargetSession
from mockserver.verify.target.vetting import NO_LEAVE, Leave
from tests.verify.target.fake_vendor import PROFILE, FakeVendor
from tests.verify.target.runs import HEADERS, PROFILE_KEY, target_of


class Led(TargetSession):
    """A session as a run leads it: with the user's leave, the profile as it was read, and somebody who guards it."""

    guard: Guard = staticmethod(lambda call, send: send())

    @property
    def leave(self) -> Leave:
        return Leave("" if self.write else NO_LEAVE, shown=PROFILE)

    def send(self, call: Call, leave: Leave | None = None, guard: Guard | None = None) -> Reply:
        return super().send(call, leave or self.leave, guard or self.guard)


class SlowClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.seconds += seconds

    def clock(self) -> Clock:
        return Clock(lambda: datetime.now(UTC), lambda: self.seconds, self.sleep)


def session_of(vendor: FakeVendor, *, write: bool = False, slow: SlowClock | None = None, **changes: Any) -> Led:
    own = {name: changes.pop(name) for name in ("keep_raw", "keep_going") if name in changes}
    clock = slow.clock() if slow else Clock(sleep=lambda seconds: None)
    return Led(target_of(vendor, **changes), write=write, clock=clock, **own)


def call(*operations: Any, **changes: Any) -> Call:
    return Call("PATCH", PROFILE_KEY, HEADERS, json.dumps(operations).encode())._replace(**changes)


SET = {"op": "replace", "path": "/CustomerType", "value": "Prospect"}
# Changes nothing, and is none of the readings that a session need not send twice.
ASK = {"op": "test", "path": "/ProfileId", "value": PROFILE["ProfileId"]}
