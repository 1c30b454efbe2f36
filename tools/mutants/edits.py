"""Wrong servers by one edit of the source: the text before and after."""

from __future__ import annotations

from typing import NamedTuple

from tools.mutants.harness import ROOT, Mutant


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
