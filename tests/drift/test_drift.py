"""Two targets are sent the same cases: planted differences are found and named, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from html import escape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.cli import main
from mockserver.drift.compare import load_volatile
from mockserver.drift.known import load_known
from mockserver.errors import UsageError
from mockserver.package import shipped
from mockserver.verify.mock_process import load_profiles, local_mock
from mockserver.verify.target.targets import Credential, Target
from tests.verify.target.fake_vendor import CLIENT, KEY, PROFILE, READER, READER_SECRET, SECRET, USER, FakeVendor

TODAY = date(2026, 1, 15)
ALIKE = (
    *(
        "patch-*",
        "add-*",
        "remove-text",
        "remove-flag",
        "remove-number",
        "remove-entry",
        "removes-*",
        "operations-in-order",
    ),
    *("replace-text", "replace-flags", "replace-entry", "replace-collection", "move-refused", "atomic-second-fails"),
    *("atomic-test-fails", "read-only-profile-id", "type-length", "edited-*", "auth-missing", "auth-wrong-signature"),
)


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    with FakeVendor().running() as server:
        yield server


@pytest.fixture(scope="module")
def mock() -> Iterator[Target]:
    """One mock for all tests, described in the targets file: each comparison loads its profile anew."""
    other = Target("x", "http://127.0.0.1:1", CLIENT, Credential(USER, known=SECRET), ((CLIENT, *KEY),))
    with local_mock(other) as started:
        yield started


class Bench:
    """Runs the command with a targets file for the fake and the mock."""

    def __init__(self, directory: Path, vendor: FakeVendor, mock: Target, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self.vendor, self.mock, self.capsys = directory, vendor, mock, capsys
        self.extra = "try_read_only = true\nmay_deactivate = true\n"

    def run(self, *flags: str, live: bool = True, write: bool = True) -> tuple[int, str]:
        targets = self.directory / "targets.toml"
        rows = {
            "fake": (self.vendor.url, "FAKE_SECRET", self.extra),
            "local": (self.mock.base_url, "MOCK_SECRET", "mock = true"),
        }
        targets.write_text(
            "\n".join(
                f'[targets.{name}]\nbase_url = "{url}"\nclient = "{CLIENT}"\nuser = "{USER}"\nsecret_env = "{env}"\n'
                f'profiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nbudget = 5000\nsettle_s = 0\n{extra}'
                for name, (url, env, extra) in rows.items()
            )
        )
        modes = [flag for flag, wanted in (("--live", live), ("--write", write)) if wanted]
        common = ["--targets", str(targets), "--state-dir", str(self.directory / "state")]
        code = main(["drift", "--left", "local", "--right", "fake", *common, *modes, *flags])
        shown = self.capsys.readouterr()
        return code, shown.out + shown.err

    def report(self, *flags: str, **modes: bool) -> dict[str, Any]:
        code, text = self.run("--json", *flags, **modes)
        document: dict[str, Any] = json.loads(text[: text.rindex("}") + 1])
        assert document["exit"] == code
        return document


@pytest.fixture
def bench(
    vendor: FakeVendor,
    mock: Target,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    monkeypatch.setenv("FAKE_READER", READER_SECRET)
    monkeypatch.setenv("MOCK_SECRET", mock.credential.secret())
    return Bench(tmp_path, vendor, mock, capsys)


def only(*names: str) -> list[str]:
    return [word for name in names for word in ("--only", name)]


@pytest.mark.slow
def test_two_sides_that_answer_alike_make_one_line(bench: Bench) -> None:
    """No drift, exit code 0, the real profile as it was, and what was assumed is confirmed."""
    before = bench.vendor.lasting()
    code, text = bench.run(*only(*ALIKE))
    lines = [line for line in text.splitlines() if not line.startswith("note:")]
    assert code == 0, text
    assert len(lines) == 1
    assert lines[0].startswith("no drift: local and fake, ")
    assert bench.vendor.lasting() == before
    assert bench.vendor.commits > 20


PLANTED: dict[str, tuple[dict[str, Any], str, int, tuple[str, str, str, str]]] = {
    "appends go to the front": ({"dash_prepends": True}, "add-at-end", 1, ("differs", "body", "/Emails", "local")),
    "a member is missing": (
        {"without_member": "ProfileTags"}, "empty-patch", 1, ("breaking", "body", "/ProfileTags", "local"),
    ),
    "a member is too much": ({"extra_member": "Nickname"}, "empty-patch", 1, ("breaking", "profile", "/#", "local")),
    "another status for a refusal": (
        {"status_for_read_only": 403}, "read-only-profile-id", 1, ("differs", "status", "", "local"),
    ),
    "a refusal that is none": (
        {"status_for_read_only": 200}, "read-only-profile-id", 1, ("breaking", "status", "", "local"),
    ),
    "another media type": (
        {"content_type": "text/plain"}, "empty-patch", 1, ("breaking", "content type", "", "local"),
    ),
    "a header is missing": (
        {"header_changes": {"WWW-Authenticate": None}}, "auth-missing", 1,
        ("differs", "header", "www-authenticate", "local"),
    ),
    "a text is changed on the way": (
        {"value_changes": {"CustomerType": 5}}, "empty-patch", 1, ("breaking", "profile", "/CustomerType", "local"),
    ),
    "other words in an error": (
        {"message_suffix": " Sorry."}, "path-unknown-member", 0, ("cosmetic", "error", "/Message", "local"),
    ),
    "another cache header": (
        {"header_changes": {"Pragma": "cache"}}, "empty-patch", 0, ("cosmetic", "header", "pragma", "local"),
    ),
    "who changed it last": ({"modified_by": "a job"}, "add-text", 0, ()),
    "a change leaves no stamp": (
        {"stamps": ""}, "add-text", 1, ("differs", "stamp of a change", "/Edited/ModifiedDate", "local"),
    ),
    "the time of a change is written in another way": (
        {"stamps": "%m/%d/%Y %I:%M:%S %p"}, "add-text", 1,
        ("differs", "notation of a date", "/Edited/ModifiedDate", "local and fake"),
    ),
    "a reading leaves a stamp": (
        {"stamps_readings": True, "stamps": "%Y-%m-%dT%H:%M:%S.%fZ"}, "empty-patch", 1,
        ("differs", "stamp of a change", "/Edited/ModifiedDate", "local"),
    ),
    "seconds without decimals": ({"stamps": "%Y-%m-%dT%H:%M:%SZ"}, "add-text", 0, ()),
    "an error without a body": ({"empty_errors": True}, "test-fails", 1, ("differs", "body", "", "local")),
    "a wrong guess": (
        {"refuses_members": ("IsActive",)}, "active-can-be-patched", 1, ("assumption", "status", "", "local"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("quirks", "rule", "code", "expected"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_difference_is_found_and_named(
    bench: Bench, quirks: dict[str, Any], rule: str, code: int, expected: tuple[str, ...]
) -> None:
    """Its kind, its place, and which side does as the contract says."""
    for name, value in quirks.items():
        setattr(bench.vendor.quirks, name, value)
    report = bench.report(*only(rule))
    rows = [
        (row["kind"], row["what"], row["place"][: len(expected[2])], row["agrees"])
        for row in report["findings"]
        if expected
    ]
    assert report["exit"] == code, report
    assert expected in rows if expected else report["findings"] == []


def test_a_change_before_a_refusal_is_found_by_the_reading_after_it(bench: Bench) -> None:
    """A server that keeps what came before the failing operation; its profile is restored all the same."""
    before = bench.vendor.lasting()
    bench.vendor.quirks.not_atomic = True
    report = bench.report(*only("atomic-second-fails"))
    assert report["exit"] == 1
    assert {row["what"] for row in report["findings"] if row["kind"] == "differs"} == {"body"}
    assert bench.vendor.lasting() == before


def test_assumptions_are_confirmed_or_refuted(bench: Bench) -> None:
    """By the real side's answer, whatever else it does differently everywhere."""
    bench.vendor.quirks.header_changes = {"Cache-Control": None}
    report = bench.report(*only("empty-patch", "route-trailing-slash"))
    assert [row.partition(":")[0] for row in report["assumptions"]["confirmed"]] == ["empty-patch"]
    assert [row.partition(":")[0] for row in report["assumptions"]["refuted"]] == ["route-trailing-slash"]


