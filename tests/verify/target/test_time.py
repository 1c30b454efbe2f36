"""`--time` is kept whatever a target does, but never by leaving a profile changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockserver.cli import main
from mockserver.errors import UsageError
from mockserver.verify.http_session import TimeOver
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.restore import recover
from mockserver.verify.target.session import TargetSession
from mockserver.verify.target.targets import RESERVE
from tests.verify.endless import EndlessServer
from tests.verify.target.fake_vendor import FakeVendor
from tests.verify.target.runs import CONTRACT, broken_off, change, replace, target_of
from tests.verify.target.sessions import SlowClock

SET = change(replace("/CustomerType", "Prospect"))


def session_of(vendor: FakeVendor, slow: SlowClock, time_s: float, **changes: Any) -> TargetSession:
    """Return a session that may take so long at two requests a second, by a clock that only sleeping moves."""
    return TargetSession(target_of(vendor, rate=2.0, **changes), write=True, clock=slow.clock(), time_s=time_s)


def test_cases_end_while_there_is_time_for_the_restore(vendor: FakeVendor, tmp_path: Path) -> None:
    """Changes go on until the time is over but for what is kept back; the profile is as it was before all is over."""
    slow, before = SlowClock(), vendor.lasting()
    run = GuardedRun(session_of(vendor, slow, 20), tmp_path, CONTRACT)

    def changes_on_and_on() -> None:
        with run, run.guard("case"):
            for _ in range(1000):
                run.send(SET)

    with pytest.raises(TimeOver, match=r"the time of 20 s is over, but for 12 s for the restore"):
        changes_on_and_on()
    assert len(vendor.seen) > 10
    assert vendor.lasting() == before
    assert list(tmp_path.glob("*.json")) == []
    assert 20 - RESERVE / 2 <= slow.seconds <= 20


def test_a_restore_is_never_cut_off(vendor: FakeVendor, tmp_path: Path) -> None:
    """A target that takes all the time with one change is restored all the same."""
    slow, before = SlowClock(), vendor.lasting()
    with GuardedRun(session_of(vendor, slow, 20), tmp_path, CONTRACT) as run:
        with run.guard("case"):
            run.send(SET)
            slow.seconds += 1000
        assert vendor.lasting() == before
        with pytest.raises(TimeOver), run.guard("next"):
            run.send(SET)
    assert list(tmp_path.glob("*.json")) == []


def test_a_recovery_has_all_the_time_that_it_needs(vendor: FakeVendor, tmp_path: Path) -> None:
    before = vendor.lasting()
    broken_off(vendor, tmp_path)
    slow = SlowClock()
    assert recover(TargetSession(target_of(vendor, rate=0.01), clock=slow.clock()), tmp_path).exit_code == 0
    assert vendor.lasting() == before


def test_a_slow_target_has_more_kept_back(vendor: FakeVendor) -> None:
    """As many requests as a restore may need, at the pace of the slowest answer."""
    session = session_of(vendor, SlowClock(), 200, settle_s=3.0)
    assert session.kept_s == RESERVE / 2 + 6
    session._slowest_s = 2.0
    assert session.kept_s == RESERVE * 2 + 6
    assert TargetSession(target_of(vendor), time_s=5).kept_s == 0


def test_a_time_that_leaves_nothing_to_the_cases_is_refused(vendor: FakeVendor, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a time of 12 s leaves nothing") as caught:
        GuardedRun(session_of(vendor, SlowClock(), 12), tmp_path, CONTRACT).begin()
    assert "keeps 12 s" in str(caught.value)
    assert vendor.seen == []


def test_no_wait_goes_beyond_the_time(vendor: FakeVendor, tmp_path: Path) -> None:
    """A target that asks for a pause longer than what is left gets none."""
    slow = SlowClock()
    vendor.faults.throttle = {1: "100"}
    with pytest.raises(TimeOver):
        GuardedRun(session_of(vendor, slow, 60), tmp_path, CONTRACT).begin()
    assert slow.seconds < 60
    assert len(vendor.seen) == 1


def test_a_target_that_drips_ends_the_run(vendor: FakeVendor, tmp_path: Path) -> None:
    """In the midst of its first answer, and far before the target's own timeout."""
    with EndlessServer(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"{", 0.01).running() as server:
        target = target_of(vendor, base_url=server.url, timeout_s=60.0)
        with pytest.raises((TimeOver, OSError)) as caught:
            GuardedRun(TargetSession(target, time_s=0.2), tmp_path, CONTRACT).begin()
    assert getattr(caught.value, "exit_code", None) == 3


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--time", text]) == 2
    assert f"--time can't be '{text}'" in capsys.readouterr().err
