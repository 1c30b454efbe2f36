"""Write docs/settings.md from the settings table; --check compares instead."""

from __future__ import annotations

import sys
from dataclasses import MISSING
from pathlib import Path
from typing import Any

from mockserver.settings import FIELDS

PAGE = Path(__file__).parent / "settings.md"
ROOT = PAGE.parent.parent


def default_of(row: Any) -> str:
    """Return the default as it would be written."""
    if row.default_factory is not MISSING:
        return str(row.metadata.get("shown", "the shipped ones"))
    if row.default is None:
        return "none"
    if isinstance(row.default, bool):
        return str(row.default).lower()
    return "none" if row.default == () else str(row.default)


def page() -> str:
    """Return the page."""
    rows = [f"| `{name}` | {default_of(row)} | {row.metadata['help']}{choices(row)} |" for name, row in FIELDS.items()]
    return "\n".join(
        [
            "# Settings",
            "",
            "Each setting is a flag of `mockserver serve` (`max_body` is `--max-body`), an environment variable",
            "(`MOCKSERVER_MAX_BODY`) and a key of `mockserver.toml` (`max_body`). A flag beats the environment, the",
            "environment beats the file (`--config FILE`, else `./mockserver.toml` if it is there), the file beats the",
            "default. An unknown or invalid setting refuses to start and names the nearest valid one.",
            "",
            "| setting | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def choices(row: Any) -> str:
    """Return the possible values, if they are few."""
    values = row.metadata.get("choices")
    return f" ({', '.join(f'`{value}`' for value in values)})" if values else ""


def main() -> int:
    """Write the page, or with --check compare it."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.relative_to(ROOT)} is stale: run python docs/write_settings.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
