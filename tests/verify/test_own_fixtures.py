"""`verify` is quiet about any fixtures that a user serves: other ids, few members, odd texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tools.mutants.harness as harness
from mockserver.verify.calls import Verdict
from mockserver.verify.mock_bench import read_fixtures
from mockserver.verify.run import Plan
from tests.verify.verifying import cases_of, run
from tools.mutants.harness import ServerSession, right_server

CLIENTS = """
[clients.SHOP]
name = "Shop"
[clients.SHOP.groups.all]
permissions = ["profile:update"]
[clients.SHOP.users.me]
secret = "fake-secret-of-a-shop-that-protects-nothing"
groups = ["all"]
"""
BARE = {"Edited": None, "CustomerName": None, "CustomerType": None}


@pytest.mark.no_cover
@pytest.mark.parametrize("dialect", ["vendor", "library"])
def test_rules_hold_on_fixtures_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: str) -> None:
    folder = tmp_path / "profiles" / "SHOP"
    folder.mkdir(parents=True)
    (tmp_path / "clients.toml").write_text(CLIENTS)
    for number in (1, 2, 3):
        ids = [{"AlternateIdType": "Kunde", "AlternateId": text} for text in (f"Ä {number}+%", f"a/{number}")]
        profile = BARE | {"IsActive": number != 1, "ProfileId": number, "AlternateIds": [ids[0], None, ids[1]]}
        (folder / f"{number}.json").write_text(json.dumps(profile))
    monkeypatch.setattr(harness, "FIXTURES", tmp_path)
    fixtures = read_fixtures(tmp_path)
    bench = fixtures.bench(ServerSession(right_server(dialect), fixtures.editors), dialect)
    _, events = run(bench, Plan(stages=("rules",)))
    verdicts = {case.id: case.verdict for case in cases_of(events)}
    assert [name for name, verdict in verdicts.items() if verdict not in ("held", "not verifiable")] == []
    assert list(verdicts.values()).count(Verdict.HELD) > 250
