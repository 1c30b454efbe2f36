"""Whatever a run does to a real profile, the profile ends as it began, or the run says loudly what does not."""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver.commands.targets_cli import add_target_flags, run_recover
from mockserver.errors import Inconclusive, SafetyRefusal
from mockserver.package import shipped
from mockserver.verify.calls import Call, Reply
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.target import restore as restore_module
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import Outcome, recover
from mockserver.verify.target.session import Clock, NoAnswer, NotSent, TargetSession
from mockserver.verify.target.targets import RESERVE, Credential, Target
from mockserver.verify.target.undo import applied, canonical, differences, inverse_patch
from mockserver.verify.target.vetting import Members
from tests.verify.target.fake_vendor import CLIENT, KEY, OTHER, PROFILE, SECRET, USER, FakeVendor

HEADERS = (("Content-Type", "application/json"), ("Accept", "application/json"))
PROFILE_KEY = (CLIENT, *KEY)
CONTRACT: Contract = load_contract(shipped("contracts") / "openapi.yaml")


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


def target_of(vendor: FakeVendor, **changes: Any) -> Target:
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
            run.session.send(change(*operations))
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
                run.session.send(change(*operations))
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
                run.session.send(change(replace("/CustomerType", "Prospect"), remove("/ProfileTags/0")))
        except NoAnswer:
            assert number == 1
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def test_a_target_that_refuses_the_minimal_patch_gets_whole_members(vendor: FakeVendor, tmp_path: Path) -> None:
    """The second attempt is coarse, and still guarded by tests."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(remove("/CustomerName/FirstName")))
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
    assert recover(session_of(vendor), tmp_path) == Outcome(("profile 1 of fake (CRM)",), ())
    assert vendor.lasting() == before


def test_a_server_that_stops_leaves_an_undo_file_and_exit_code_4(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nothing can be done while it is down; once it is back, --recover does it."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        stop = replace("/CustomerType", "Prospect")
        assert "can't tell" in what_is_left(run, stop, then=lambda: setattr(vendor.faults, "stopped_from", 0))
    assert recover(session_of(vendor), tmp_path).exit_code == 4
    assert vendor.profile["CustomerType"] == "Prospect"
    vendor.faults.stopped_from = None
    assert recover(session_of(vendor), tmp_path).exit_code == 0
    assert vendor.lasting() == before
    assert recover(session_of(vendor), tmp_path) == Outcome((), ())


def test_forget_gives_up_on_what_is_left(vendor: FakeVendor, tmp_path: Path) -> None:
    """The way out when nothing helps: it is listed once more, and the next run may start."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        refuse = replace("/CustomerType", "Prospect")
        what_is_left(run, refuse, then=lambda: setattr(vendor.quirks, "refuses_members", ("CustomerType",)))
    assert recover(session_of(vendor), tmp_path, forget=True).exit_code == 4
    assert list(tmp_path.glob("*.json")) == []