def test_nothing_is_sent_without_leave(bench: Bench) -> None:
    """The default lists the requests and the worst case; a live run without --write changes nothing."""
    code, text = bench.run(*only("add-text", "empty-patch"), live=False)
    assert code == 0
    assert bench.vendor.seen == []
    assert "add-text: CHANGES PATCH profile 1 of fake (CRM) add /DefaultLocale" in text
    assert "at worst" in text
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


PERSONAL = [
    "Zoë",
    "O'Neil",
    "zoe.oneil",
    "example.com",
    "555-0143",
    "7705550143",
    "C-000417",
    "Satellite",
    "likes ~tildes~",
]


@pytest.mark.slow
def test_no_report_holds_a_value_an_id_or_a_secret(bench: Bench) -> None:
    """Not even where values differ; the undo files' names and the terminal neither. Every format can be read."""
    bench.vendor.quirks.dash_prepends = True
    bench.vendor.quirks.message_suffix = " Zoë"
    bench.vendor.quirks.header_changes = {"Pragma": "zoe.oneil@example.com"}
    paths = [bench.directory / f"report{suffix}" for suffix in (".json", ".xml", ".html", ".txt")]
    flags = [word for path in paths for word in ("--report", str(path))]
    code, text = bench.run("--verbose", *flags, *only("empty-patch", "add-at-end", "path-unknown-member", "test-*"))
    assert code == 1
    assert "/Emails/0/EmailAddress" in text
    names = " ".join(path.name for path in (bench.directory / "state").iterdir())
    for shown in (text, names, *(path.read_text(encoding="utf-8") for path in paths)):
        assert [word for word in [*PERSONAL, SECRET, "Signature="] if word in shown] == []
    document = json.loads(paths[0].read_text(encoding="utf-8"))
    suite = ElementTree.fromstring(paths[1].read_text(encoding="utf-8"))
    assert [case.get("name") for case in suite] == [case["id"] for case in document["cases"]]
    assert int(suite.get("failures", 0)) == len(suite.findall("testcase/failure")) > 0
    assert paths[2].read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "src=" not in paths[2].read_text(encoding="utf-8")


