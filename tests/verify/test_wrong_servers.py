"""Verification finds wrong servers: a few of the planned ones here, all of them with `make mutants`."""

from __future__ import annotations

import ast
import builtins
import subprocess
import symtable
import sys
from collections.abc import Iterator

import pytest

from mockserver.verify.run import Plan
from tests.verify.verifying import bench_of, cases_of, contract, run
from tools.mutants.changes import changes_of, unseen
from tools.mutants.edits import Edit
from tools.mutants.harness import ROOT, Mutant, first_failure, right_server, run_all
from tools.mutants.planned import PLANNED
from tools.mutants.planned_caches import CACHES
from tools.mutants.planned_http import HTTP
from tools.mutants.planned_operations import OPERATIONS
from tools.mutants.planned_values import VALUES
from tools.mutants.source import files, mutant_at, sites_of

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


FOUND_BY = {
    "C-head-method": "again-with-another-method",
    "C-head-case": "again-with-the-account-spelled-otherwise",
    "C-signature-for-ever": "again-until-too-old",
    "C-token-for-ever": "again-with-a-token-until-it-expires",
    "C-xml-in-small-letters": "xml-again-after-a-change",
    "C-suffix-ignored": "namespace-by-suffix",
    "C-stamp-shared": "test-of-the-stamp",
}


def test_what_is_remembered_for_too_long_is_found() -> None:
    """Each by the rule for it, with no other rule asked first that could have noticed."""
    mutants = [edit.mutant() for edit in CACHES if edit.id in FOUND_BY]
    plan = Plan(only=tuple(FOUND_BY.values()))
    found = {outcome.mutant.id: outcome.killed_by["rules"] for outcome in run_all(mutants, plan, ("rules",))}
    assert found == FOUND_BY


def test_planned_mutants_have_names_of_their_own() -> None:
    names = [mutant.id for mutant in (*PLANNED, *HTTP)] + [edit.id for edit in (*OPERATIONS, *VALUES, *CACHES)]
    assert len(names) == len(set(names)) >= 270


@pytest.mark.parametrize("edit", [*OPERATIONS, *VALUES, *CACHES], ids=lambda edit: edit.id)
def test_an_edit_of_the_source_makes_another_program(edit: Edit) -> None:
    """An edit that no longer fits the source fails here, not in silence.

    Nor may it name what the source has no longer: every case finds a server that crashes, whatever the fault was to be.
    """
    mutant = edit.mutant()
    compile(mutant.source, mutant.id, "exec")
    assert unknown_names(mutant.source) <= {"__file__"}


def unknown_names(source: str) -> set[str]:
    """Return the names that a module uses and nobody defines."""
    module = symtable.symtable(source, "module", "exec")
    defined = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {symbol.get_name() for scope in scopes_of(module) for symbol in scope.get_symbols() if symbol.is_global()}
    return used - defined - set(dir(builtins))


def scopes_of(scope: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yield a scope and those inside."""
    yield scope
    for inner in scope.get_children():
        yield from scopes_of(inner)


def test_names_that_nobody_defines_are_seen() -> None:
    source = "import re\nTOP = 1\n\ndef f(a):\n    b = len(a)\n    return [c + b + TOP + lost for c in re.x]\n"
    assert unknown_names(source) == {"lost"}


CHANGED = {
    "a < b <= c": {"a <= b <= c", "a < b < c"},
    "a and b and c": {"a or b or c", "b and c", "a and c", "a and b"},
    "x if a else b": {"x if not a else b", "x if True else b", "x if False else b"},
    "not a": {"not not a"},
    "-1": {"+1", "-2", "-0"},
    "True": {"False"},
    "a['Ab']": {"a['aB']"},
    "a - b": {"a + b"},
    "a | b": {"a | a"},
    "call(a, b, c, key=d)": {"call(b, a, c, key=d)", "call(a, b, c)"},
    "text.lower()": {"text"},
    "dict(a)": {"a"},
    "[a, b]": {"[b]", "[a]"},
    "{a: b, c: d}": {"{c: d}", "{a: b}"},
    "BadRequest": {"NotFound"},
    "text.startswith": {"text.endswith"},
    "[a for a in b if c]": {"[a for a in b]"},
    "a[b:c]": {"a[:]"},
    "raise a": {"pass"},
    "del a": {"pass"},
    "return a": {"return None"},
    "for a in b:\n    c.d": {"for a in b:\n    c.d\n    break", "for a in b:\n    pass"},
}


@pytest.mark.parametrize("text", CHANGED, ids=list(CHANGED))
def test_every_small_change_is_made(text: str) -> None:
    made = set()
    for number, node in enumerate(ast.walk(ast.parse(text))):
        for _, change in changes_of(node):
            tree = ast.parse(text)
            change(list(ast.walk(tree))[number])
            made.add(ast.unparse(tree))
    made -= {"pass"} if CHANGED[text] != {"pass"} else set()
    assert made == CHANGED[text]


def test_what_people_read_is_left_alone() -> None:
    """Annotations, decorators, docstrings and explanations give no mutants."""
    tree = ast.parse("@keep(1)\ndef f(a: 2) -> 3:\n    'Say.'\n    refuse(a, why='b')")
    assert {ast.unparse(node).strip("\"'") for node in unseen(tree)} == {"keep(1)", "2", "3", "Say.", "why='b"}


def test_a_small_change_of_any_source_file_can_be_made() -> None:
    """Each file whose faults clients could see gives mutants, and each is another program."""
    for path in files():
        sites = sites_of(path)
        assert sites, path
        made = {mutant_at(site).source for site in sites[:3]}
        assert len(made) == len(sites[:3])


def test_the_program_prints_which_stage_kills_which() -> None:
    """Small: two planned mutants and one of the source."""
    script = ROOT / "tools" / "mutants" / "run.py"
    command = [
        sys.executable,
        str(script),
        "--every",
        "300",
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