def test_the_command_recovers_and_says_so(
    vendor: FakeVendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `mockserver verify --recover` runs it: without leave to write, which it does not need; twice does no harm."""
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    targets, state = tmp_path / "targets.toml", tmp_path / "state"
    targets.write_text(
        f'[targets.fake]\nbase_url = "{vendor.url}"\nclient = "{CLIENT}"\nuser = "{USER}"\nsecret_env = "FAKE_SECRET"\n'
        f'profiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nsettle_s = 0\n'
    )
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), state, CONTRACT) as run:
        what_is_left(run, remove("/Emails/1"), then=lambda: setattr(vendor.faults, "stopped_from", 0))
    parser = argparse.ArgumentParser()
    add_target_flags(parser)
    options = parser.parse_args(["--target", "fake", "--targets", str(targets), "--state-dir", str(state)])
    assert run_recover(options) == 4
    assert "NOT RESTORED: profile 1 of fake (CRM)" in capsys.readouterr().out
    vendor.faults.stopped_from = None
    assert [run_recover(options), run_recover(options)] == [0, 0]
    assert capsys.readouterr().out == f"restored: profile 1 of fake (CRM)\nnothing to recover in {state}\n"
    assert vendor.lasting() == before


# -- somebody else changes the profile meanwhile ----------------------------------------------------------------------

FOREIGN: dict[str, Any] = {
    "another member": ("CustomerType", "Partner"),
    "the member that the case changed": ("DefaultLocale", "de-DE"),
    "an entry of the collection that the case changed": (
        "ProfileTags",
        [*PROFILE["ProfileTags"], {"Name": "X"}, {"Name": "Theirs"}],
    ),
    "an entry before those that the case changed": (
        "ProfileTags",
        [{"Name": "Theirs"}, *PROFILE["ProfileTags"], {"Name": "X"}],
    ),
}


@pytest.mark.parametrize("moment", ["after the case", "between reading and restoring"])
@pytest.mark.parametrize(("member", "value"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_others_changed_is_never_overwritten(
    vendor: FakeVendor, tmp_path: Path, member: str, value: Any, moment: str
) -> None:
    """Their change stays and is reported; everything of ours is still restored."""
    before = vendor.lasting()

    def interfere(number: int, server: FakeVendor) -> None:
        if number == due[0]:
            server.profile[member] = copy.deepcopy(value)

    due = [0]

    def plan() -> None:
        due[0] = len(vendor.seen) + (1 if moment == "after the case" else 2)
        vendor.faults.before_request = interfere

    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        told = what_is_left(run, add("/ProfileTags/-", {"Name": "X"}), replace("/DefaultLocale", "fr-CA"), then=plan)
    assert f"/{member}" in told
    theirs = value if member != "ProfileTags" else [row for row in value if row["Name"] != "X"]
    assert vendor.lasting() == {**before, member: theirs}


def test_not_even_the_coarse_attempt_overwrites_an_entry_of_others(vendor: FakeVendor, tmp_path: Path) -> None:
    """It replaces a whole collection, but only the one that was read: an entry more, and it is refused."""

    def interfere(number: int, server: FakeVendor) -> None:
        if any(row["path"] == "/ProfileTags" and row["op"] == "replace" for row in server.seen[-1].operations):
            server.profile["ProfileTags"].append({"Name": "Theirs"})

    def plan() -> None:
        vendor.quirks.refuses_members = ("Name",)
        vendor.faults.before_request = interfere

    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        assert "/ProfileTags" in what_is_left(run, replace("/ProfileTags/0/Name", "X"), then=plan)
    assert vendor.profile["ProfileTags"][-1] == {"Name": "Theirs"}


def test_a_change_by_others_before_ours_is_left_alone(vendor: FakeVendor, tmp_path: Path) -> None:
    """In the moment between our reading and our request: what the case did not touch is not ours to restore."""
    before = vendor.lasting()

    def interfere(number: int, server: FakeVendor) -> None:
        if server.seen[-1].changes and not server.commits:
            server.profile["CustomerType"] = "Partner"

    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        vendor.faults.before_request = interfere
        assert "/CustomerType" in what_is_left(run, replace("/DefaultLocale", "fr-CA"), then=lambda: None)
    assert vendor.lasting() == {**before, "CustomerType": "Partner"}


def test_the_owner_can_vouch_that_nobody_else_is_there(vendor: FakeVendor, tmp_path: Path) -> None:
    """On an exclusive target, what the system itself changed along with a case is restored too."""
    before = vendor.lasting()
    with GuardedRun(session_of(vendor, exclusive=True), tmp_path, CONTRACT) as run, run.guard("case"):
        vendor.faults.after_commit = lambda number, server: (
            server.profile.update(RegistrationConfirmed=True) if number == 1 else None
        )
        run.session.send(change(replace("/DefaultLocale", "fr-CA")))
    assert vendor.lasting() == before


def test_changes_between_two_cases_are_not_undone_by_the_second(vendor: FakeVendor, tmp_path: Path) -> None:
    """Each case restores to what it found, not to what the run found at its start."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        with run.guard("first"):
            run.session.send(change(replace("/DefaultLocale", "fr-CA")))
        vendor.profile["DefaultLocale"] = "de-DE"
        with run.guard("second"):
            run.session.send(change(replace("/DefaultLocale", "it-IT")))
    assert vendor.profile["DefaultLocale"] == "de-DE"


def test_a_profile_that_moved_is_found_by_another_listed_id(vendor: FakeVendor, tmp_path: Path) -> None:
    """Should the addressed id vanish all the same, another listed one leads to the profile."""
    before = vendor.lasting()
    other = (CLIENT, "Salesforce", "0035e00000XyZ1aAAF")
    session = session_of(vendor, keys=(PROFILE_KEY, other), exclusive=True)
    with GuardedRun(session, tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(replace("/DefaultLocale", "fr-CA")))
        vendor.profile["AlternateIds"][0]["AlternateId"] = "C-MOVED"
    assert vendor.lasting() == before


def test_a_read_only_member_that_could_be_changed_is_restored_too(vendor: FakeVendor, tmp_path: Path) -> None:
    """Tried only if the owner allows it; a target that takes the change is asked to take it back."""
    before = vendor.lasting()
    vendor.quirks.nothing_is_read_only = True
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(replace("/ProfileId", 1), remove("/Consents/0"), replace("/CustomerType", "Prospect")))
    assert vendor.lasting() == before
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/ProfileId", "/edited/CreatedBy", "/Consents/0", "/ReasonCode"):
            with pytest.raises(NotSent, match=r"read-only|does not show"):
                run.session.send(change(replace(path, "x")))


