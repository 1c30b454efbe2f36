"""Random faults, signals and crashes at any step of a run: restored at once, or by recovery."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from mockserver.errors import SafetyRefusal
from mockserver.verify.calls import Call, Reply
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import Recovery, recover
from mockserver.verify.target.session import NOTHING, Guard, NoAnswer, NotSent, TargetSession
from mockserver.verify.target.vetting import Leave
from tests.examples import many
from tests.verify.target.fake_vendor import FakeVendor
from tests.verify.target.runs import (
    CONTRACT,
    EMAIL,
    change,
    replace,
    session_of,
    target_of,
)

PATHS = (
    *("/CustomerType", "/DefaultLocale", "/PreservePreferences", "/RegistrationConfirmed", "/CustomerName"),
    *("/CustomerName/FirstName", "/CustomerName/Suffix", "/Emails", "/Emails/0", "/Emails/-", "/Emails/1/EmailAddress"),
    *("/ProfileTags", "/ProfileTags/0", "/ProfileTags/3", "/ProfileTags/-", "/Groups/1", "/Groups/0/IsPrimary"),
    *("/PhoneNumbers/2/PhoneNumberNumeric", "/Addresses/0", "/CustomFields/2/Value", "/AlternateIds/-", "/Nickname"),
)


THINGS: tuple[Any, ...] = (None, True, False, "x", "", 7, [], {"Name": "x"}, [{"Name": "a"}, {"Name": "b"}], EMAIL)


@pytest.mark.parametrize("seed", range(many(12)))
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
            run.send(patch())


# One process that has imported everything and forks a child for each run: it has no threads, so that a child can't wait
# for what one of them held.
DRIVER = """
import http.client, json, os, signal, sys
from pathlib import Path
from mockserver.verify.calls import Call
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.credential import Credential
from mockserver.verify.target.targets import Target
from mockserver.errors import CommandError

class Small:
    class profile:
        members = {}

key = ("ACME01", "CRM", "C-000417")
headers = (("Content-Type", "application/json"),)
cases = {
    "one": [{"op": "replace", "path": "/CustomerType", "value": "Other"}, {"op": "remove", "path": "/ProfileTags/1"}],
    "two": [{"op": "add", "path": "/Emails/0", "value": {"EmailAddressType": "x", "EmailAddress": "y",
             "IsDefault": False, "IsActive": True}}],
    "three": [{"op": "remove", "path": "/CustomerName"}, {"op": "remove", "path": "/PhoneNumbers/0/PhoneNumber"}],
}
step = 0

def die_in_step(die_at, kind, state):
    def tick(*_):
        global step
        step += 1
        if step == die_at:
            os.kill(os.getpid(), getattr(signal, kind))

    def audit(event, arguments):
        if event in ("http.client.connect", "http.client.send", "os.rename", "os.remove"):
            tick()
        elif event == "open" and str(arguments[0]).startswith(state):
            tick()

    real_sync, real_answer = os.fsync, http.client.HTTPConnection.getresponse
    os.fsync = lambda handle: (tick(), real_sync(handle), tick())[1]
    http.client.HTTPConnection.getresponse = lambda self: (tick(), real_answer(self), tick())[1]
    sys.addaudithook(audit)

def play(url, state):
    target = Target("fake", url, "ACME01", Credential("editor@acme.example", known="fake-vendor-secret"), (key,),
                    rate=1000.0, settle_s=0.0)
    try:
        with GuardedRun(TargetSession(target, write=True), Path(state), Small) as run:
            for name, operations in cases.items():
                with run.guard(name):
                    run.send(Call("PATCH", key, headers, json.dumps(operations).encode(), may_change=True))
    except CommandError as failure:
        print(failure)
        return failure.exit_code
    except KeyboardInterrupt:
        return 130
    print(step)
    return 0

