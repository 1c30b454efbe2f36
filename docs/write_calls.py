"""Write docs/operations.md from the table of operations, and its routes into README.md; --check compares instead."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mockserver.profile.account_rules import ACCOUNT_RULES
from mockserver.service.operations import OPERATIONS, ROUTES

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "operations.md"
_MARKED = re.compile(r"(<!-- operations -->\n).*?(<!-- /operations -->)", re.DOTALL)
_RULES = re.compile(r"(<!-- account rules -->\n).*?(<!-- /account rules -->)", re.DOTALL)
_TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- /table -->)", re.DOTALL)


def table() -> str:
    """Return the table of operations."""
    rows = [
        f"| `{row.name}` | `{row.method} {row.route}` | `{row.permission}` | {row.mark}: {row.source} |"
        for row in OPERATIONS
    ]
    return "\n".join(["| operation | route | permission | known from |", "|---|---|---|---|", *rows, ""])


def routes() -> str:
    """Return the table of methods with the routes of each set."""
    served: dict[str, list[str]] = {}
    for route, methods in ROUTES["all"].items():
        served.setdefault(", ".join(methods), []).append(f"`{route}`")
    rows = [f"| {methods} | {', '.join(same)} |" for methods, same in served.items()]
    return "\n".join(["| methods | route |", "|---|---|", *rows, ""])


def account_rules() -> str:
    """Return the table of rules about an account's data."""
    said = ((row, "read-only" if row.read_only else f"{row.least} to {row.most} characters") for row in ACCOUNT_RULES)
    rows = [f"| `/{row.collection}/*/{row.member}` | {text} |" for row, text in said]
    return "\n".join(["| member | rule |", "|---|---|", *rows, ""])


def main() -> int:
    """Write the files, or with --check compare them."""
    readme, page = README.read_text(encoding="utf-8"), PAGE.read_text(encoding="utf-8")
    wanted = {
        README: _MARKED.sub(lambda m: m[1] + routes() + m[2], readme),
        PAGE: _RULES.sub(lambda m: m[1] + account_rules() + m[2], _TABLE.sub(lambda m: m[1] + table() + m[2], page)),
    }
    stale = [path for path, text in wanted.items() if path.read_text(encoding="utf-8") != text]
    if "--check" not in sys.argv:
        for path in stale:
            path.write_text(wanted[path], encoding="utf-8")
        return 0
    for path in stale:
        print(f"{path.relative_to(ROOT)} is stale: run python docs/write_calls.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
