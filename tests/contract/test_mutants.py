"""Verification finds wrong servers: a few of the planned ones here, all of them with `make mutants`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mockserver.contract.verify import Plan
from tests.contract.mutants.harness import ROOT, Mutant, first_failure, right_server
from tests.contract.mutants.planned import PLANNED
from tests.contract.mutants.planned_http import HTTP
from tests.contract.mutants.source import files, mutant_at, sites_of
from tests.contract.verifying import bench_of, cases_of, contract, run

RIGHT = {dialect: right_server(dialect) for dialect in ("vendor", "library", "rfc6902")}


@pytest.mark.parametrize("mutant", [*PLANNED[::5], *HTTP[::4]], ids=lambda mutant: mutant.id)
def test_a_wrong_server_is_found_by_the_rules(mutant: Mutant) -> None:
    wrong = mutant.wrong
    assert wrong is not None
    bench = bench_of(lambda request: wrong(request, RIGHT[mutant.dialect]), mutant.dialect)
    assert first_failure(bench, contract(), Plan(), "rules"), mutant.title


@pytest.mark.parametrize(
    "name",
    ["M23-add-appends", "M28-remove-nulls-entries", "M30-tests-pass", "M48-not-atomic", "M52-neighbour-changes-too"],
)
def test_a_wrong_server_is_found_by_walks(name: str) -> None:
    """Without any rule that was written with it in mind."""
    wrong = next(mutant.wrong for mutant in PLANNED if mutant.id == name)
    assert wrong is not None
    bench = bench_of(lambda request: wrong(request, RIGHT["vendor"]))
    code, events = run(bench, Plan(stages=("model",), max_examples=30))
    assert code == 1
    broken = [case for case in cases_of(events) if case.verdict == "broken"]
    assert broken[0].smallest is not None


def test_planned_mutants_have_names_of_their_own() -> None:
    names = [mutant.id for mutant in (*PLANNED, *HTTP)]
    assert len(names) == len(set(names)) >= 60


def test_a_small_change_of_any_source_file_can_be_made() -> None:
    """Each file whose faults clients could see gives mutants, and each is another program."""
    for path in files():
        sites = sites_of(path)
        assert sites, path
        made = {mutant_at(site).source for site in sites[:3]}
        assert len(made) == len(sites[:3])


def test_the_program_prints_which_stage_kills_which() -> None:
    """Small: two planned mutants and one of the source."""
    script = ROOT / "tests" / "contract" / "mutants" / "run.py"
    command = [
        sys.executable,
        str(script),
        "--every",
        "70",
        "--source",
        "1",
        "--seed",
        "2",
        "--stage",
        "rules",
        "--first-only",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert "[3/3]" in result.stdout, result.stderr[-2000:]
    assert "of 3 killed" in result.stdout
