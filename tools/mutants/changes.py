"""The small changes that make a program wrong: of one comparison, condition, constant, argument or statement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

Change = tuple[str, Callable[[ast.AST], None]]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
# What stands for something else without a complaint from Python.
_NAMES = {
    "BadRequest": "NotFound", "NotFound": "BadRequest", "Unauthorized": "Forbidden", "Forbidden": "Unauthorized",
    "min": "max", "max": "min", "any": "all", "all": "any",
}  # fmt: skip
_ATTRIBUTES = {
    "STRING": "BOOLEAN", "BOOLEAN": "INTEGER", "INTEGER": "STRING", "OBJECT": "LIST", "LIST": "OBJECT",
    "startswith": "endswith", "endswith": "startswith", "fullmatch": "match", "match": "search", "append": "extend",
    "partition": "rpartition", "rpartition": "partition", "removeprefix": "removesuffix", "split": "rsplit",
    "removesuffix": "removeprefix",
}  # fmt: skip
# Methods that give back their object with a small difference, which somebody may forget.
_FORGETTABLE = {
    "lower", "upper", "casefold", "strip", "lstrip", "rstrip", "removeprefix", "removesuffix", "replace", "copy",
    "ljust", "zfill", "translate", "title",
}  # fmt: skip
_FORGETTABLE_CALLS = {"dict", "list", "sorted", "set", "tuple", "int", "str", "bool", "round", "reversed", "deepcopy"}


def changes_of(node: ast.AST) -> Iterator[Change]:
    """Yield every change that can be made at a node."""
    for kind in _CHANGES:
        if isinstance(node, kind):
            yield from _CHANGES[kind](node)


def unseen(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what changes nothing that a client sees: docstrings, annotations, decorators, texts for people."""
    for node in ast.walk(tree):
        if is_text_for_people(node):
            yield node
        yield from (note for name in ("annotation", "returns") if (note := getattr(node, name, None)) is not None)
        yield from getattr(node, "decorator_list", ())


