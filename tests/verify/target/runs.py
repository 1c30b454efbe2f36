"""What the tests of guarded runs share: a target on the stand-in, patches, and what a run says of what is left."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.package import shipped
from mockserver.verify.calls import Call
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.session import Clock, TargetSession
from mockserver.verify.target.targets import Target
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor

HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))


PROFILE_KEY = (CLIENT, *KEY)


CONTRACT: Contract = load_contract(shipped("contracts") / "openapi.yaml")


class Served(Protocol):
    """What a target needs to know of a server."""

    url: str


def target_of(vendor: Served, **changes: Any) -> Target:
    values: dict[str, Any] = {
        "name": "fake",
        "base_url": vendor.url,
        "client": CLIENT,
        "credential": Credential(USER, known=SECRET),
        "keys": (PROFILE_KEY,),
        "rate": 1000.0,
        "timeout_s": 5.0,
        "settle_s": 0.0,
    }
    return Target(**values | changes)


def session_of(vendor: FakeVendor, **changes: Any) -> TargetSession:
    return TargetSession(target_of(vendor, **changes), write=True, clock=Clock(sleep=lambda seconds: None))


def change(*operations: dict[str, Any]) -> Call:
    return Call("PATCH", PROFILE_KEY, HEADERS, json.dumps(operations).encode(), may_change=True)


def what_is_left(run: GuardedRun, *operations: dict[str, Any], then: Callable[[], Any]) -> str:
    """Run one case after which not everything can be restored; return what the run says."""

    def case() -> None:
        with run.guard("case"):
            run.send(change(*operations))
            then()

    with pytest.raises(SafetyRefusal) as caught:
        case()
    assert caught.value.exit_code == 4
    return str(caught.value)


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def remove(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": path}


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


EMAIL = {"EmailAddressType": "Billing", "EmailAddress": "bills@example.com", "IsDefault": False, "IsActive": True}


def broken_off(vendor: FakeVendor, state: Path, **changes: Any) -> None:
    """Leave a changed profile and its undo file behind, as a run does whose server stopped."""
    session = session_of(vendor, **changes)
    with GuardedRun(session, state, CONTRACT) as run, contextlib.suppress(SafetyRefusal), run.guard("case"):
        run.send(change(replace("/CustomerType", "Prospect")))
        vendor.faults.stopped_from = 0
    vendor.faults.stopped_from = None
