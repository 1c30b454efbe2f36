"""A session stays within its bounds, whatever a case asks for: budget, rate, patience, one try for a change."""

from __future__ import annotations

import contextlib
import json
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.package import shipped
from mockserver.verify.calls import Call, Reply
from mockserver.verify.contract import load_contract
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.session import READING, Clock, NoAnswer, NotSent, TargetSession, Throttled
from mockserver.verify.target.targets import RESERVE
from mockserver.verify.target.vetting import Leave
from tests.verify.target.fake_vendor import CLIENT, OTHER, PROFILE, SECRET, FakeVendor
from tests.verify.target.runs import CONTRACT, PROFILE_KEY
from tests.verify.target.sessions import ASK, SET, SlowClock, call, session_of


def test_redirects_are_never_followed(vendor: FakeVendor) -> None:
    """The signature would go to whoever the answer names."""
    vendor.faults.redirect[1] = f"{vendor.url}/elsewhere"
    with pytest.raises(SafetyRefusal, match="redirect"):
        session_of(vendor).send(call())
    assert len(vendor.seen) == 1


def test_the_budget_is_hard_and_keeps_a_reserve(vendor: FakeVendor) -> None:
    """Cases stop early enough for a restore; the restore stops at the budget."""
    session = session_of(vendor, write=True, budget=RESERVE + 3)
    for _ in range(3):
        session.send(call(ASK))
    with pytest.raises(Inconclusive, match="budget"):
        session.send(call(ASK))
    for _ in range(RESERVE):
        session.send_reserved(call(ASK))
    with pytest.raises(Inconclusive, match="budget"):
        session.send_reserved(call(ASK))
    assert len(vendor.seen) == RESERVE + 3


def test_a_run_that_only_reads_keeps_nothing_back(vendor: FakeVendor) -> None:
    """There is nothing to restore."""
    session = session_of(vendor, budget=3)
    for _ in range(3):
        session.send(call(ASK))
    with pytest.raises(Inconclusive, match="budget"):
        session.send(call(ASK))


def test_cases_end_at_what_was_announced(vendor: FakeVendor) -> None:
    """The guard goes on: what is changed has to be restored."""
    session = session_of(vendor, write=True, budget=500)
    session.limit = 2
    for _ in range(2):
        session.send(call(ASK))
    with pytest.raises(Inconclusive, match="announced"):
        session.send(call(ASK))
    session.send_reserved(call(ASK))
    assert len(vendor.seen) == 3


SENT = {
    "nothing": ([], 1),
    "a reading": ([call()], 1),
    "a test": ([call(ASK)], 3),
    "a change": ([call(SET)], 3),
    "a request without a signature": ([call(signed=False)], 3),
}


@pytest.mark.parametrize(("between", "sent"), SENT.values(), ids=SENT.keys())
def test_a_reading_is_shared_until_something_else_is_sent(vendor: FakeVendor, between: list[Call], sent: int) -> None:
    """What answers say afterwards is asked for anew, and so is everything once a session is told to forget."""
    session = session_of(vendor, write=True)
    first = session.send(call())
    for one in between:
        session.send(one)
    assert (session.send(call()) is first) == (sent == 1)
    assert len(vendor.seen) == session.used == sent
    session.forget()
    session.read(PROFILE_KEY)
    assert len(vendor.seen) == sent + 1


def test_a_target_that_slows_us_down_does_not_use_up_the_reserve(vendor: FakeVendor) -> None:
    """Each repeated read counts, and the restore must still be possible."""
    vendor.faults.throttle = dict.fromkeys(range(1, 100), "0")
    session = session_of(vendor, write=True, slow=SlowClock(), budget=RESERVE + 5)
    with pytest.raises(Inconclusive, match="budget"):
        session.send(call())
    assert len(vendor.seen) == 5


