"""The facts of the vendor's page: contracts/page-facts.yaml, and the places by which rules name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mockserver.errors import UsageError
from mockserver.package import shipped
from mockserver.verify.contract import load_yaml

Facts = Mapping[str, Any]
_SECTIONS = {"operation", "request", "response", "members", "resources"}


def load_facts(path: Path) -> Facts:
    """Read the facts; raise UsageError for a file without them."""
    facts = load_yaml(path)
    if not isinstance(facts, Mapping) or set(facts) != _SECTIONS:
        raise UsageError("not a file of page facts", place=str(path), hint=f"write {', '.join(sorted(_SECTIONS))}")
    return facts


def places(facts: Facts) -> Iterator[str]:
    """Yield the place of each fact: section, name and what is said of it; an item of a list is a fact of its own."""
    for section, names in facts.items():
        for name, said in names.items():
            if isinstance(said, (list, Mapping)):
                yield from (f"{section}.{name}.{item}" for item in said)
            else:
                yield f"{section}.{name}"


@cache
def shipped_facts() -> Facts:
    """Return the facts that the shipped rules rest on, read once."""
    return load_facts(shipped("contracts") / "page-facts.yaml")


@cache
def shipped_places() -> frozenset[str]:
    """Return the places of the shipped facts."""
    return frozenset(places(shipped_facts()))