def test_known_drift_counts_again_when_its_day_is_over(bench: Bench) -> None:
    """Until then it is not drift; an entry for what does not show is mentioned."""
    bench.vendor.quirks.dash_prepends = True
    path = bench.directory / "known.yaml"
    entry = "{{case: add-*, what: body, place: /Emails*, why: 'a fault, reported', expires: {day}}}"
    other = f"{{case: never-*, why: gone, expires: {date.today()}}}"
    day, past = date.today() + timedelta(days=200), date(2025, 12, 31)
    path.write_text(f"known:\n  - {entry.format(day=day)}\n  - {other}\n")
    report = bench.report("--known", str(path), *only("add-at-end"))
    assert report["exit"] == 0
    assert list(report["counts"]) == ["known"]
    assert [row["case"] for row in report["unseen"]] == ["never-*"]
    path.write_text(f"known:\n  - {entry.format(day=past)}\n")
    report = bench.report("--known", str(path), *only("add-at-end"))
    assert report["exit"] == 1
    assert report["expired"] == [{"why": "a fault, reported", "expires": str(past)}]


BAD_KNOWN = {
    "no list": ("known: {}", "not a file of known drift"),
    "another key": ("known: []\nmore: 1", "not a file of known drift"),
    "no end": ("known: [{why: x}]", "a day on which it expires"),
    "no reason": ("known: [{expires: 2026-03-01}]", "needs a why"),
    "an end that is far away": ("known: [{why: x, expires: 2030-01-01}]", "more than a year away"),
    "a misspelt key": ("known: [{why: x, expire: 2026-03-01}]", "did you mean expires"),
}


@pytest.mark.parametrize(("text", "told"), BAD_KNOWN.values(), ids=BAD_KNOWN.keys())
def test_known_drift_needs_a_reason_and_an_end(tmp_path: Path, text: str, told: str) -> None:
    """A list of accepted differences that nobody looks at again is how drift is forgotten."""
    path = tmp_path / "known.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        load_known(path, TODAY)


BAD_VOLATILE = {"bodies: []": "unknown", "body: [Edited]": "no place", "headers: {allow: breaking}": "not possible"}


