"""Two targets are sent the same cases: planted differences are found and named, and nothing else is."""

from __future__ import annotations

import json
from contextlib import ExitStack
from html import unescape
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.cli import main
from mockserver.verify.mock_process import load_profiles, local_mock
from mockserver.verify.target.targets import Target
from tests.drift.comparing import Bench, only
from tests.verify.target.fake_vendor import CLIENT, KEY, PROFILE, READER, SECRET

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
    *(
        "atomic-test-fails",
        "read-only-profile-id",
        "type-length",
        "edited-is-*",
        "edited-names-the-user",
        "edited-stays*",
        "auth-missing",
        "auth-wrong-signature",
    ),
)


@pytest.mark.slow
def test_two_sides_that_answer_alike_have_little_to_say(bench: Bench) -> None:
    """What was asked and no drift, exit code 0, the real profile as it was, and what was assumed is confirmed."""
    before = bench.vendor.lasting()
    code, text = bench.run(*only(*ALIKE))
    lines = [line for line in text.splitlines() if not line.startswith(("note:", "comparing:"))]
    assert code == 0, text
    assert len(lines) == 3
    assert lines[1] == "  not run: 1 case: only a mock can be asked this"
    assert lines[0].startswith("comparing local and fake: ")
    assert lines[2].startswith("no drift: local and fake, ")
    assert bench.vendor.lasting() == before
    assert bench.vendor.commits > 20


PLANTED: dict[str, tuple[dict[str, Any], str, int, tuple[str, ...]]] = {
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


def test_each_case_of_a_difference_is_named(bench: Bench) -> None:
    """With the sentence of its rule, on the terminal and on the page, which also says what to do."""
    bench.vendor.quirks.status_for_read_only = 200
    path = bench.directory / "report.html"
    _, text = bench.run("--report", str(path), *only("read-only-profile-id", "read-only-edited", "read-only-consents"))
    page = unescape(path.read_text(encoding="utf-8"))
    for sentence in ("ProfileId can't be changed", "Edited can't be changed", "Consents can't be changed"):
        assert sentence in text
        assert sentence in page
    assert "local does as the contract says (the vendor's page of this operation)" in page


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


def test_the_contract_can_be_compared_with_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    """Without any target."""
    assert main(["drift", "--page"]) == 0
    assert "what the page says" in capsys.readouterr().out
