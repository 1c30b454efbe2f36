"""How a comparison ends where it can't end well, and what is never sent."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mockserver.cli import main
from mockserver.verify.events import CaseFinished
from mockserver.verify.rules.playing import RuleRunner
from mockserver.verify.rules.reading import Rule
from mockserver.verify.target.guarded_run import GuardedRun
from tests.drift.comparing import Bench, only
from tests.verify.target.fake_vendor import CLIENT, KEY


def test_nothing_is_sent_without_leave(bench: Bench) -> None:
    """The default lists the requests and the worst case; a live run without --write changes nothing."""
    code, text = bench.run("--verbose", *only("add-text", "empty-patch"), live=False)
    assert code == 0
    assert bench.vendor.seen == []
    assert "add-text: CHANGES PATCH profile 1 of fake (CRM) add /DefaultLocale" in text
    assert "at most" in text
    report = bench.report(*only("add-text", "empty-patch"), write=False)
    assert [case["id"] for case in report["cases"] if case["notRun"]] == ["add-text"]
    assert report["exit"] == 0
    assert all(seen.operations == [] for seen in bench.vendor.seen)
    assert bench.run(*only("add-text"), write=False)[0] == 3


def test_only_listed_profiles_are_ever_asked_for(bench: Bench) -> None:
    """Also where cases ask for others, for other methods, or for tokens."""
    bench.run("--keep-going", *only("id-*", "route-*", "method-*", "token-*", "auth-*", "every-id-names-the-profile"))
    allowed = f"/Profiles/{CLIENT}/Profile/AlternateIdType/{KEY[0]}/AlternateId/{KEY[1]}".lower()
    assert {seen.path.rstrip("/").lower() for seen in bench.vendor.seen} == {allowed}
    assert {seen.method for seen in bench.vendor.seen} <= {"PATCH", "GET", "HEAD", "OPTIONS"}


def test_a_profile_that_stays_changed_ends_the_run_with_exit_code_4(bench: Bench) -> None:
    """What was found until then is reported, and the place that could not be restored; a full disk changes nothing."""
    bench.vendor.faults.after_commit = lambda number, server: setattr(
        server.quirks, "refuses_members", ("CustomerType",)
    )
    path, full = bench.directory / "report.json", bench.directory / "full.json"
    full.symlink_to("/dev/full")
    code, text = bench.run(
        "--report", str(full), "--report", str(path), *only("auth-missing", "patch-updates-one-profile", "add-at-end")
    )
    assert code == 4
    assert "NOT RESTORED" in text
    assert "/CustomerType" in text
    document = json.loads(path.read_text(encoding="utf-8"))
    assert "NOT RESTORED" in document["stopped"]
    assert [case["id"] for case in document["cases"]] == ["the-profile-itself", "auth-missing"]
    bench.vendor.faults.after_commit, bench.vendor.quirks.refuses_members = None, ()
    assert bench.run(*only("empty-patch"))[0] == 4


def test_a_target_that_goes_away_gives_no_answer(bench: Bench) -> None:
    """Exit code 3: neither drift nor its absence was shown."""
    bench.vendor.faults.stopped_from = 6
    code, text = bench.run(*only("empty-patch", "auth-*"), write=False)
    assert code == 3
    assert "no answer" in text


def test_a_target_that_fails_ends_the_run(bench: Bench) -> None:
    """No more cases are sent after the first 5xx, unless asked for."""
    bench.vendor.faults.error_after_commit = {1}
    before = bench.vendor.lasting()
    report = bench.report(*only("add-*"))
    assert report["exit"] == 1
    assert "server error" in report["stopped"]
    assert bench.vendor.lasting() == before


def test_a_refusal_with_500_ends_no_run(bench: Bench) -> None:
    """The vendor's software answers some patches with 500 where it refuses them: that is a difference, not trouble."""
    bench.vendor.quirks.status_for_read_only = 500
    before = bench.vendor.lasting()
    report = bench.report(*only("read-only-profile-id", "read-only-edited", "add-text"))
    assert report["stopped"] is None
    assert [(row["what"], row["left"], row["right"]) for row in report["findings"]] == [("status", "400", "500")]
    assert report["findings"][0]["cases"] == ["read-only-profile-id", "read-only-edited"]
    assert bench.vendor.lasting() == before


def test_a_profile_that_changes_by_being_read_ends_with_exit_code_4(bench: Bench) -> None:
    """The report says so, too, beside what it found."""
    bench.vendor.quirks.tidies, bench.vendor.quirks.stamps = True, "%Y-%m-%dT%H:%M:%S.%fZ"
    path = bench.directory / "report.json"
    assert bench.run("--report", str(path), *only("add-text"))[0] == 4
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["exit"], document["stopped"].partition(":")[0]) == (4, "CHANGED BY READING")


@pytest.mark.parametrize("ignores_removes", [False, True], ids=["removes", "ignores removes"])
def test_a_missing_charset_hides_nothing(bench: Bench, ignores_removes: bool) -> None:
    """It is cosmetic: each case goes on behind it, finds what there is, and is confirmed by nothing less."""
    bench.vendor.quirks.charset, bench.vendor.quirks.ignores_removes = "", ignores_removes
    report = bench.report(*only("remove-entry", "remove-text"))
    kinds = {(row["kind"], row["what"]) for row in report["findings"]}
    assert ("cosmetic", "content type") in kinds
    assert report["exit"] == (1 if ignores_removes else 0), report["findings"]
    assert (("differs", "body") in kinds) == ignores_removes
    assert len(report["assumptions"]["confirmed"]) == (0 if ignores_removes else 1)


def test_a_case_that_was_not_played_to_its_end_confirms_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it shows drift before that, there is no answer."""
    played = RuleRunner.run

    def cut(self: RuleRunner, rule: Rule) -> CaseFinished:
        real = isinstance(self.bench.session, GuardedRun)
        return replace(played(self, rule), ended=False) if real else played(self, rule)

    monkeypatch.setattr(RuleRunner, "run", cut)
    report = bench.report(*only("remove-text"))
    assert report["exit"] == 3
    assert report["assumptions"] == {"confirmed": [], "refuted": []}
    assert [case["notRun"] for case in report["cases"][1:]] == ["not played to its end"]


def test_a_run_that_was_to_write_and_did_not_is_no_answer(bench: Bench) -> None:
    """`test` guards nothing there, so that no case that changes something was sent."""
    bench.vendor.quirks.keeps_tests_loose = True
    report = bench.report(*only("empty-patch", "add-text"))
    assert report["exit"] == 3
    assert "nothing-written" in [case["id"] for case in report["cases"]]


WRONG = {
    "no other side": [],
    "the same side twice": ["--right", "local"],
    "an unknown case": ["--right", "fake", "--only", "ad-text"],
    "a report of no known kind": ["--right", "fake", "--report", "x.pdf"],
    "an unlisted side": ["--right", "elsewhere"],
}


@pytest.mark.parametrize("flags", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_sends_nothing(bench: Bench, flags: list[str]) -> None:
    """Exit code 2."""
    bench.run("--only", "empty-patch", live=False)
    targets = ["--targets", str(bench.directory / "targets.toml")]
    assert main(["drift", "--left", "local", "--live", *targets, *flags]) == 2
    assert bench.vendor.seen == []
