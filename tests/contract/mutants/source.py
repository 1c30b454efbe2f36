"""Wrong servers by small changes of the source: one comparison, constant, condition or statement each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.contract.mutants.harness import ROOT, Mutant

MODULES = (
    "core/auth.py",
    "core/conformance.py",
    "core/convert.py",
    "core/dialect.py",
    "core/keys.py",
    "core/members.py",
    "core/oauth.py",
    "core/operations.py",
    "core/patch.py",
    "core/pointer.py",
    "core/rfc_patch.py",
    "service*.py",
    "store/profiles.py",
    "store/fixture_profiles.py",
    "web/routes.py",
    "web/vendor.py",
    "wire/error_body.py",
    "wire/json_binding.py",
    "wire/json_body.py",
    "wire/negotiation.py",
    "wire/xml_body.py",
    "wire/xml_text.py",
)

_SWAPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip

Change = tuple[str, Callable[[ast.AST], None]]


def files() -> list[Path]:
    """Return the source files whose mutants matter to the operation."""
    return sorted({path for pattern in MODULES for path in (ROOT / "mockserver").glob(pattern)})


class Site(NamedTuple):
    """A place in a file and the change that can be made there."""

    path: Path
    number: int
    kind: str
    change: Callable[[ast.AST], None]


def sites_of(path: Path) -> list[Site]:
    """Return every place of a file where one change makes another program."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(inner) for node in ast.walk(tree) if _is_annotation_or_text(node) for inner in ast.walk(node)}
    return [
        Site(path, number, kind, change)
        for number, node in enumerate(ast.walk(tree))
        if id(node) not in skipped
        for kind, change in _changes(node)
    ]


def mutant_at(site: Site) -> Mutant:
    """Make the change."""
    tree = ast.parse(site.path.read_text(encoding="utf-8"))
    node = list(ast.walk(tree))[site.number]
    line, before = getattr(node, "lineno", 0), ast.unparse(node).partition("\n")[0][:90]
    site.change(node)
    module = ".".join(site.path.relative_to(ROOT).with_suffix("").parts)
    name = f"{module.removeprefix('mockserver.')}:{line}:{site.kind}:{site.number}"
    return Mutant(name, before, module=module, source=ast.unparse(tree))


def sample(amount: int, seed: int) -> list[Mutant]:
    """Return mutants drawn from all files."""
    everything = [site for path in files() for site in sites_of(path)]
    return [mutant_at(site) for site in Random(seed).sample(everything, min(amount, len(everything)))]


def _is_annotation_or_text(node: ast.AST) -> bool:
    """Docstrings, annotations and messages of errors for people change nothing that a client sees."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.keyword) and node.arg in {"why", "hint", "rule"}


def _changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        yield "compare", _swap_comparison
    if isinstance(node, ast.BoolOp):
        yield "and-or", _swap_and_or
    if isinstance(node, (ast.If, ast.IfExp)):
        yield "negate", _negate
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "drop-not", _drop_not
    if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int)):
        yield "constant", _other_constant
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield "plus-minus", _swap_plus_minus
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield "return-none", _return_none
    if isinstance(node, ast.Raise):
        yield "no-raise", _no_raise
    if isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete)) and not _is_annotation_or_text(node):
        yield "no-statement", _no_statement


def _swap_comparison(node: ast.AST) -> None:
    assert isinstance(node, ast.Compare)
    node.ops[0] = _SWAPPED[type(node.ops[0])]()


def _swap_and_or(node: ast.AST) -> None:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()


def _negate(node: ast.AST) -> None:
    assert isinstance(node, (ast.If, ast.IfExp))
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _drop_not(node: ast.AST) -> None:
    assert isinstance(node, ast.UnaryOp)
    node.op = ast.Not()
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _other_constant(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)
    node.value = not node.value if isinstance(node.value, bool) else node.value + 1


def _swap_plus_minus(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()


def _return_none(node: ast.AST) -> None:
    assert isinstance(node, ast.Return)
    node.value = ast.Constant(None)


def _no_raise(node: ast.AST) -> None:
    node.__class__ = ast.Pass


def _no_statement(node: ast.AST) -> None:
    node.__class__ = ast.Pass
