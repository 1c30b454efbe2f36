"""Gather the site's pages and write what the generator needs to know, into a folder. Run by `make docs`."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mockserver.story.provenance import RULES
from tools.site.reference import pages

ROOT: Final = Path(__file__).parents[2]
# In four kinds: learning, doing, looking up, understanding. Titles are the pages' own.
NAV: Final = {
    "Tutorial": ("docs/tutorial.md",),
    "How to": (
        "docs/how-to-pytest.md", "docs/workbench.md", "docs/troubleshooting.md", "docs/https.md", "docs/ci.md",
        "docs/containers.md", "docs/redis.md", "docs/packed.md", "docs/verify.md", "docs/drift.md", "docs/record.md",
        "docs/own-stub.md", "docs/typed-clients.md", "docs/clients/*.md",
    ),
    "Reference": (
        "docs/settings.md", "docs/operations.md", "docs/control-surface.md", "reference/control-surface.md",
        "reference/reasons/*.md", "reference/rules.md", "contracts/rules/README.md", "docs/fidelity.md",
        "docs/benchmarks.md", "CHANGELOG.md",
    ),
    "Explanation": (
        "docs/dialect.md", "docs/worlds.md", "docs/faults.md", "docs/safety.md", "ARCHITECTURE.md", "CONTRIBUTING.md",
    ),
}  # fmt: skip
_LINK: Final = re.compile(r"(\]\()(?!https?:|#)([^)#]+)")
# A picture for each colour scheme, as HTML that GitHub understands.
_PICTURE: Final = re.compile(r'<picture>.*?alt="(.*?)" src="(.*?)".*?</picture>', re.S)
_CONFIG: Final = """\
[project]
site_name = "MyPreferences mock server"
site_description = "A mock and contract-testing server for one API: what it does, why, and how sure that is."
docs_dir = "pages"
site_dir = "site"
nav = {nav}

[project.theme]
font = false
features = ["navigation.indexes", "navigation.sections", "navigation.top", "content.code.copy", "search.highlight"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
"""


def gather(folder: Path) -> None:
    """Write every page below a folder, and every file that a page links to; README becomes the first page."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in pages():
        _write(folder / path, text)
    wanted = [ROOT / "README.md", *(ROOT / path for path in listed(ROOT))]
    seen = set(wanted)
    while wanted:
        source = wanted.pop()
        if source.suffix != ".md":
            (folder / source.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / source.relative_to(ROOT))
            continue
        text = _PICTURE.sub(r"![\1](\2)", source.read_text(encoding="utf-8"))
        linked = {(source.parent / found[2]).resolve() for found in _LINK.finditer(text)}
        wanted += sorted(linked - seen)
        seen |= linked
        _write(folder / _place(source), _LINK.sub(lambda found: f"{found[1]}{_target(found[2])}", text))


def listed(root: Path) -> list[str]:
    """Return the pages of the navigation that stand below a folder."""
    patterns = [pattern for section in NAV.values() for pattern in section]
    return [path.relative_to(root).as_posix() for pattern in patterns for path in sorted(root.glob(pattern))]


def configuration(folder: Path) -> str:
    """Return the generator's configuration for the gathered pages, with their navigation."""
    sections = [{title: list(_entries(folder, patterns))} for title, patterns in NAV.items()]
    return _CONFIG.format(nav=_inline([{"Home": "index.md"}, *sections]))


def _entries(folder: Path, patterns: tuple[str, ...]) -> Iterator[object]:
    for pattern in patterns:
        found = [path.relative_to(folder).as_posix() for path in sorted(folder.glob(pattern))]
        if pattern.startswith("reference/reasons/"):
            yield {"Reasons": ["reference/reasons/index.md", *(f"reference/reasons/{code}.md" for code in RULES)]}
        elif "*" in pattern and found:
            yield {"Other languages": found}
        else:
            yield from found


def _place(source: Path) -> Path:
    return Path("index.md") if source == ROOT / "README.md" else source.relative_to(ROOT)


def _target(link: str) -> str:
    return link.replace("../README.md", "../index.md") if link.endswith("../README.md") else link


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _inline(value: object) -> str:
    """Return a value as TOML has it inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Gather into a folder, which is a project of the generator then."""
    folder = Path(sys.argv[1])
    gather(folder / "pages")
    _write(folder / "zensical.toml", configuration(folder / "pages"))


if __name__ == "__main__":
    main()