for line in sys.stdin:
    url, state, die_at, kind = json.loads(line)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            die_in_step(die_at, kind, state)
            code = play(url, state)
            sys.stdout.flush()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text]), flush=True)
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=Path(__file__).parents[3]) as running:
        yield running
        assert running.stdin is not None
        running.stdin.close()


Drive = Callable[..., tuple[int, str]]


@pytest.fixture
def drive(driver: subprocess.Popen[str], vendor: FakeVendor) -> Drive:
    """Run three guarded cases in a process that a signal strikes in one of its steps; its exit code and its words."""

    def one(state: Path, die_at: int, kind: str = "SIGKILL") -> tuple[int, str]:
        assert driver.stdin is not None
        assert driver.stdout is not None
        print(json.dumps([vendor.url, str(state), die_at, kind]), file=driver.stdin, flush=True)
        code, said = json.loads(driver.stdout.readline())
        vendor.settle()
        return code, said

    return one


def steps(total: int, wanted: int) -> list[int]:
    """Return so many of the steps, spread evenly, or all of them."""
    return sorted({1 + round(number * (total - 1) / max(1, wanted - 1)) for number in range(min(wanted, total))})


def test_a_run_that_is_killed_at_any_step_is_recovered(vendor: FakeVendor, drive: Drive, tmp_path: Path) -> None:
    """SIGKILL before and after every file operation, request and answer, or forty of them."""
    before = vendor.lasting()
    code, said = drive(tmp_path / "state", 0)
    assert code == 0, said
    total = int(said)
    assert vendor.lasting() == before
    damaged = 0
    for die_at in steps(total, many(40)):
        state = tmp_path / f"state-{die_at}"
        code, said = drive(state, die_at)
        assert code == -signal.SIGKILL, f"step {die_at}: {said}"
        damaged += vendor.lasting() != before
        outcome = recover(session_of(vendor), state) if state.exists() else Recovery((), ())
        assert outcome.remaining == (), f"step {die_at}"
        assert vendor.lasting() == before, f"step {die_at}"
        assert list(state.glob(".*.undo-*")) == []
    assert damaged >= 5, "the kills must hit some moments at which the profile is changed"


@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM"])
def test_a_run_that_is_interrupted_restores_before_it_ends(
    vendor: FakeVendor, drive: Drive, tmp_path: Path, kind: str
) -> None:
    """Ctrl-C or SIGTERM, also in the middle of a restore: exit code 130, and nothing to recover."""
    before = vendor.lasting()
    total = int(drive(tmp_path / "state", 0)[1])
    for die_at in steps(total, 4):
        state = tmp_path / f"state-{die_at}"
        code, said = drive(state, die_at, kind)
        assert code == 130, f"step {die_at}: {said}"
        assert vendor.lasting() == before, f"step {die_at}"
        assert recover(session_of(vendor), state) == Recovery((), ()), f"step {die_at}"


def test_ctrl_c_waits_for_the_answer_to_a_change(vendor: FakeVendor, tmp_path: Path) -> None:
    """A request that was given up could be applied after the restore had found nothing to do."""
    before, replies = vendor.lasting(), list[int]()

    def interrupt(number: int, server: FakeVendor) -> None:
        if server.seen[-1].changes and not replies:
            os.kill(os.getpid(), signal.SIGINT)

    class Noting(TargetSession):
        def send(self, call: Call, leave: Leave = NOTHING, guard: Guard | None = None) -> Reply:
            assert guard is not None
            return super().send(call, leave, lambda call, send: guard(call, lambda: note(send())))

    def note(reply: Reply) -> Reply:
        replies.append(reply.status)
        return reply

    vendor.faults.before_request = interrupt
    run = GuardedRun(Noting(target_of(vendor), write=True), tmp_path, CONTRACT)
    with pytest.raises(KeyboardInterrupt), run, run.guard("case"):
        run.send(change(replace("/CustomerType", "Prospect")))
    assert replies == [200]
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []
