"""Drift that is known for a while, and what may differ at any time: both are declared in files."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from mockserver.drift.compare import load_volatile
from mockserver.drift.known import load_known
from mockserver.errors import UsageError
from mockserver.package import shipped
from tests.drift.comparing import Bench, only

TODAY = date(2026, 1, 15)


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
