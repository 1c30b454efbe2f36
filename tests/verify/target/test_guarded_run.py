"""`mockserver verify --target NAME` as its user types it, and what it leaves behind in files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mockserver.cli import main
from mockserver.commands import report_files
from tests.verify.target.fake_vendor import CLIENT, KEY, PROFILE, SECRET, USER, FakeVendor, lower
from tests.verify.target.planted import Quirks

PERSONAL = [
    *(row["EmailAddress"] for row in PROFILE["Emails"]),
    *(row["PhoneNumber"] for row in PROFILE["PhoneNumbers"] if row["PhoneNumber"]),
    *(row["AlternateId"] for row in PROFILE["AlternateIds"]),
    *(PROFILE["CustomerName"][name] for name in ("FirstName", "LastName")),
]
MADE_UP = "Zoe.Zajac@example.com"


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVendor]:
    """A server that targets.toml in the present directory describes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    with FakeVendor().running() as server:
        Path("targets.toml").write_text(
            f'[targets.fake]\nbase_url = "{server.url}"\nclient = "{CLIENT}"\nuser = "{USER}"\n'
            f'secret_env = "FAKE_SECRET"\nprofiles = ["{KEY[0]}/{KEY[1]}"]\nrate = 1000\nsettle_s = 0\n'
        )
        yield server


def verified(*rules: str, flags: Sequence[str] = ()) -> int:
    named = [word for rule in rules for word in ("--only", rule)]
    files = ["--report", "r.json", "--junit", "r.xml", "--html", "r.html", "--state-dir", "state"]
    return main(["verify", "--target", "fake", "--live", "--write", "--keep-going", *files, *flags, *named])


def test_ctrl_c_while_reports_are_written_leaves_no_half_file(
    vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whatever format, and the profile is as it was."""
    Path("r.json").write_text("before", encoding="utf-8")
    write_text = Path.write_text

    def interrupted(path: Path, text: str, **more: Any) -> int:
        if path.suffix != ".part":
            return write_text(path, text, **more)
        write_text(path, text[:10], **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    assert verified("replace-text") == 130
    assert sorted(path.name for path in Path().glob("*r.*")) == ["r.json"]
    assert Path("r.json").read_text(encoding="utf-8") == "before"
    assert vendor.profile["CustomerName"] == PROFILE["CustomerName"]


def test_a_run_that_ends_early_leaves_its_reports(vendor: FakeVendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that was not restored is in every one of them, and in what a mock is handed."""
    handed = list[Mapping[str, Any]]()
    monkeypatch.setattr(report_files, "hand_over", lambda url, document: handed.append(document))
    vendor.faults.after_commit = lambda number, server: setattr(server.faults, "stopped_from", 0)
    assert verified("empty-patch", "replace-text", flags=("--report-to", "http://127.0.0.1:8080")) == 4
    written = json.loads(Path("r.json").read_text())
    assert "NOT RESTORED" in written["stages"][0]["stopped"]
    assert handed == [written]
    assert "NOT RESTORED" in Path("r.html").read_text()
    errors = ElementTree.parse("r.xml").getroot().iter("error")
    assert ["NOT RESTORED" in (error.get("message") or "") for error in errors].count(True) == 1


def test_one_json_document_also_where_the_end_is_a_refusal(
    vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found is on standard output, what was left behind also on standard error."""
    vendor.faults.after_commit = lambda number, server: setattr(server.faults, "stopped_from", 0)
    assert verified("replace-text", flags=["--json"]) == 4
    said = capsys.readouterr()
    assert "NOT RESTORED" in json.loads(said.out)["stages"][0]["stopped"]
    assert "NOT RESTORED" in said.err


@pytest.mark.parametrize("place", ["value", "member", "header", "content type"])
def test_no_personal_value_reaches_a_report(vendor: FakeVendor, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever the server puts it: reports name places, types and lengths."""
    if place == "value":
        vendor.quirks.value_changes = {"CustomerName": MADE_UP, "ProfileTags": {MADE_UP: 1}}
    elif place == "member":
        vendor.quirks.extra_member = MADE_UP
    elif place == "header":
        vendor.quirks.header_changes = dict.fromkeys(("Cache-Control", "Pragma", "Allow", "WWW-Authenticate"), MADE_UP)
    else:
        vendor.quirks.content_type = f"text/{MADE_UP}"
    assert verified("empty-patch", "replace-text", "method-*", "auth-missing*") in (1, 3)
    said = capsys.readouterr()
    texts = [said.out, said.err, *(Path(name).read_text() for name in ("r.json", "r.xml", "r.html"))]
    assert "BROKEN" in said.out or "TOLERATED" in said.out
    for text in texts:
        assert [value for value in (MADE_UP, SECRET, "Signature=", *PERSONAL) if value in text] == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "every test holds": ({"keeps_tests_loose": True}, "test-guards"),
    "addresses lose their capitals": ({"lowers": "EmailAddress"}, "text-of-an-entry"),
    "names of groups lose theirs": ({"lowers": "GroupType"}, "text-of-an-entry"),
}


@pytest.mark.parametrize(("quirks", "rule"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_server_does_not_pass(vendor: FakeVendor, quirks: dict[str, Any], rule: str) -> None:
    """Also where no case that changes something could be run, as on a server whose tests don't guard."""
    assert verified(rule) == 0
    vendor.quirks = Quirks(**quirks)
    # As such a server has stored it: a reading that changed it is another finding, whenever a second ends meanwhile.
    lower(vendor.profiles, vendor.quirks.lowers)
    assert verified(rule) == 1


def test_an_id_that_leads_nowhere_is_asked_for_if_the_owner_names_one(
    vendor: FakeVendor, capsys: pytest.CaptureFixture[str]
) -> None:
    """No other id may be sent: it could be somebody's."""
    assert verified("id-absent") == 3
    assert "1 not verifiable" in capsys.readouterr().out
    with Path("targets.toml").open("a") as targets:
        targets.write(f'absent = ["{KEY[0]}/NOBODY"]\n')
    assert verified("id-absent") == 0
    assert "1 held" in capsys.readouterr().out
    vendor.quirks.finds_anything = True
    verified("id-absent")
    assert "the answer was 200, 404 was expected" in capsys.readouterr().out
