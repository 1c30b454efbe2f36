"""Wrong servers by small changes of the source: one comparison, constant, condition, argument or statement each."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.contract.mutants.changes import changes_of, unseen
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
    skipped = {id(inner) for node in unseen(tree) for inner in ast.walk(node)}
    return [
        Site(path, number, kind, change)
        for number, node in enumerate(ast.walk(tree))
        if id(node) not in skipped
        for kind, change in changes_of(node)
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
