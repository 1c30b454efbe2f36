"""The documentation site, gathered but not rendered: each page has its place, each link and anchor leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.story.provenance import RULES
from tests.test_pages import anchors
from tools.site.__main__ import ROOT, configuration, gather, listed


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    gather(folder)
    return folder


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of each link that stays on the site; what is set as code is none."""
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.M | re.S)
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        yield path, anchor


def test_every_link_leads_somewhere(pages: Path) -> None:
    """Also from generated pages and to their headings; no network is asked."""
    checked = 0
    for page in pages.rglob("*.md"):
        for path, anchor in links(page.read_text(encoding="utf-8")):
            target = page.parent / path if path else page
            assert target.exists(), f"{page}: {path}"
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {path}#{anchor}"
            checked += 1
    assert checked > len(RULES)


def test_every_page_has_one_place() -> None:
    """Whoever writes a page says to which of the four kinds it belongs."""
    placed = listed(ROOT)
    assert len(placed) == len(set(placed))
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")} <= set(placed)


def test_the_navigation_names_every_page(pages: Path) -> None:
    """In a file that the generator can read."""
    navigation = tomllib.loads(configuration(pages))["project"]["nav"]
    assert [next(iter(section)) for section in navigation] == ["Home", "Tutorial", "How to", "Reference", "Explanation"]
    gathered = {path.relative_to(pages).as_posix() for path in pages.rglob("*.md")}
    assert set(_paths(navigation)) == gathered


def _paths(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    for one in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from _paths(one)


@pytest.mark.parametrize("reason", RULES)
def test_every_reason_has_a_page(pages: Path, reason: str) -> None:
    text = (pages / "reference" / "reasons" / f"{reason}.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.M) == ["Cause", "Remedy", "Certainty", "Example"]