@pytest.mark.parametrize(("left", "sent"), [(READING, 0), (READING + 1, 1)], ids=["too few", "enough"])
def test_a_change_begins_only_if_its_first_reading_fits_too(vendor: FakeVendor, left: int, sent: int) -> None:
    """The guard reads the profile before it, which takes three requests at worst."""

    def guard(change: Call, send: Callable[[], Reply]) -> Reply:
        for _ in range(READING):
            session.send_reserved(call(ASK))
        return send()

    session = session_of(vendor, write=True, budget=RESERVE + left)
    with contextlib.nullcontext() if sent else pytest.raises(Inconclusive, match="budget"):
        session.send(call(SET), guard=guard)
    assert len(vendor.seen) == (READING + 1 if sent else 0)
    assert session.target.budget - session.used >= RESERVE


def test_requests_keep_their_distance(vendor: FakeVendor) -> None:
    """Two a second: the first at once, each other half a second after the one before."""
    slow = SlowClock()
    session = session_of(vendor, slow=slow, rate=2.0)
    for _ in range(3):
        session.send(call(ASK))
    assert slow.slept == [0.5, 0.5]


@pytest.mark.parametrize(("header", "waits"), [("7", 7.0), ("", 5.0), ("soon", 5.0)])
def test_reads_wait_as_they_are_told_and_are_repeated(vendor: FakeVendor, header: str, waits: float) -> None:
    """After a 429, Retry-After decides."""
    slow = SlowClock()
    vendor.faults.throttle[1] = header
    assert session_of(vendor, slow=slow).send(call()).status == 200
    assert len(vendor.seen) == 2
    assert sum(slow.slept) == pytest.approx(waits, abs=0.01)


def test_retry_after_may_be_a_date(vendor: FakeVendor) -> None:
    """In the past, it asks for no wait at all; the number of tries is bounded all the same."""
    slow = SlowClock()
    vendor.faults.throttle = dict.fromkeys(range(1, 500), "Wed, 21 Oct 2015 07:28:00 GMT")
    with pytest.raises(Inconclusive, match="asked to wait"):
        session_of(vendor, slow=slow, budget=1000).send(call())
    assert len(vendor.seen) < 150


def test_a_write_is_never_repeated(vendor: FakeVendor) -> None:
    """Neither after a 429 nor after a lost answer; the request after it waits."""
    slow = SlowClock()
    session = session_of(vendor, write=True, slow=slow)
    vendor.faults.throttle[1] = "9"
    with pytest.raises(Throttled):
        session.send(call(SET))
    assert len(vendor.seen) == 1
    session.send(call())
    assert sum(slow.slept) == pytest.approx(9, abs=0.01)
    vendor.faults.drop_after_commit = {1}
    with pytest.raises(NoAnswer) as caught:
        session.send(call(SET))
    assert isinstance(caught.value, OSError)
    assert len(vendor.seen) == 3


def test_a_server_error_ends_the_run(vendor: FakeVendor) -> None:
    """It is returned, so that the case can be judged; no further request of a case is sent, those of the guard are."""
    session = session_of(vendor, write=True)
    vendor.faults.error_after_commit = {1, 2}
    assert session.send(call(SET)).status == 500
    with pytest.raises(Inconclusive, match="server error"):
        session.send(call())
    assert session.read(PROFILE_KEY).status == 200
    stubborn = session_of(vendor, write=True, keep_going=True)
    assert stubborn.send(call({**SET, "value": "Other"})).status == 500
    assert stubborn.send(call()).status == 200


@pytest.mark.parametrize(("status", "ends"), [(500, False), (502, True), (503, True)])
def test_a_server_error_where_a_refusal_is_due(vendor: FakeVendor, status: int, ends: bool) -> None:
    """A 500 is how the vendor's software refuses some patches; any other 5xx is trouble."""
    vendor.quirks.status_for_tests = status
    session = session_of(vendor)
    wrong = call({"op": "test", "path": "/CustomerType", "value": "x"})._replace(refused=True)
    assert session.send(wrong).status == status
    assert bool(session.stopped) is ends


