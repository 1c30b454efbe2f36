"""What others, or the target itself, change during a run: never overwritten, and told apart from what the run did."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.verify.target.guarded_run import GuardedRun
from tests.verify.target.fake_vendor import CLIENT, OTHER, PROFILE, FakeVendor
from tests.verify.target.runs import (
    CONTRACT,
    PROFILE_KEY,
    add,
    change,
    remove,
    replace,
    session_of,
    what_is_left,
)

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
        run.send(change(replace("/DefaultLocale", "fr-CA")))
    assert vendor.lasting() == before


def test_changes_between_two_cases_are_not_undone_by_the_second(vendor: FakeVendor, tmp_path: Path) -> None:
    """Each case restores to what it found, not to what the run found at its start."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        with run.guard("first"):
            run.send(change(replace("/DefaultLocale", "fr-CA")))
        vendor.profile["DefaultLocale"] = "de-DE"
        with run.guard("second"):
            run.send(change(replace("/DefaultLocale", "it-IT")))
    assert vendor.profile["DefaultLocale"] == "de-DE"


def test_what_spills_into_another_listed_profile_is_listed(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nobody can tell whether it was the target or somebody else, so it is not touched, but said: exit code 4."""
    vendor.quirks.spills = "CustomerType"
    vendor.profiles[1]["CustomerType"] = "Partner"
    session = session_of(vendor, keys=(PROFILE_KEY, (CLIENT, *OTHER)))
    run = GuardedRun(session, tmp_path, CONTRACT)
    told = r"CHANGED BESIDE THE CASES: profile 2 of fake \(CRM\): /CustomerType\n"
    with pytest.raises(SafetyRefusal, match=told) as caught, run, run.guard("case"):
        run.send(change(replace("/CustomerType", "Prospect")))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("edited", [PROFILE["Edited"], None], ids=["stamped before", "never stamped"])
def test_a_stamp_that_says_who_created_it_anew_is_no_change(vendor: FakeVendor, tmp_path: Path, edited: Any) -> None:
    """Edited is the target's to write, even in a case that tried to: refused, it wrote nothing there itself."""
    vendor.quirks.stamps_creation = True
    vendor.profile["Edited"] = copy.deepcopy(edited)
    before = vendor.lasting()
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        assert run.send(change(replace("/Edited", None)))[0] == 400
        run.send(change(replace("/CustomerType", "Prospect")))
    assert vendor.lasting() == before


def test_a_creation_that_a_case_wrote_is_taken_back(vendor: FakeVendor, tmp_path: Path) -> None:
    """What a case wrote into Edited is no stamp."""
    vendor.quirks.nothing_is_read_only = True
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(replace("/Edited/CreatedBy", "me"), remove("/Edited/CreateDate")))
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
        run.send(change(replace("/DefaultLocale", "fr-CA")))
    assert caught.value.exit_code == 4
    assert vendor.profile["DefaultLocale"] == PROFILE["DefaultLocale"]


@pytest.mark.parametrize("stamps", ["%Y-%m-%dT%H:%M:%S.%fZ", "%d.%m.%Y", ""])
def test_stamps_of_every_reading_are_no_changes(vendor: FakeVendor, tmp_path: Path, stamps: str) -> None:
    """A target may note each request in Edited, in whatever way it writes a time."""
    vendor.quirks.stamps_readings, vendor.quirks.stamps = True, stamps
    before = vendor.lasting()
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(replace("/DefaultLocale", "fr-CA")))
    assert vendor.lasting() == before
