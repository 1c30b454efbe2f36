"""Wrong servers by small changes of the source: one comparison, constant, condition, argument or statement each.

And by an edit that somebody planned: the text before and after.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tools.mutants.changes import changes_of, unseen
from tools.mutants.harness import ROOT, Mutant

MODULES = (
    "auth/signing.py",
    "profile/conformance.py",
    "profile/clr_text.py",
    "profile/conversion.py",
    "profile/dates.py",
    "patch/dialect.py",
    "profile/keys.py",
    "profile/members.py",
    "auth/tokens.py",
    "patch/operations.py",
    "patch/apply.py",
    "patch/pointer.py",
    "patch/rfc6902.py",
    "service/service.py",
    "state/profiles.py",
    "fixtures/profiles.py",
    "service/routes.py",
    "service/door.py",
    "formats/error_body.py",
    "formats/json_binding.py",
    "formats/json_read.py",
    "formats/json_tokens.py",
    "formats/negotiation.py",
    "formats/xml_read.py",
    "formats/xml_text.py",
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


class Edit(NamedTuple):
    """One edit: `old`, which the file below mockserver/ holds exactly once, becomes `new`; `extra` goes to the end."""

    id: str
    title: str
    file: str
    old: str
    new: str
    extra: str = ""

    def mutant(self) -> Mutant:
        """Make the edit; raise ValueError where the source has moved on."""
        source = (ROOT / "mockserver" / self.file).read_text(encoding="utf-8")
        if source.count(self.old) != 1:
            raise ValueError(f"{self.id}: {self.file} holds {source.count(self.old)} times: {self.old}")
        module = f"mockserver.{self.file.removesuffix('.py').replace('/', '.')}"
        return Mutant(self.id, self.title, module=module, source=source.replace(self.old, self.new) + self.extra)
