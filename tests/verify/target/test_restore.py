"""Whatever a run does to a real profile, the profile ends as it began, or the run says loudly what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.verify.calls import Call, Reply
from mockserver.verify.target import restore as restore_module
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import Recovery, recover
from mockserver.verify.target.session import NoAnswer, NotSent, Stopped, TargetSession
from mockserver.verify.target.targets import RESERVE
from tests.verify.target.fake_vendor import CLIENT, PROFILE, FakeVendor
from tests.verify.target.runs import (
    CONTRACT,
    EMAIL,
    PROFILE_KEY,
    add,
    change,
    remove,
    replace,
    session_of,
    what_is_left,
)

CASES: dict[str, list[list[dict[str, Any]]]] = {
    "a text replaced": [[replace("/CustomerType", "Prospect")]],
    "a text removed": [[remove("/CustomerType")]],
    "a flag removed": [[remove("/PreservePreferences")]],
    "a number removed": [[remove("/PhoneNumbers/1/PhoneNumberNumeric")]],
    "a part of the name": [[replace("/CustomerName/FirstName", "Zoe"), remove("/CustomerName/Suffix")]],
    "an object removed": [[remove("/CustomerName")]],
    "an entry appended": [[add("/Emails/-", EMAIL)]],
    "an entry inserted": [[add("/Emails/0", EMAIL)]],
    "an entry removed from the middle": [[remove("/ProfileTags/1")]],
    "the first and the last entry removed": [[remove("/ProfileTags/3"), remove("/ProfileTags/0")]],
    "a collection removed": [[remove("/Groups")]],
    "a collection emptied": [[replace("/Groups", [])]],
    "a collection replaced": [
        [replace("/CustomFields", [{"Name": "Score", "Value": "1"}, {"Name": "New", "Value": ""}])]
    ],
    "a collection in another order": [[replace("/ProfileTags", [{"Name": "VIP"}, {"Name": "Rewards"}])]],
    "an entry made equal to its neighbour": [[replace("/ProfileTags/0", {"Name": "Influencer"})]],
    "an alternate id added": [[add("/AlternateIds/-", {"AlternateIdType": "Test", "AlternateId": "T-1"})]],
    "several changes in several requests": [
        [remove("/Emails/0")],
        [add("/Emails/-", EMAIL)],
        [replace("/DefaultLocale", "fr-CA")],
    ],
    "a refused patch": [[replace("/CustomerType", "Prospect"), replace("/Nickname", "Z")]],
}


@pytest.mark.parametrize("requests", CASES.values(), ids=CASES.keys())
def test_a_case_leaves_the_profile_as_it_was(vendor: FakeVendor, tmp_path: Path, requests: list[Any]) -> None:
    """Read, change, restore, read back; the undo file is gone, and the budget's reserve would have been enough."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        with run.guard("case"):
            for operations in requests:
                run.send(change(*operations))
            used = run.session.used
        assert run.session.used - used <= RESERVE
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def test_the_reserve_covers_the_worst_restore() -> None:
    """The budget keeps back as many requests as a restore may take."""
    returned = [name for name, shape in CONTRACT.profile.members.items() if shape.returned]
    assert len(returned) == restore_module.MEMBERS
    assert restore_module.WORST_CASE <= RESERVE


@pytest.mark.parametrize("fault", ["drop_before_commit", "drop_after_commit", "error_after_commit"])
@pytest.mark.parametrize("number", [1, 2, 3], ids=["first change", "restore", "second restore"])
def test_lost_answers_and_errors_after_the_commit_are_undone(
    vendor: FakeVendor, tmp_path: Path, fault: str, number: int
) -> None:
    """The profile is read, not believed: it does not matter what was answered, nor to which change."""
    before = vendor.lasting()
    getattr(vendor.faults, fault).update({number, 2} if number == 3 else {number})
    with GuardedRun(session_of(vendor, exclusive=False), tmp_path, CONTRACT) as run:
        try:
            with run.guard("case"):
                run.send(change(replace("/CustomerType", "Prospect"), remove("/ProfileTags/0")))
        except NoAnswer:
            assert number == 1
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def test_a_target_that_refuses_the_minimal_patch_gets_whole_members(vendor: FakeVendor, tmp_path: Path) -> None:
    """The second attempt is coarse, and still guarded by tests."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(remove("/CustomerName/FirstName")))
        vendor.quirks.refuses_members = ("FirstName",)
        sent = len(vendor.seen)
    assert vendor.lasting() == before
    changes = [seen.operations for seen in vendor.seen[sent:] if seen.changes]
    assert [row["path"] for row in changes[-1] if row["op"] != "test"] == ["/CustomerName"]
    assert any(row["op"] == "test" for row in changes[-1])


def test_what_cannot_be_restored_is_listed_and_kept(vendor: FakeVendor, tmp_path: Path) -> None:
    """A member that the target does not take back: exit code 4, its place is named, its value is not; a retry works."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        told = what_is_left(
            run,
            replace("/CustomerType", "Prospect"),
            replace("/DefaultLocale", "fr-CA"),
            then=lambda: setattr(vendor.quirks, "refuses_members", ("CustomerType",)),
        )
    assert "NOT RESTORED" in told
    assert "/CustomerType" in told
    assert not [word for word in ("/DefaultLocale", "Prospect", "Customer'", "C-000417") if word in told]
    with pytest.raises(SafetyRefusal, match="earlier run"):
        GuardedRun(session_of(vendor), tmp_path, CONTRACT).__enter__()
    vendor.quirks.refuses_members = ()
    assert recover(session_of(vendor), tmp_path) == Recovery(("profile 1 of fake (CRM)",), ())
    assert vendor.lasting() == before