def test_a_member_that_the_target_does_not_show_is_not_changed(vendor: FakeVendor, tmp_path: Path) -> None:
    """What can't be seen can't be restored; that goes for ReasonCode everywhere."""
    vendor.quirks.without_member = "ProfileTags"
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/ProfileTags/-", "/reasoncode"):
            with pytest.raises(NotSent, match="does not show"):
                run.session.send(change(add(path, "x")))


def test_a_member_whose_entries_hide_something_is_not_changed(vendor: FakeVendor, tmp_path: Path) -> None:
    """An entry that was put back as it was shown would have lost what was not shown."""
    vendor.quirks.hides = ("Emails", "IsActive")
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/Emails/0", "/emails/0/EmailAddress", "/Emails", "Emails/-"):
            with pytest.raises(NotSent, match="does not show all"):
                run.session.send(change(remove(path)))
        with pytest.raises(NotSent, match="can't be read"):
            run.session.send(Call("PATCH", PROFILE_KEY, HEADERS, b'[{op: "remove", path: "/Emails"}]'))
        run.session.send(change(replace("/CustomerType", "Prospect"), remove("/Groups")))
    assert vendor.profile == {**PROFILE, "Edited": vendor.profile["Edited"]}


LACKING: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a flag of an entry": ({"Emails": [{"EmailAddressType": "a", "EmailAddress": "b", "IsDefault": True}]}, {"emails"}),
    "a text, where nulls are shown": ({"CustomerType": None, "ProfileTags": [{}]}, {"profiletags"}),
    "a text, where no null is shown": ({"CustomerType": "a", "ProfileTags": [{}]}, set()),
    "a part of the name": ({"CustomerName": {"FirstName": None}}, {"customername"}),
    "names in another case": ({"profileTags": [{"name": None}]}, set()),
    "nothing": ({"CustomerName": None, "Emails": [None], "ProfileTags": []}, set()),
    "another kind of value": ({"CustomerName": "a", "ProfileTags": "b", "Emails": ["c"]}, set()),
}


@pytest.mark.parametrize(("shown", "members"), LACKING.values(), ids=LACKING.keys())
def test_what_hides_a_part_of_itself(shown: dict[str, Any], members: set[str]) -> None:
    """A flag or a number is never left out for being null; a text may be, by a server that leaves out every null."""
    assert Members.of(CONTRACT).half_shown(shown) == members


def test_a_profile_that_can_no_longer_be_read_is_mended(vendor: FakeVendor, tmp_path: Path) -> None:
    """A target that keeps half of a refused patch, and refuses the whole profile ever after."""
    before = vendor.lasting()
    vendor.quirks.not_atomic, vendor.quirks.checks_all = True, True
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        assert run.session.send(change(remove("/Groups"), replace("/CustomerType", "x" * 101)))[0] == 400
        assert vendor.profile["Groups"] is not PROFILE["Groups"]
    assert vendor.lasting() == before


def test_answers_of_before_the_change_mislead_nobody(vendor: FakeVendor, tmp_path: Path) -> None:
    """They show nothing of what the case did, which is not somebody else's doing for that."""
    before = vendor.lasting()
    vendor.quirks.answers_old = True
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(remove("/Groups"), add("/Emails/0", EMAIL)))
        run.session.send(change(replace("/CustomerType", "Prospect"), remove("/ProfileTags/0")))
    assert vendor.lasting() == before


def test_what_spills_into_another_listed_profile_is_listed(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nobody can tell whether it was the target or somebody else, so it is not touched, but said: exit code 4."""
    vendor.quirks.spills = "CustomerType"
    vendor.profiles[1]["CustomerType"] = "Partner"
    session = session_of(vendor, keys=(PROFILE_KEY, (CLIENT, *OTHER)))
    run = GuardedRun(session, tmp_path, CONTRACT)
    told = r"CHANGED BESIDE THE CASES: profile 2 of fake \(CRM\): /CustomerType\n"
    with pytest.raises(SafetyRefusal, match=told) as caught, run, run.guard("case"):
        run.session.send(change(replace("/CustomerType", "Prospect")))
    assert caught.value.exit_code == 4


# -- what the target itself writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("edited", [PROFILE["Edited"], None], ids=["stamped before", "never stamped"])
def test_a_stamp_that_says_who_created_it_anew_is_no_change(vendor: FakeVendor, tmp_path: Path, edited: Any) -> None:
    """Edited is the target's to write, even in a case that tried to: refused, it wrote nothing there itself."""
    vendor.quirks.stamps_creation = True
    vendor.profile["Edited"] = copy.deepcopy(edited)
    before = vendor.lasting()
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        assert run.session.send(change(replace("/Edited", None)))[0] == 400
        run.session.send(change(replace("/CustomerType", "Prospect")))
    assert vendor.lasting() == before


def test_a_creation_that_a_case_wrote_is_taken_back(vendor: FakeVendor, tmp_path: Path) -> None:
    """What a case wrote into Edited is no stamp."""
    vendor.quirks.nothing_is_read_only = True
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(replace("/Edited/CreatedBy", "me"), remove("/Edited/CreateDate")))
    assert {**vendor.profile["Edited"], "ModifiedDate": 0, "ModifiedBy": 0} == {
        **PROFILE["Edited"],
        "ModifiedDate": 0,
        "ModifiedBy": 0,
    }


def test_a_profile_that_changes_by_being_read_is_listed(vendor: FakeVendor, tmp_path: Path) -> None:
    """What it was before was never shown, so nobody can restore it: it is said loudly, with exit code 4."""
    vendor.quirks.tidies, vendor.quirks.stamps = True, "%Y-%m-%dT%H:%M:%S.%fZ"
    run = GuardedRun(session_of(vendor), tmp_path, CONTRACT)
    with pytest.raises(SafetyRefusal, match="CHANGED BY READING: profile 1 of fake") as caught, run, run.guard("case"):
        run.session.send(change(replace("/DefaultLocale", "fr-CA")))
    assert caught.value.exit_code == 4
    assert vendor.profile["DefaultLocale"] == PROFILE["DefaultLocale"]


@pytest.mark.parametrize("stamps", ["%Y-%m-%dT%H:%M:%S.%fZ", "%d.%m.%Y", ""])
def test_stamps_of_every_reading_are_no_changes(vendor: FakeVendor, tmp_path: Path, stamps: str) -> None:
    """A target may note each request in Edited, in whatever way it writes a time."""
    vendor.quirks.stamps_readings, vendor.quirks.stamps = True, stamps
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.session.send(change(replace("/DefaultLocale", "fr-CA")))
    assert vendor.lasting() == before


# -- what is not even tried -------------------------------------------------------------------------------------------


def test_nothing_is_sent_if_the_profile_cannot_be_read(vendor: FakeVendor, tmp_path: Path) -> None:
    """The first read must be a 200: one request, and the end."""
    session = session_of(vendor, credential=Credential(USER, known="wrong"))
    with pytest.raises(Inconclusive, match="can't be read: status 401"):
        GuardedRun(session, tmp_path, CONTRACT).__enter__()
    assert len(vendor.seen) == 1


def test_a_profile_that_is_none_is_named_as_such(vendor: FakeVendor, tmp_path: Path) -> None:
    """A 200 alone tells its reader nothing of what is wrong."""
    vendor.quirks.without_member = "ProfileId"
    with pytest.raises(Inconclusive, match="can't be read: its 200 is no JSON object that has a ProfileId"):
        GuardedRun(session_of(vendor), tmp_path, CONTRACT).__enter__()


def test_writes_are_off_where_test_operations_do_not_guard(vendor: FakeVendor, tmp_path: Path) -> None:
    """A restore that can't be guarded could overwrite somebody's change, so nothing is changed at all."""
    vendor.quirks.keeps_tests_loose = True
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        with pytest.raises(NotSent, match="does not guard"), run.guard("case"):
            run.session.send(change(replace("/CustomerType", "Prospect")))
        assert any("no case that changes" in note for note in run.notes)
    assert vendor.profile == PROFILE