def test_each_call_is_signed_anew(vendor: FakeVendor) -> None:
    """A signature grows old within minutes, a run may take longer."""
    times = iter([datetime(2024, 5, 1, 10, 0, 0, tzinfo=UTC), datetime(2024, 5, 1, 10, 20, 0, tzinfo=UTC)])
    session = session_of(vendor)
    session.clock = Clock(lambda: next(times), session.clock.monotonic, session.clock.sleep)
    session.send(call())
    session.send(call())
    assert ["10:20:00Z" in seen.headers["authorization"] for seen in vendor.seen] == [False, True]


def test_a_change_needs_leave_and_a_guard(vendor: FakeVendor) -> None:
    """Whoever has the session alone can only read."""
    session = TargetSession(session_of(vendor).target, write=True)
    assert session.send(call()).status == 200
    with pytest.raises(NotSent, match="--write"):
        session.send(call(SET))
    with pytest.raises(NotSent, match="nobody would restore"):
        session.send(call(SET), Leave(""))
    assert len(vendor.seen) == 1


def test_raw_exchanges_are_kept_only_on_request_and_privately(vendor: FakeVendor, tmp_path: Path) -> None:
    """0700 and 0600, and without the signature."""
    kept = tmp_path / "raw"
    session_of(vendor).send(call())
    assert not kept.exists()
    session_of(vendor, keep_raw=kept).send(call())
    files = list(kept.iterdir())
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600]
    text = files[0].read_text(encoding="utf-8")
    assert "zoe.oneil@example.com" in text
    assert "Signature" not in text
    assert SECRET not in text
    kept.chmod(0o755)
    with pytest.raises(UsageError, match="others can look"):
        session_of(vendor, keep_raw=kept)


def dry_run(vendor: FakeVendor) -> DryRun:
    contract = load_contract(shipped("contracts") / "openapi.yaml")
    return DryRun(session_of(vendor).target, contract, Leave.of(contract, write=True), {PROFILE_KEY: PROFILE})


def test_a_dry_run_sends_nothing_and_refuses_the_same(vendor: FakeVendor) -> None:
    """Its answers are made up, its requests are not."""
    dry = dry_run(vendor)
    assert json.loads(dry.send(call(SET)).body)["CustomerType"] == "Prospect"
    assert dry.send(call(SET, refused=True)).status == 400
    with pytest.raises(NotSent):
        dry.send(call(key=(CLIENT, *OTHER)))
    assert dry.calls == [call(SET), call(SET, refused=True)]
    assert vendor.seen == []


TAKES = {
    "a reading": ([call()], 1),
    "two readings": ([call(), call()], 1),
    "a test": ([call(), call(ASK), call()], 3),
    "a change": ([call(), call(SET), call()], 5),
    "a change that is refused": ([call(), call(SET, refused=True), call()], 3),
    "a change to what is there": ([call({**SET, "value": PROFILE["CustomerType"]}), call()], 3),
}


@pytest.mark.parametrize(("calls", "requests"), TAKES.values(), ids=TAKES.keys())
def test_a_dry_run_counts_what_a_guarded_run_sends(
    vendor: FakeVendor, tmp_path: Path, calls: list[Call], requests: int
) -> None:
    """Readings before a change, after it and after the restore included, each once."""
    vendor.profile["CustomerType"] = PROFILE["CustomerType"]
    dry = dry_run(vendor)
    with dry.guard("case"):
        for one in calls:
            dry.send(one)
    with GuardedRun(TargetSession(dry.target, write=True), tmp_path, CONTRACT) as run:
        begun = run.used
        with run.guard("case"):
            for one in calls:
                run.send(one._replace(body=one.body.replace(b'"/C', b'"/NoC')) if one.refused else one)
        assert (dry.used, run.used - begun) == (requests, requests)
    assert vendor.lasting() == {name: value for name, value in PROFILE.items() if name != "Edited"}


def test_a_certificate_that_is_not_trusted_is_said_with_what_to_do(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ssl.SSLCertVerificationError(1, "unable to get local issuer certificate")

    monkeypatch.setattr("mockserver.verify.target.session.exchange", refuse)
    with pytest.raises(NoAnswer, match=r"local issuer certificate\n.*SSL_CERT_FILE=ca\.pem"):
        session_of(vendor).send(call())
