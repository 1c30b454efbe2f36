"""Verification finds wrong servers: a few of the planned ones here, all of them with `make mutants`."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import symtable
import sys
from collections.abc import Iterator

import pytest

from mockserver.verify.calls import Bench
from mockserver.verify.run import Plan
from tests.verify.verifying import bench_of, cases_of, contract, run
from tools.mutants import harness
from tools.mutants.changes import changes_of, unseen
from tools.mutants.expected import BY_RULE, BY_THE_MODEL
from tools.mutants.harness import ROOT, Mutant, first_failure, right_server
from tools.mutants.planned import PLANNED
from tools.mutants.planned_caches import CACHES
from tools.mutants.planned_calls import LIFE
from tools.mutants.planned_http import HTTP
from tools.mutants.planned_operations import OPERATIONS
from tools.mutants.planned_subtle import SUBTLE
from tools.mutants.planned_values import VALUES
from tools.mutants.source import Edit, files, mutant_at, sites_of

# Eight of all the planned ones: these, one by walks, three by a rule of their own, and one by the program.
FOUND_BY_THE_RULES = ("H01-signature-in-any-case", "M46-texts-are-trimmed", "M76-409-for-test")
FOUND_BY_A_RULE = ("C-head-method", "C-stamp-shared", "S-op-missing", "T13-tests-as-doubles", "T27-appends-get-lost")


def planned(name: str) -> Mutant:
    return next(mutant for mutant in (*PLANNED, *HTTP) if mutant.id == name)


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND_BY_THE_RULES)
def test_a_wrong_server_is_found_by_the_rules(name: str) -> None:
    mutant = planned(name)
    assert first_failure(bench_of_wrong(mutant), contract(), Plan(), "rules"), mutant.title


def bench_of_wrong(mutant: Mutant) -> Bench:
    right, wrong = right_server(mutant.dialect), mutant.wrong
    assert wrong is not None
    return bench_of(lambda request: wrong(request, right), mutant.dialect)


@pytest.mark.slow
def test_a_wrong_server_is_found_by_walks() -> None:
    """Without any rule that was written with it in mind."""
    code, events = run(bench_of_wrong(planned("M28-remove-nulls-entries")), Plan(stages=("model",), max_examples=30))
    assert code == 1
    broken = [case for case in cases_of(events) if case.verdict == "broken"]
    assert broken[0].smallest is not None


def test_what_must_be_found_in_a_certain_way_is_planned() -> None:
    """A name that is planned no longer would ask nothing."""
    assert {mutant.id for mutant in PLANNED} >= BY_THE_MODEL
    known = {edit.id for edit in (*OPERATIONS, *VALUES, *CACHES, *LIFE)} | {mutant.id for mutant in SUBTLE}
    assert known >= set(BY_RULE)


def test_planned_mutants_have_names_of_their_own() -> None:
    edits = (*OPERATIONS, *VALUES, *CACHES, *LIFE)
    names = [mutant.id for mutant in (*PLANNED, *HTTP, *SUBTLE)] + [edit.id for edit in edits]
    assert len(names) == len(set(names)) >= 300


@pytest.mark.parametrize("edit", [*OPERATIONS, *VALUES, *CACHES, *LIFE], ids=lambda edit: edit.id)
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


@pytest.mark.slow
def test_a_small_change_of_any_source_file_can_be_made() -> None:
    """Each file whose faults clients could see gives mutants, and each is another program."""
    for path in files():
        sites = sites_of(path)
        assert sites, path
        made = {mutant_at(site).source for site in sites[:3]}
        assert len(made) == len(sites[:3])


def test_a_stage_that_was_not_played_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first that finds it no other is asked, and none may be called blind for that."""
    monkeypatch.setattr(harness, "_bench", lambda mutant, dialect: None)
    monkeypatch.setattr(harness, "first_failure", lambda *_: "a case")
    assert harness.judge(PLANNED[0], Plan(), first_only=True) == {"rules": "a case"}


@pytest.mark.slow
def test_the_program_prints_which_stage_kills_which() -> None:
    """A few planned mutants, and one of the source, whichever is drawn; each by the rule for it where it has one.

    In a process of its own: it forks, and a child of a process with threads may wait for ever for what one held.
    """
    rules = {BY_RULE[name] for name in FOUND_BY_A_RULE} | {"request-text-json"}
    words = [word for rule in sorted(rules) for word in ("--rule", rule)]
    words += [word for name in ("M01-text-json-refused", *FOUND_BY_A_RULE) for word in ("--only", name)]
    words += ["--source", "1", "--seed", "2", "--stage", "rules", "--first-only"]
    command = [sys.executable, "tools/mutants/run.py", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.stderr == ""
    assert "[7/7]" in done.stdout
    assert re.search(r"(?m)^\[./7\] rules .* M01-text-json-refused: .*\[request-text-json", done.stdout)
    assert "found by another rule: " not in done.stdout
    killed = re.search(r"([67]) of 7 killed", done.stdout)
    assert killed, done.stdout
    assert (done.returncode, "survives: " in done.stdout) == ((0, False) if killed[1] == "7" else (1, True))
