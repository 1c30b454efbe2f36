"""Reports as self-contained pages, from templates: no script, no link to anywhere, in the workbench's colours."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mockserver.verify.reports.matrix import NOT_ASKED, FactRow, by_section
from mockserver.verify.reports.sentences import counted

_HERE = Path(__file__).parent
_WORKBENCH = _HERE.parents[1] / "web" / "workbench" / "workbench.css"
_SIGNS = {"held": "✓", "same": "✓", "tolerated": "~", "cosmetic": "~", "known": "~", "inconclusive": "?"}
_SIGNS |= {"differs": "≠", "assumption": "!"}
_UNASKED = ("not verifiable", "not run", NOT_ASKED)


def rendered(
    template: Path, *, verdicts: Sequence[str], facts: Sequence[FactRow], good: Sequence[str], **values: Any
) -> str:
    """Return the page that a template beside its module makes of these values; all of them are escaped.

    Its entries can be filtered by `verdicts`; facts whose verdict is one of `good` are folded away.
    """
    # Imported here, for only who asks for a page should wait for it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader([template.parent, _HERE])
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pages.filters["css"] = css_class
    style = _style(verdicts)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rank = (*verdicts, NOT_ASKED)
    counts = Counter(row.verdict for row in facts)
    known = {
        "style": style,
        "style_hash": f"sha256-{digest}",
        "verdicts": verdicts,
        "sections": by_section(facts),
        "columns": [verdict for verdict in verdicts if any(row.counts[verdict] for row in facts)],
        "open_facts": [row for verdict in rank if verdict not in good for row in facts if row.verdict == verdict],
        "good_facts": [row for row in facts if row.verdict in good],
        "fact_counts": {verdict: counts[verdict] for verdict in rank if counts[verdict]},
        "sign": _sign,
        "counted": counted,
    }
    return pages.get_template(template.name).render(known | values)


def _sign(verdict: str) -> str:
    """Return what says a verdict without its colour."""
    return "" if verdict in _UNASKED else _SIGNS.get(verdict, "×")


def css_class(verdict: str) -> str:
    """Return a verdict as the name of a class."""
    return verdict.replace(" ", "-")


def _style(verdicts: Sequence[str]) -> str:
    """Return the workbench's tokens, which are its first paragraph, the page's own rules, and one rule a filter."""
    tokens = _WORKBENCH.read_text(encoding="utf-8").partition("\n\n")[0]
    own = (_HERE / "page.css").read_text(encoding="utf-8")
    names = [css_class(verdict) for verdict in verdicts]
    filters = (f":root:has(#only-{name}:checked) .entry:not(.{name}) {{ display: none; }}" for name in names)
    return "\n".join((tokens, own, *filters, ""))