@pytest.mark.parametrize(("text", "told"), BAD_VOLATILE.items(), ids=list(BAD_VOLATILE))
def test_what_is_volatile_is_declared_in_one_place(tmp_path: Path, text: str, told: str) -> None:
    """And can't be misread."""
    shipped_file = load_volatile(shipped("contracts") / "volatile.yaml")
    assert shipped_file.covers("/Edited/ModifiedDate")
    assert not shipped_file.covers("/Edited/CreateDate")
    path = tmp_path / "volatile.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        load_volatile(path)


def test_a_profile_that_stays_changed_ends_the_run_with_exit_code_4(bench: Bench) -> None:
    """What was found until then is reported, and the place that could not be restored."""
    bench.vendor.faults.after_commit = lambda number, server: setattr(
        server.quirks, "refuses_members", ("CustomerType",)
    )
    path = bench.directory / "report.json"
    code, text = bench.run("--report", str(path), *only("auth-missing", "patch-updates-one-profile", "add-at-end"))
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


def test_each_case_of_a_difference_is_named(bench: Bench) -> None:
    """With the sentence of its rule, on the terminal and on the page, which also says what to do."""
    bench.vendor.quirks.status_for_read_only = 200
    path = bench.directory / "report.html"
    _, text = bench.run("--report", str(path), *only("read-only-profile-id", "read-only-edited", "read-only-consents"))
    page = path.read_text(encoding="utf-8")
    for sentence in ("ProfileId can't be changed", "Edited can't be changed", "Consents can't be changed"):
        assert sentence in text
        assert escape(sentence) in page
    assert "local does as the contract says (the vendor&#x27;s page of this operation)" in page


def test_a_target_of_the_library_may_stamp_its_changes(bench: Bench) -> None:
    """The library knows no stamp, the system around it does: neither is a difference."""
    bench.extra = 'dialect = "library"\n'
    code, text = bench.run("--left", "mock", *only("add-text", "replace-flags", "edited-*"))
    assert code == 0, text


def test_the_second_user_is_used_where_there_is_one(bench: Bench, mock: Target) -> None:
    """403 can be seen then, and is no drift; without one it is not verifiable, which is not a pass."""
    bench.extra = f'reader = {{ user = "{READER}", secret_env = "FAKE_READER" }}\n'
    code, text = bench.run("--left", "mock", *only("auth-forbidden"))
    assert (code, "1 not run" in text) == (0, False), text
    bench.extra = ""
    code, text = bench.run(*only("auth-forbidden"))
    assert (code, "1 not run" in text) == (3, True), text


@pytest.mark.slow
@pytest.mark.no_cover
def test_two_mocks_do_not_differ_in_any_case(bench: Bench, mock: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good part of all cases, with a second mock in the place of the real side."""
    with ExitStack() as stack:
        second = stack.enter_context(local_mock(mock))
        monkeypatch.setenv("FAKE_SECRET", second.credential.secret())
        bench.vendor.url = f"{second.base_url}/Profiles"
        assert load_profiles(second, {(CLIENT, *KEY): PROFILE}) == ""
        code, text = bench.run(
            "--keep-going", *only("auth-*", "xml-*", "accept-*", "op-*", "text-*", "number-*", "names-*")
        )
    assert code == 0, text


def test_two_listed_mocks_need_no_place_for_notes(bench: Bench) -> None:
    """What a mock loses can be loaded again: nothing is noted, and the directory for notes need not exist."""
    state = bench.directory / "nowhere"
    assert load_profiles(bench.mock, {(CLIENT, *KEY): PROFILE}) == ""
    sides = ["--left", "mock", "--right", "local", "--state-dir", str(state)]
    code, text = bench.run(*sides, *only("add-text", "add-at-end"), live=False, write=False)
    assert (code, state.exists()) == (0, False), text


def test_a_profile_that_changes_by_being_read_ends_with_exit_code_4(bench: Bench) -> None:
    """The report says so, too, beside what it found."""
    bench.vendor.quirks.tidies, bench.vendor.quirks.stamps = True, "%Y-%m-%dT%H:%M:%S.%fZ"
    path = bench.directory / "report.json"
    assert bench.run("--report", str(path), *only("add-text"))[0] == 4
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["exit"], document["stopped"].partition(":")[0]) == (4, "CHANGED BY READING")


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


def test_the_contract_can_be_compared_with_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Without any target."""
    assert main(["drift", "--page"]) == 0
    assert "what the page says" in capsys.readouterr().out
