"""The calls around the PATCH on a target: what may be sent, and that a profile made inactive is brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.verify.calls import Call, by_profile_id
from mockserver.verify.run import Plan
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.request_plan import rehearsed, rule_case
from mockserver.verify.target.session import Clock, NotSent, TargetSession
from mockserver.verify.target.targets import load_targets
from mockserver.verify.target.vetting import Leave, refusal
from tests.verify.target.fake_vendor import PROFILE, FakeVendor
from tests.verify.target.runs import CONTRACT, PROFILE_KEY, change, session_of, target_of


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as running:
        yield running


PLACE = by_profile_id(PROFILE_KEY, PROFILE["ProfileId"])
ALL = ("patchProfile", "deactivateProfile", "activateProfile", "readTags")
OFF = change({"op": "replace", "path": "/IsActive", "value": False})


def around(method: str, path: str | None = None) -> Call:
    return Call(method, PROFILE_KEY, (), b"", path=path)


SENT: dict[str, tuple[Call, dict[str, Any]]] = {
    "deactivate": (around("POST", f"{PLACE}/Deactivate"), {"operations": ALL}),
    "activate": (around("POST", f"{PLACE}/Activate"), {"operations": ALL}),
    "patch-by-profile-id": (OFF._replace(path=PLACE), {"operations": ALL, "may_deactivate": True}),
    "deactivate-by-patch": (OFF, {"operations": ("patchProfile",), "may_deactivate": True}),
    "get": (around("GET"), {"reads": "get"}),
    "get-by-profile-id": (around("GET", PLACE), {"reads": "get"}),
    "tags": (around("GET", "/ACME01/Tags"), {"operations": ALL}),
}
HELD: dict[str, tuple[Call, dict[str, Any]]] = {
    "not-named": (around("POST", f"{PLACE}/Deactivate"), {}),
    "no-way-back": (around("POST", f"{PLACE}/Deactivate"), {"operations": ("deactivateProfile", "patchProfile")}),
    "no-reading": (around("POST", f"{PLACE}/Deactivate"), {"operations": ("deactivateProfile", "activateProfile")}),
    "no-way-back-from-a-patch": (OFF, {"may_deactivate": True}),
    "another-profile": (around("POST", "/ACME01/Profile/1/Deactivate"), {"operations": ALL}),
    "a-query": (around("POST", f"{PLACE}/Deactivate?x=1"), {"operations": ALL}),
    "get-not-named": (around("GET"), {"operations": ALL}),
    "delete": (around("DELETE", PLACE), {"operations": ALL}),
    "create": (around("POST", "/ACME01/Profile"), {"operations": ALL}),
    "consents": (around("POST", f"/ACME01/Consents/{PROFILE['ProfileId']}"), {"operations": ALL}),
    "put": (around("PUT", PLACE), {"operations": ALL}),
}


def why_not(call: Call, vendor: FakeVendor, **settings: Any) -> str | None:
    return refusal(call, target_of(vendor, **settings), Leave("", shown=PROFILE))


@pytest.mark.parametrize("case", SENT.values(), ids=SENT.keys())
def test_what_the_owner_allows_by_name_may_be_sent(vendor: FakeVendor, case: tuple[Call, dict[str, Any]]) -> None:
    assert why_not(case[0], vendor, **case[1]) is None


@pytest.mark.parametrize("case", HELD.values(), ids=HELD.keys())
def test_anything_else_is_held_back(vendor: FakeVendor, case: tuple[Call, dict[str, Any]]) -> None:
    assert why_not(case[0], vendor, **case[1])


@pytest.mark.parametrize("call", [around("POST", f"{PLACE}/Activate"), OFF._replace(path=PLACE)], ids=["post", "patch"])
def test_everything_but_get_takes_leave_to_write(vendor: FakeVendor, call: Call) -> None:
    target = target_of(vendor, operations=ALL, may_deactivate=True)
    assert refusal(call, target, Leave(shown=PROFILE)) == Leave().why_not
    assert refusal(around("GET"), target_of(vendor, reads="get"), Leave(shown=PROFILE)) is None


WAYS = {
    "by-patch": (OFF, ("patchProfile",)),
    "by-patch-where-activate-is-allowed": (OFF, ("patchProfile", "activateProfile")),
    "by-deactivate": (around("POST", f"{PLACE}/Deactivate"), ALL),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_what_was_made_inactive_is_active_again(
    vendor: FakeVendor, tmp_path: Path, way: tuple[Call, tuple[str, ...]]
) -> None:
    """Also where other members were changed in the same case."""
    before = vendor.lasting()
    session = session_of(vendor, operations=way[1], may_deactivate=True)
    with GuardedRun(session, tmp_path, CONTRACT) as run, run.guard("case"):
        assert run.send(change({"op": "replace", "path": "/CustomerType", "value": "Prospect"})).status == 200
        assert run.send(way[0]).status == 200
        assert vendor.profile["IsActive"] is False
    assert vendor.lasting() == before
    assert not list(tmp_path.glob("*.undo.json"))


def test_a_deactivate_is_refused_before_anything_is_sent_without_a_way_back(vendor: FakeVendor, tmp_path: Path) -> None:
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"), pytest.raises(NotSent):
        run.send(around("POST", f"{PLACE}/Deactivate"))
    assert all(request.method == "PATCH" for request in vendor.seen)


@pytest.mark.parametrize("name", ["createProfile", "deleteProfile", "createConsents"])
def test_what_cannot_be_undone_cannot_be_allowed(tmp_path: Path, name: str) -> None:
    text = (
        '[targets.t]\nbase_url = "https://sandbox.example.test"\nclient = "A"\nuser = "u"\nsecret_env = "S"\n'
        f'profiles = ["CRM/1"]\noperations = ["{name}"]\n'
    )
    file = tmp_path / "targets.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SafetyRefusal, match="can't be undone"):
        load_targets(file)


def test_reading_by_get_takes_fewer_requests(vendor: FakeVendor, tmp_path: Path) -> None:
    vendor.quirks.has_get = True
    sent = []
    for reads in ("patch", "get"):
        session = TargetSession(target_of(vendor, reads=reads), clock=Clock(sleep=lambda seconds: None))
        with GuardedRun(session, tmp_path, CONTRACT) as run:
            assert run.profiles[PROFILE_KEY]["ProfileId"] == PROFILE["ProfileId"]
        sent.append(session.used)
    assert sent[1] <= sent[0]
    assert vendor.seen[-1].method == "GET"


def test_the_plan_counts_the_call_that_activates(vendor: FakeVendor) -> None:
    """What a rule about Deactivate announces is at least what it sends."""
    rule = next(rule for rule in Plan().loaded("vendor") if rule.id == "deactivate-hides")
    target = target_of(vendor, operations=ALL, reads="get", may_deactivate=True)
    row = rehearsed(rule_case(rule, CONTRACT), DryRun(target, CONTRACT, Leave.of(CONTRACT, write=True)))
    assert not row.held
    assert any(call.path and call.path.endswith("/Deactivate") for call in row.calls)
    held = rehearsed(rule_case(rule, CONTRACT), DryRun(target_of(vendor), CONTRACT, Leave.of(CONTRACT, write=True)))
    assert "operations" in held.held