def test_a_write_outside_a_guard_is_not_sent(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nobody would restore it."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        sent = len(vendor.seen)
        with pytest.raises(NotSent):
            run.session.send(change(replace("/CustomerType", "Prospect")))
        assert len(vendor.seen) == sent


def test_a_second_run_waits_its_turn(vendor: FakeVendor, tmp_path: Path) -> None:
    """One profile, one run."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT):
        with pytest.raises(SafetyRefusal, match="another run"):
            GuardedRun(session_of(vendor), tmp_path, CONTRACT).__enter__()
        with pytest.raises(SafetyRefusal, match="another run"):
            GuardedRun(session_of(vendor), tmp_path, CONTRACT).begin()


def test_a_profile_without_the_marker_is_left_alone(vendor: FakeVendor, tmp_path: Path) -> None:
    """The owner marked the profiles that are for tests; another one was listed by mistake."""
    with pytest.raises(SafetyRefusal, match="marker"):
        GuardedRun(session_of(vendor, marker=("ContractTests", "yes")), tmp_path, CONTRACT).__enter__()
    with GuardedRun(session_of(vendor, marker=("FavoriteColor", "Blue")), tmp_path, CONTRACT):
        pass


def test_the_undo_file_is_private_and_its_name_says_nothing(vendor: FakeVendor, tmp_path: Path) -> None:
    """0600, in a directory of 0700; names hold the target's name and a hash of where it is."""
    state = tmp_path / "state"
    with GuardedRun(session_of(vendor), state, CONTRACT) as run, run.guard("case"):
        run.session.send(change(replace("/CustomerType", "Prospect")))
        files = list(state.iterdir())
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert all("C-000417" not in file.name and "CRM" not in file.name for file in files)
        assert SECRET not in "".join(file.read_text() for file in files)
        assert len([file for file in files if file.suffix == ".json"]) == 1


def test_a_damaged_undo_file_stops_everything(vendor: FakeVendor, tmp_path: Path) -> None:
    """It is not deleted either: perhaps a person can read it."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        path = run.undo.path
    path.write_text('{"version": 1, "profiles": [')
    with pytest.raises(SafetyRefusal, match="can't read the undo file"):
        recover(session_of(vendor), tmp_path)
    assert path.exists()


def broken_off(vendor: FakeVendor, state: Path, **changes: Any) -> None:
    """Leave a changed profile and its undo file behind, as a run does whose server stopped."""
    session = session_of(vendor, **changes)
    with GuardedRun(session, state, CONTRACT) as run, contextlib.suppress(SafetyRefusal), run.guard("case"):
        session.send(change(replace("/CustomerType", "Prospect")))
        vendor.faults.stopped_from = 0
    vendor.faults.stopped_from = None


OTHER_SPELLINGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "another name for the target": lambda url: {"name": "renamed"},
    "another name for the host": lambda url: {"name": "renamed", "base_url": url.replace("127.0.0.1", "localhost")},
    "another path on the host": lambda url: {"name": "renamed", "base_url": f"{url}/v2"},
    "another port": lambda url: {"base_url": "http://127.0.0.1:9/Profiles"},
    "another client": lambda url: {"client": "GLOBEX", "keys": (("GLOBEX", *KEY),)},
}


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS.values(), ids=OTHER_SPELLINGS.keys())
def test_an_undo_file_stops_every_run_that_could_mean_the_same_profile(
    vendor: FakeVendor, tmp_path: Path, spelling: Callable[[str], dict[str, Any]]
) -> None:
    """Targets are renamed and servers move between a crash and the next run."""
    broken_off(vendor, tmp_path)
    sent = len(vendor.seen)
    with pytest.raises(SafetyRefusal, match="an earlier run broke off") as caught:
        GuardedRun(session_of(vendor, **spelling(vendor.url)), tmp_path, CONTRACT).begin()
    assert f"--recover --state-dir {tmp_path}" in str(caught.value)
    assert len(vendor.seen) == sent


def test_a_renamed_target_is_recovered(vendor: FakeVendor, tmp_path: Path) -> None:
    """Server and client say whose profile it is, not what we call them."""
    before = vendor.lasting()
    broken_off(vendor, tmp_path)
    assert vendor.lasting() != before
    assert recover(session_of(vendor, name="renamed"), tmp_path).restored == ("profile 1 of renamed (CRM)",)
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def test_a_server_that_moved_is_listed_and_sent_nothing(vendor: FakeVendor, tmp_path: Path) -> None:
    """Somebody else's profile may be there under the same id; "nothing to recover" would be wrong as well."""
    broken_off(vendor, tmp_path)
    with FakeVendor().running() as elsewhere:
        outcome = recover(session_of(elsewhere), tmp_path)
        assert elsewhere.seen == []
    assert outcome.exit_code == 4
    assert vendor.url in outcome.remaining[0].why
    assert recover(session_of(vendor), tmp_path).exit_code == 0


@pytest.mark.parametrize("fails", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_a_change_whose_note_cannot_be_written_is_not_sent(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: BaseException
) -> None:
    """And nothing half written stays, since it holds personal values."""

    def fail(handle: int) -> None:
        raise fails

    before = vendor.lasting()
    run = GuardedRun(session_of(vendor), tmp_path, CONTRACT)
    with pytest.raises((SafetyRefusal, KeyboardInterrupt)) as caught, run, run.guard("case"):  # noqa: PT012
        monkeypatch.setattr(os, "fsync", fail)
        try:
            run.session.send(change(replace("/CustomerType", "Prospect")))
        finally:
            monkeypatch.undo()
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert (vendor.lasting(), vendor.commits) == (before, 0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_recovery_that_is_interrupted_lists_what_is_left(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a dead server is waited for: exit code 4, and the next recovery finds everything."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = vendor.lasting()
    broken_off(vendor, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(TargetSession, "send_reserved", stop)
        outcome = recover(session_of(vendor), tmp_path)
    assert (outcome.exit_code, outcome.remaining[0].why) == (4, "interrupted before it was restored")
    assert recover(session_of(vendor), tmp_path).exit_code == 0
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


# -- anything, in any combination -------------------------------------------------------------------------------------

PATHS = (
    *("/CustomerType", "/DefaultLocale", "/PreservePreferences", "/RegistrationConfirmed", "/CustomerName"),
    *("/CustomerName/FirstName", "/CustomerName/Suffix", "/Emails", "/Emails/0", "/Emails/-", "/Emails/1/EmailAddress"),
    *("/ProfileTags", "/ProfileTags/0", "/ProfileTags/3", "/ProfileTags/-", "/Groups/1", "/Groups/0/IsPrimary"),
    *("/PhoneNumbers/2/PhoneNumberNumeric", "/Addresses/0", "/CustomFields/2/Value", "/AlternateIds/-", "/Nickname"),
)
THINGS: tuple[Any, ...] = (None, True, False, "x", "", 7, [], {"Name": "x"}, [{"Name": "a"}, {"Name": "b"}], EMAIL)


@pytest.mark.parametrize("seed", range(int(os.environ.get("MOCKSERVER_STORMS", "12"))))
def test_random_changes_and_faults_end_as_they_began(vendor: FakeVendor, tmp_path: Path, seed: int) -> None:
    """Three cases of random patches, answers dropped, errors after commits: restored at once, or by recovery."""
    draw = random.Random(seed)
    before = vendor.lasting()
    for fault in (vendor.faults.drop_before_commit, vendor.faults.drop_after_commit, vendor.faults.error_after_commit):
        fault.update(draw.sample(range(1, 30), 3))
    vendor.quirks.not_atomic = draw.random() < 0.3
    session = session_of(vendor, exclusive=draw.random() < 0.5, budget=2000)
    session.keep_going = True
    try:
        with GuardedRun(session, tmp_path, CONTRACT) as run:
            for name in ("one", "two", "three"):
                storm(run, name, draw)
    except SafetyRefusal as refusal:
        assert "NOT RESTORED" in str(refusal)  # noqa: PT017 - it may or may not come
        vendor.faults = type(vendor.faults)()
        assert recover(session_of(vendor, exclusive=True), tmp_path).remaining == ()
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


def storm(run: GuardedRun, name: str, draw: random.Random) -> None:
    """Run one case of a few random patches; an answer that is lost ends it."""

    def patch() -> Call:
        names = ("add", "replace", "remove")
        count = draw.randint(1, 4)
        return change(
            *(
                {"op": draw.choice(names), "path": draw.choice(PATHS), "value": draw.choice(THINGS)}
                for _ in range(count)
            )
        )

    with contextlib.suppress(NoAnswer, NotSent), run.guard(name):
        for _ in range(draw.randint(1, 3)):
            run.session.send(patch())


# -- signals and crashes ----------------------------------------------------------------------------------------------

DRIVER = """
import json, os, signal, sys
from pathlib import Path

url, state, die_at, kind = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
step = 0

def tick(*_):
    global step
    step += 1
    if step == die_at:
        os.kill(os.getpid(), getattr(signal, kind))

def audit(event, arguments):
    if event in ("http.client.connect", "http.client.send", "os.rename", "os.remove"):
        tick()
    elif event == "open" and str(arguments[0]).startswith(str(state)):
        tick()

real_sync = os.fsync
os.fsync = lambda handle: (tick(), real_sync(handle), tick())[1]

import http.client
real_answer = http.client.HTTPConnection.getresponse
http.client.HTTPConnection.getresponse = lambda self: (tick(), real_answer(self), tick())[1]

from mockserver.verify.calls import Call, Reply
from mockserver.verify.contract import Contract
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import Credential, Target
from mockserver.errors import CommandError

class Small:
    class profile:
        members = {}

key = ("ACME01", "CRM", "C-000417")
target = Target("fake", url, "ACME01", Credential("editor@acme.example", known="fake-vendor-secret"), (key,),
                rate=1000.0, settle_s=0.0)
headers = (("Content-Type", "application/json"),)
cases = {
    "one": [{"op": "replace", "path": "/CustomerType", "value": "Other"}, {"op": "remove", "path": "/ProfileTags/1"}],
    "two": [{"op": "add", "path": "/Emails/0", "value": {"EmailAddressType": "x", "EmailAddress": "y",
             "IsDefault": False, "IsActive": True}}],
    "three": [{"op": "remove", "path": "/CustomerName"}, {"op": "remove", "path": "/PhoneNumbers/0/PhoneNumber"}],
}
sys.addaudithook(audit)
try:
    with GuardedRun(TargetSession(target, write=True), state, Small) as run:
        for name, operations in cases.items():
            with run.guard(name):
                run.session.send(Call("PATCH", key, headers, json.dumps(operations).encode(), may_change=True))
except CommandError as failure:
    print(failure)
    sys.exit(failure.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
print(step)
"""


def drive(vendor: FakeVendor, state: Path, die_at: int, kind: str = "SIGKILL") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DRIVER, vendor.url, str(state), str(die_at), kind]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[3]
    )


def steps(total: int, wanted: int) -> list[int]:
    """Return so many of the steps, spread evenly, or all of them."""
    return sorted({1 + round(number * (total - 1) / max(1, wanted - 1)) for number in range(min(wanted, total))})


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_step_is_recovered(vendor: FakeVendor, tmp_path: Path) -> None:
    """SIGKILL before and after every file operation, request and answer (40 places; MOCKSERVER_KILLS asks for more)."""
    before = vendor.lasting()
    undisturbed = drive(vendor, tmp_path / "state", 0)
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    total = int(undisturbed.stdout)
    assert vendor.lasting() == before
    damaged = 0
    for die_at in steps(total, int(os.environ.get("MOCKSERVER_KILLS", "40"))):
        state = tmp_path / f"state-{die_at}"
        done = drive(vendor, state, die_at)
        assert done.returncode == -signal.SIGKILL, f"step {die_at}: {done.stdout}{done.stderr}"
        damaged += vendor.lasting() != before
        outcome = recover(session_of(vendor), state) if state.exists() else Outcome((), ())
        assert outcome.remaining == (), f"step {die_at}"
        assert vendor.lasting() == before, f"step {die_at}"
        assert list(state.glob(".*.undo-*")) == []
    assert damaged >= 5, "the kills must hit some moments at which the profile is changed"


@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM"])
def test_a_run_that_is_interrupted_restores_before_it_ends(vendor: FakeVendor, tmp_path: Path, kind: str) -> None:
    """Ctrl-C or SIGTERM, also in the middle of a restore: exit code 130, and nothing to recover."""
    before = vendor.lasting()
    total = int(drive(vendor, tmp_path / "state", 0).stdout)
    for die_at in steps(total, 4):
        state = tmp_path / f"state-{die_at}"
        done = drive(vendor, state, die_at, kind)
        assert done.returncode == 130, f"step {die_at}: {done.stdout}{done.stderr}"
        assert vendor.lasting() == before, f"step {die_at}"
        assert recover(session_of(vendor), state) == Outcome((), ()), f"step {die_at}"


def test_ctrl_c_waits_for_the_answer_to_a_change(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that was given up could be applied after the restore had found nothing to do."""
    before, replies = vendor.lasting(), list[int | None]()

    def interrupt(number: int, server: FakeVendor) -> None:
        if server.seen[-1].changes and not replies:
            os.kill(os.getpid(), signal.SIGINT)

    def note(call: Call, reply: Reply | None) -> None:
        replies.append(reply and reply.status)
        after(call, reply)

    vendor.faults.before_request = interrupt
    run = GuardedRun(session_of(vendor), tmp_path, CONTRACT)
    after = run.after
    monkeypatch.setattr(run, "after", note)
    with pytest.raises(KeyboardInterrupt), run, run.guard("case"):
        run.session.send(change(replace("/CustomerType", "Prospect")))
    assert replies == [200]
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []


# -- the inverse patch ------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "A/b", "~"])
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "y"])
ENTRIES = st.lists(st.dictionaries(NAMES, LEAVES, max_size=2), max_size=5)
PROFILES = st.fixed_dictionaries({"One": LEAVES, "List": ENTRIES | st.none(), "Name": st.dictionaries(NAMES, LEAVES)})


@given(PROFILES, PROFILES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_inverse_patch_leads_back(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Whatever happened to a profile, the patch made from the differences gives what was there, and tests hold."""
    patch = inverse_patch(list(differences(before, after)), after)
    assert canonical(applied(after, patch)) == canonical(before)
    assert {row["op"] for row in patch} <= {"test", "add", "replace", "remove"}
    assert bool(patch) == (canonical(before) != canonical(after))
