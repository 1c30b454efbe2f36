"""What a run does not even try, for nobody could take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import Inconclusive, SafetyRefusal
from mockserver.verify.calls import Call
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.session import NotSent
from mockserver.verify.target.vetting import Leave
from tests.verify.target.fake_vendor import PROFILE, USER, FakeVendor
from tests.verify.target.runs import (
    CONTRACT,
    HEADERS,
    PROFILE_KEY,
    add,
    change,
    remove,
    replace,
    session_of,
)


def test_a_member_that_the_target_does_not_show_is_not_changed(vendor: FakeVendor, tmp_path: Path) -> None:
    """What can't be seen can't be restored; that goes for ReasonCode everywhere."""
    vendor.quirks.without_member = "ProfileTags"
    with GuardedRun(session_of(vendor, try_read_only=True), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/ProfileTags/-", "/reasoncode"):
            with pytest.raises(NotSent, match="does not show"):
                run.send(change(add(path, "x")))


def test_a_member_whose_entries_hide_something_is_not_changed(vendor: FakeVendor, tmp_path: Path) -> None:
    """An entry that was put back as it was shown would have lost what was not shown."""
    vendor.quirks.hides = ("Emails", "IsActive")
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run, run.guard("case"):
        for path in ("/Emails/0", "/emails/0/EmailAddress", "/Emails", "Emails/-"):
            with pytest.raises(NotSent, match="does not show all"):
                run.send(change(remove(path)))
        with pytest.raises(NotSent, match="can't be read"):
            run.send(Call("PATCH", PROFILE_KEY, HEADERS, b'[{op: "remove", path: "/Emails"}]'))
        run.send(change(replace("/CustomerType", "Prospect"), remove("/Groups")))
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
    assert set(Leave.of(CONTRACT, write=True)._replace(shown=shown).half_shown()) == members


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
            run.send(change(replace("/CustomerType", "Prospect")))
        assert any("no case that changes" in note for note in run.notes)
    assert vendor.profile == PROFILE


def test_a_write_outside_a_guard_is_not_sent(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nobody would restore it."""
    with GuardedRun(session_of(vendor), tmp_path, CONTRACT) as run:
        sent = len(vendor.seen)
        with pytest.raises(NotSent):
            run.send(change(replace("/CustomerType", "Prospect")))
        assert len(vendor.seen) == sent


def test_a_run_that_has_not_begun_or_has_ended_changes_nothing(vendor: FakeVendor, tmp_path: Path) -> None:
    """Without the lock of the target and the first reading of its profiles, nothing could be taken back safely."""
    run = GuardedRun(session_of(vendor), tmp_path, CONTRACT)
    for _ in ("before", "after"):
        with run.guard("case"), pytest.raises(NotSent, match="no case is being guarded"):
            run.send(change(replace("/CustomerType", "Prospect")))
        with run:
            pass
    assert not any(seen.changes for seen in vendor.seen)


def test_a_profile_without_the_marker_is_left_alone(vendor: FakeVendor, tmp_path: Path) -> None:
    """The owner marked the profiles that are for tests; another one was listed by mistake."""
    with pytest.raises(SafetyRefusal, match="marker"):
        GuardedRun(session_of(vendor, marker=("ContractTests", "yes")), tmp_path, CONTRACT).__enter__()
    with GuardedRun(session_of(vendor, marker=("FavoriteColor", "Blue")), tmp_path, CONTRACT):
        pass