def test_a_profile_that_moved_is_found_by_another_listed_id(vendor: FakeVendor, tmp_path: Path) -> None:
    """Should the addressed id vanish all the same, another listed one leads to the profile."""
    before = vendor.lasting()
    other = (CLIENT, "Salesforce", "0035e00000XyZ1aAAF")
    session = session_of(vendor, keys=(PROFILE_KEY, other), exclusive=True)
    with GuardedRun(session, tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(replace("/DefaultLocale", "fr-CA")))
        vendor.profile["AlternateIds"][0]["AlternateId"] = "C-MOVED"
    assert vendor.lasting() == before


def test_a_read_only_member_that_could_be_changed_is_restored_too(vendor: FakeVendor, tmp_path: Path) -> None:
    """Tried only if the owner allows it; a target that takes the change is asked to take it back."""
    before = vendor.lasting()
    vendor.quirks.nothing_is_read_only = True
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(replace("/ProfileId", 1), remove("/Consents/0"), replace("/CustomerType", "Prospect")))
    assert vendor.lasting() == before
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/ProfileId", "/edited/CreatedBy", "/Consents/0", "/ReasonCode"):
            with pytest.raises(NotSent, match=r"read-only|does not show"):
                run.send(change(replace(path, "x")))


def test_a_profile_that_can_no_longer_be_read_is_mended(vendor: FakeVendor, tmp_path: Path) -> None:
    """A target that keeps half of a refused patch, and refuses the whole profile ever after."""
    before = vendor.lasting()
    vendor.quirks.not_atomic, vendor.quirks.checks_all = True, True
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        assert run.send(change(remove("/Groups"), replace("/CustomerType", "x" * 101)))[0] == 400
        assert vendor.profile["Groups"] is not PROFILE["Groups"]
    assert vendor.lasting() == before


def test_answers_of_before_the_change_mislead_nobody(vendor: FakeVendor, tmp_path: Path) -> None:
    """They show nothing of what the case did, which is not somebody else's doing for that."""
    before = vendor.lasting()
    vendor.quirks.answers_old = True
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(remove("/Groups"), add("/Emails/0", EMAIL)))
        run.send(change(replace("/CustomerType", "Prospect"), remove("/ProfileTags/0")))
    assert vendor.lasting() == before


def test_a_profile_of_another_shape_is_listed_when_it_cannot_be_restored(vendor: FakeVendor, tmp_path: Path) -> None:
    """What is left unrestored is said in every case, whatever the server calls a profile."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        vendor.quirks.value_changes = {"AlternateIds": ["no object"]}
        said = what_is_left(
            run, replace("/CustomerType", "Prospect"), then=lambda: setattr(vendor.faults, "stopped_from", 0)
        )
    assert "NOT RESTORED" in said
    assert list(tmp_path.glob("*.json")) != []


def test_a_full_disk_under_raw_exchanges_ends_the_run_and_no_restore(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer whose exchange can't be kept counts, and nothing more is sent for cases."""

    def fail(_: TargetSession, __: Path, call: Call, ___: Reply) -> None:
        if call.may_change:
            raise OSError(28, "No space left on device")

    before, session = vendor.lasting(), session_of(vendor)
    with GuardedRun(session, tmp_path, CONTRACT) as run, run.guard("case"):
        session.keep_raw = tmp_path / "raw"
        monkeypatch.setattr(TargetSession, "_write_raw", fail)
        assert run.send(change(replace("/CustomerType", "Prospect"))).status == 200
        with pytest.raises(Stopped, match="a raw exchange can't be kept: No space left"):
            run.send(change(replace("/CustomerType", "Lead")))
    assert vendor.lasting() == before