def is_text_for_people(node: ast.AST) -> bool:
    """Docstrings, and what of an error is meant for people."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    return isinstance(node, ast.keyword) and node.arg in {"why", "hint", "rule"}


def _of_comparison(node: ast.Compare) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        if other := _COMPARISONS.get(type(operator)):
            yield ("compare" if index == 0 else "compare-2nd"), _replacing("ops", index, other())


def _of_condition(node: ast.BoolOp) -> Iterator[Change]:
    yield "and-or", _attribute("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for index in range(len(node.values)):
        yield f"drop-condition-{index}", _dropping("values", index)


def _of_choice(node: ast.If | ast.IfExp) -> Iterator[Change]:
    yield "negate", _attribute("test", ast.UnaryOp(ast.Not(), node.test))
    yield "always", _attribute("test", ast.Constant(True))
    yield "never", _attribute("test", ast.Constant(False))


def _of_sign(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield "drop-not", _attribute("operand", ast.UnaryOp(ast.Not(), node.operand))
    if isinstance(node.op, ast.USub):
        yield "drop-minus", _attribute("op", ast.UAdd())


def _of_constant(node: ast.Constant) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield "constant", _attribute("value", not node.value)
    elif isinstance(node.value, int):
        yield "constant", _attribute("value", node.value + 1)
        yield "constant-less", _attribute("value", node.value - 1)
    elif isinstance(node.value, str) and node.value:
        other = node.value.swapcase()
        yield "text", _attribute("value", other if other != node.value else node.value * 2)


def _of_arithmetic(node: ast.BinOp) -> Iterator[Change]:
    if isinstance(node.op, (ast.Add, ast.Sub)):
        yield "plus-minus", _attribute("op", ast.Sub() if isinstance(node.op, ast.Add) else ast.Add())
    if isinstance(node.op, ast.BitOr):
        yield "drop-flag", _attribute("right", node.left)


def _of_return(node: ast.Return) -> Iterator[Change]:
    if node.value is not None and not isinstance(node.value, ast.Constant):
        yield "return-none", _attribute("value", ast.Constant(None))


def _of_statement(node: ast.stmt) -> Iterator[Change]:
    if not is_text_for_people(node):
        yield ("no-raise" if isinstance(node, ast.Raise) else "no-statement"), _as_pass


def _of_call(node: ast.Call) -> Iterator[Change]:
    if len(node.args) > 1 and not any(isinstance(one, ast.Starred) for one in node.args[:2]):
        first, second = node.args[:2]
        yield "swap-arguments", _attribute("args", [second, first, *node.args[2:]])
    if isinstance(node.func, ast.Attribute) and node.func.attr in _FORGETTABLE:
        yield "drop-call", _becoming(node.func.value)
    if isinstance(node.func, ast.Name) and node.func.id in _FORGETTABLE_CALLS and len(node.args) == 1:
        yield "drop-call", _becoming(node.args[0])
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in {None, "rule", "why", "hint", "path"}:
            yield f"drop-argument-{keyword.arg}", _dropping("keywords", index)


def _of_collection(node: ast.Tuple | ast.List | ast.Set) -> Iterator[Change]:
    if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and len(node.elts) > 1:
        for index in range(len(node.elts)):
            yield f"drop-element-{index}", _dropping("elts", index)


def _of_mapping(node: ast.Dict) -> Iterator[Change]:
    for index in range(len(node.keys)):
        if len(node.keys) > 1:
            yield f"drop-entry-{index}", _dropping("keys", index, "values")


def _of_name(node: ast.Name) -> Iterator[Change]:
    if node.id in _NAMES and isinstance(node.ctx, ast.Load):
        yield "other-name", _attribute("id", _NAMES[node.id])


def _of_attribute(node: ast.Attribute) -> Iterator[Change]:
    if node.attr in _ATTRIBUTES:
        yield "other-attribute", _attribute("attr", _ATTRIBUTES[node.attr])


def _of_comprehension(node: ast.comprehension) -> Iterator[Change]:
    for index in range(len(node.ifs)):
        yield "drop-filter", _dropping("ifs", index)


def _of_loop(node: ast.For) -> Iterator[Change]:
    yield "first-only", _attribute("body", [*node.body, ast.Break()])


def _of_jump(node: ast.Break | ast.Continue) -> Iterator[Change]:
    yield "no-jump", _as_pass


def _of_slice(node: ast.Slice) -> Iterator[Change]:
    yield "drop-bounds", lambda there: there.__dict__.update(lower=None, upper=None)


_CHANGES: dict[type[ast.AST] | tuple[type[ast.AST], ...], Callable[[Any], Iterator[Change]]] = {
    ast.Compare: _of_comparison,
    ast.BoolOp: _of_condition,
    (ast.If, ast.IfExp): _of_choice,
    ast.UnaryOp: _of_sign,
    ast.Constant: _of_constant,
    ast.BinOp: _of_arithmetic,
    ast.Return: _of_return,
    (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise): _of_statement,
    ast.Call: _of_call,
    (ast.Tuple, ast.List, ast.Set): _of_collection,
    ast.Dict: _of_mapping,
    ast.Name: _of_name,
    ast.Attribute: _of_attribute,
    ast.comprehension: _of_comprehension,
    ast.For: _of_loop,
    (ast.Break, ast.Continue): _of_jump,
    ast.Slice: _of_slice,
}


def _attribute(name: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, value)


def _replacing(name: str, index: int, value: object) -> Callable[[ast.AST], None]:
    return lambda node: getattr(node, name).__setitem__(index, value)


def _dropping(name: str, index: int, *twins: str) -> Callable[[ast.AST], None]:
    def drop(node: ast.AST) -> None:
        for one in (name, *twins):
            del getattr(node, one)[index]

    return drop


def _becoming(value: ast.AST) -> Callable[[ast.AST], None]:
    def become(node: ast.AST) -> None:
        node.__class__ = value.__class__
        node.__dict__.update(value.__dict__)

    return become


def _as_pass(node: ast.AST) -> None:
    node.__class__ = ast.Pass
