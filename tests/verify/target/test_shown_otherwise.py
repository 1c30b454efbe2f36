"""A target that shows something else than it keeps: no guard of a restoring patch can ever hold there."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import recover
from tests.verify.target.fake_vendor import KEY, SECRET, USER, FakeVendor
from tests.verify.target.runs import CONTRACT, add, change, remove, replace, session_of, what_is_left

CASES: dict[str, list[dict[str, Any]]] = {
    "a text that is shown trimmed": [replace("/CustomerType", "  Prospect ")],
    "an empty list that is shown as null": [replace("/Groups", [])],
    "a text in an entry": [replace("/Emails/0/EmailAddress", " me@example.com")],
    "an entry": [add("/ProfileTags/-", {"Name": " X "})],
    "beside what can be tested": [replace("/CustomerType", " P "), replace("/DefaultLocale", "fr-CA")],
}


@pytest.fixture
def tidying(vendor: FakeVendor) -> FakeVendor:
    vendor.quirks.shows_tidied = True
    return vendor


@pytest.mark.parametrize("operations", CASES.values(), ids=CASES.keys())
def test_where_nobody_else_is_the_last_patches_go_without_guards(
    tidying: FakeVendor, tmp_path: Path, operations: list[dict[str, Any]]
) -> None:
    """The owner vouches for that, and the reading before them shows nothing but the case's own change."""
    before = tidying.lasting()
    with GuardedRun(session_of(tidying, exclusive=True), tmp_path, CONTRACT) as run, run.guard("case"):
        run.send(change(*operations))
        assert tidying.lasting() != before
    assert tidying.lasting() == before
    assert list(tmp_path.iterdir()) == []


def _asked_while_unsent(vendor: FakeVendor, number: int, value: str) -> Callable[[], None]:
    due = len(vendor.seen) + number

    def interfere(count: int, server: FakeVendor) -> None:
        if count == due:
            server.profile["DefaultLocale"] = value

    return lambda: setattr(vendor.faults, "before_request", interfere)


@pytest.mark.parametrize("number", [2, 3], ids=["before the patch", "before the reading after it"])
def test_what_somebody_else_changed_all_the_same_is_not_overwritten(
    tidying: FakeVendor, tmp_path: Path, number: int
) -> None:
    """Whatever the owner vouches for: then every patch has its guards, and a person is told what to do."""
    session = session_of(tidying, exclusive=True)
    with GuardedRun(session, tmp_path, CONTRACT) as run:
        operations = change(replace("/CustomerType", " Prospect "), replace("/DefaultLocale", "fr-CA"))

        def case() -> None:
            with run.guard("case"):
                run.send(operations)
                _asked_while_unsent(tidying, number, "de-DE")()

        with pytest.raises(SafetyRefusal, match="NOT RESTORED"):
            case()
    assert (tidying.profile["CustomerType"], tidying.profile["DefaultLocale"]) == (" Prospect ", "de-DE")


def left(vendor: FakeVendor, state: Path) -> str:
    """Let a run leave something changed; return what it says."""
    with GuardedRun(session_of(vendor), state, CONTRACT) as run:
        return what_is_left(run, replace("/CustomerType", " Prospect "), remove("/Groups"), then=lambda: None)


def test_elsewhere_the_run_says_what_to_send_by_hand(tidying: FakeVendor, tmp_path: Path) -> None:
    """The command names a file for its owner's eyes: what it sends restores the profile, and holds no secret."""
    before = tidying.lasting()
    told = left(tidying, tmp_path)
    file = next(tmp_path.glob("*.curl"))
    assert f'by hand, signed as its file says: curl --config {file} -H "Authorization: $AUTHORIZATION"' in told
    assert not [word for word in ("Prospect", KEY[1], SECRET, USER) if word in told]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert SECRET not in text
    assert "mockserver sign --client ACME01 --user editor@acme.example --secret-file FILE" in text
    sent = {name: json.loads(value) for name, value in re.findall(r"^([a-z-]+) = (.*)$", text, re.MULTILINE)}
    assert (sent["request"], sent["url"].rpartition("/")[2]) == ("PATCH", KEY[1])
    patch = [{"op": "replace", "path": "/CustomerType", "value": before["CustomerType"]}]
    assert json.loads(sent["data-raw"]) == patch
    session = session_of(tidying)
    session.send_reserved(change(*patch))
    assert tidying.lasting() == before
    assert recover(session_of(tidying), tmp_path).exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_curl_reads_the_file(tidying: FakeVendor, tmp_path: Path) -> None:
    """Every quote and backslash of the patch arrives as it was."""
    tidying.profile["CustomerType"] = 'Ünïque "quoted" \\ back\ttab'
    left(tidying, tmp_path)
    file = next(tmp_path.glob("*.curl"))
    command = ["curl", "--silent", "--config", str(file), "-H", "Authorization: none"]
    try:
        subprocess.run(command, check=True, timeout=20, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("needs curl")
    assert tidying.seen[-1].operations[0]["value"] == 'Ünïque "quoted" \\ back\ttab'


def test_a_recovery_goes_without_guards_once_the_owner_vouches(tidying: FakeVendor, tmp_path: Path) -> None:
    """Without that it says by hand again what to send."""
    before = tidying.lasting()
    left(tidying, tmp_path)
    outcome = recover(session_of(tidying), tmp_path)
    assert [row.by_hand.startswith("curl --config ") for row in outcome.remaining] == [True]
    assert recover(session_of(tidying, exclusive=True), tmp_path).exit_code == 0
    assert tidying.lasting() == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_creation_is_taken_back_though_the_fine_patch_is_refused(
    tidying: FakeVendor, tmp_path: Path, exclusive: bool
) -> None:
    """What the case wrote into Edited is restored by a patch of its own."""
    tidying.quirks.nothing_is_read_only = True
    by = tidying.profile["Edited"]["CreatedBy"]
    session = session_of(tidying, try_read_only=True, exclusive=exclusive)
    with GuardedRun(session, tmp_path, CONTRACT) as run:

        def case() -> None:
            with run.guard("case"):
                run.send(change(replace("/Edited/CreatedBy", "me"), replace("/CustomerType", " P ")))

        if exclusive:
            case()
        else:
            with pytest.raises(SafetyRefusal, match=r"NOT RESTORED[^/]*/CustomerType: "):
                case()
    assert tidying.profile["Edited"]["CreatedBy"] == by


def test_a_creation_that_the_target_writes_anew_is_said(vendor: FakeVendor, tmp_path: Path) -> None:
    """Nobody can take it back, so it costs no patch, not even where nobody else is there."""
    vendor.quirks.writes_created_by = True
    before = vendor.lasting()
    with GuardedRun(session_of(vendor, exclusive=True), tmp_path, CONTRACT) as run:
        for name in ("one", "two"):
            with run.guard(name):
                run.send(change(replace("/CustomerType", "Prospect")))
    assert vendor.lasting() == before
    assert [note for note in run.notes if note.startswith("/Edited/CreatedBy: not as before the run")]
    assert len(run.notes) == 2
