"""A server on this machine is compared with the mock without being listed anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockserver.cli import main
from tests.drift.comparing import only
from tests.verify.target.fake_vendor import CLIENT, KEY, SECRET, USER, FakeVendor

SIGNED = ("--user", USER, "--secret-env", "FAKE_SECRET")


def drift(directory: Path, *flags: str) -> int:
    where = ["--profile", f"{KEY[0]}/{KEY[1]}", "--client", CLIENT, "--state-dir", str(directory)]
    return main(["drift", *where, *flags, *only("empty-patch", "replace-text")])


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_url_is_asked_at_once(
    side: str, vendor: FakeVendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On either side, without a targets file."""
    monkeypatch.setenv("FAKE_SECRET", SECRET)
    sides = ["--right", vendor.url] if side == "right" else ["--left", vendor.url, "--right", "mock"]
    code = drift(tmp_path, *sides, *SIGNED, "--write", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (code, document[side]) == (0, vendor.url)
    assert sum(case["requests"] for case in document["cases"]) > 5


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [("http://127.0.0.1:9", 2, "--user is missing"), ("http://example.org", 4, "server on this machine")],
    ids=["who signs", "elsewhere"],
)
def test_what_a_url_lacks_is_said(
    url: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drift(tmp_path, "--right", url) == code
    assert said in capsys.readouterr().err
