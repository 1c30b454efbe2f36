"""Write the fidelity table from the provenance table: docs/fidelity.md whole, and its summary into README.md.

With --check nothing is written; exit code 1 says that a file is stale.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

from mockserver.story.provenance import RULES, Mark

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIDELITY = ROOT / "docs" / "fidelity.md"
_MARKED = re.compile(r"(<!-- fidelity -->\n).*?(<!-- /fidelity -->)", re.DOTALL)

_MEANING = {
    Mark.DOCUMENTED: "the vendor's pages say so",
    Mark.LIBRARY: "the vendor's software did so when run, or its source says so; the live service was not asked",
    Mark.ASSUMED: "nobody told us: our choice, to be confirmed against the real API",
    Mark.MOCK: "the mock's own feature; the real API has nothing like it",
}


def summary() -> str:
    """Return the table of marks with their counts."""
    counts = Counter(rule.mark for rule in RULES.values())
    rows = [f"| `{mark}` | {counts[mark]} | {meaning} |" for mark, meaning in _MEANING.items()]
    return "\n".join(["| mark | behaviours | meaning |", "|---|---|---|", *rows]) + "\n"


def table() -> str:
    """Return the whole page."""
    rows = [f"| `{r.code}` | {r.mark} | {r.statement} | {r.source} |" for r in RULES.values()]
    return "\n".join(
        [
            "# Fidelity: what we know of the real API, and how",
            "",
            "Each answer carries one of these reason codes in `X-Mock-Explain` and its mark in `X-Mock-Provenance`.",
            "This page is written from `mockserver/story/provenance.py` by `docs/write_fidelity.py`.",
            "",
            summary(),
            "| reason code | mark | what the API does | known from |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> int:
    """Write the files, or with --check compare them."""
    readme = README.read_text(encoding="utf-8")
    wanted = {README: _MARKED.sub(lambda m: m[1] + summary() + m[2], readme), FIDELITY: table()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" not in sys.argv:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is stale: run python docs/write_fidelity.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
