"""A real target is verified: what is wrong with every answer of it is told once, and no rule takes the blame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.cli import main
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor

RULES = """
defaults: {source: page, fact: operation.method, why: "a test"}
rules:
  - id: a-change
    title: A text is set
    tags: [write]
    patch: [{op: replace, path: /CustomerType, value: B}]
    after: {/CustomerType: B}
  - id: a-refusal
    title: An unknown member is refused
    tags: [negative]
    patch: [{op: remove, path: /Nickname}]
    expect: 400
  - {id: a-reading, title: An empty patch changes nothing, tags: [read], patch: []}
  - id: a-test-of-a-stamp
    title: Edited can be tested
    tags: [write]
    given: {/CustomerType: D}
    patch:
      - {op: test, path: /Edited/CreateDate, value: "${/Edited/CreateDate}"}
      - {op: add, path: /CustomerType, value: E}
    after: {/CustomerType: E}
  - id: edited-anew
    title: A change is stamped
    tags: [write]
    patch: [{op: replace, path: /CustomerType, value: C}]
    after: {/CustomerType: C}
"""


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVendor]:
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    with FakeVendor().running() as server:
        yield server


def verdicts(vendor: FakeVendor, directory: Path, monkeypatch: pytest.MonkeyPatch, extra: str = "") -> dict[str, Any]:
    """Verify the fake with the rules above; return verdict and problems of each case."""
    rules = directory / "rules"
    rules.mkdir()
    (rules / "few.yaml").write_text(RULES)
    monkeypatch.setattr("mockserver.verify.run.shipped", lambda _: directory)
    targets = directory / "targets.toml"
    targets.write_text(
        f'[targets.fake]\nbase_url = "{vendor.url}"\nclient = "{CLIENT}"\nuser = "{USER}"\nsecret_env = "FAKE_SECRET"\n'
        f'profiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nbudget = 500\nsettle_s = 0\n{extra}'
    )
    report = directory / "report.json"
    flags = ["--target", "fake", "--targets", str(targets), "--state-dir", str(directory / "state")]
    main(["verify", *flags, "--live", "--write", "--report", str(report)])
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    return {case["id"]: (case["verdict"], case.get("problems", [])) for case in cases}


@pytest.mark.parametrize(
    ("quirks", "broken"),
    [
        pytest.param({}, [], id="nothing is wrong"),
        pytest.param({"header_changes": {"Pragma": None}}, ["every-answer"], id="a header is missing"),
        pytest.param({"extra_member": "Nickname"}, ["every-answer"], id="a member is too much"),
        pytest.param({"empty_errors": True}, ["every-answer"], id="errors have no body"),
        pytest.param({"stamps": ""}, ["edited-anew"], id="changes leave no stamp"),
        pytest.param({"stamps": "%m/%d/%Y %I:%M:%S %p"}, [], id="a stamp of another form"),
        pytest.param({"modified_by": "API"}, [], id="a stamp with another name"),
        pytest.param({"status_for_tests": 500}, [], id="tests fail with 500"),
        pytest.param({"content_type": "application/json; charset=utf-8"}, [], id="one JSON type for all"),
    ],
)
def test_one_fault_breaks_what_is_about_it(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quirks: dict[str, Any], broken: list[str]
) -> None:
    """The other rules held; the profile is as it was."""
    before = vendor.lasting()
    for name, value in quirks.items():
        setattr(vendor.quirks, name, value)
    found = verdicts(vendor, tmp_path, monkeypatch)
    assert [name for name, (verdict, _) in found.items() if verdict == "broken"] == broken
    assert {verdict for verdict, _ in found.values()} <= {"broken", "held"}, found
    assert vendor.lasting() == before


def test_answers_that_nobody_can_read_leave_the_rules_undecided(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule of which nothing could be seen has not held."""
    vendor.quirks.content_type = "text/plain"
    found = verdicts(vendor, tmp_path, monkeypatch)
    assert found["every-answer"][0] == "broken"
    assert [found[name][0] for name in ("a-change", "a-refusal")] == ["inconclusive"] * 2


def test_a_target_of_the_library_may_stamp(vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library has no stamps, the system around it may have."""
    found = verdicts(vendor, tmp_path, monkeypatch, 'dialect = "library"\n')
    assert {verdict for verdict, _ in found.values()} == {"held"}, found


def test_a_reading_that_changes_the_profile_is_told(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reports as well as by the exit code: after the first reading the profile looks innocent."""
    vendor.quirks.tidies, vendor.quirks.stamps = True, "%Y-%m-%dT%H:%M:%S.%fZ"
    verdict, problems = verdicts(vendor, tmp_path, monkeypatch)["every-answer"]
    assert (verdict, problems) == (
        "broken",
        ["a patch that changes nothing left a new stamp on profile 1 of fake (CRM)"],
    )


@pytest.mark.parametrize("quirk", ["stamps_creation", "stamps_readings"])
def test_stamps_of_its_own_break_no_other_rule(
    vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quirk: str
) -> None:
    """Whatever a target writes into Edited: the rules about that say it, and no other."""
    setattr(vendor.quirks, quirk, True)
    vendor.quirks.stamps = "%Y-%m-%dT%H:%M:%S.%fZ"
    found = verdicts(vendor, tmp_path, monkeypatch)
    assert [name for name, (verdict, _) in found.items() if verdict != "held"] == ["edited-anew"]
