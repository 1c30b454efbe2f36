"""ARCHITECTURE.md says what the tree says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.test_architecture import FLOORS, PURE, floor_of

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:mockserver|contracts|fixtures|docs|tests|tools)/[\w/.-]*)`", PAGE)))
PACKAGES = sorted(path.parent for path in (ROOT / "mockserver").rglob("*/__init__.py"))
ROWS = {
    folder: (int(floor), "pure" in pure, subject)
    for floor, pure, folder, subject in re.findall(r"^\| (\d+)(.*?) \| `(mockserver/[\w/]+/)` \| (.+) \|$", PAGE, re.M)
}


def folder_of(package: Path) -> str:
    return f"{package.relative_to(ROOT).as_posix()}/"


@pytest.mark.parametrize("path", PATHS)
def test_every_path_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("package", PACKAGES, ids=folder_of)
def test_every_package_is_named_once_with_its_own_words(package: Path) -> None:
    """The folder's `__init__.py` and the page say the same of it."""
    assert PAGE.count(f"`{folder_of(package)}`") == 1
    document = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert ROWS[folder_of(package)][2] == document


@pytest.mark.parametrize("package", PACKAGES, ids=folder_of)
def test_every_package_stands_on_the_floor_that_it_says(package: Path) -> None:
    """And is pure if it says so, as `tests/test_architecture.py` has it."""
    floor, pure, _ = ROWS[folder_of(package)]
    assert floor == floor_of(".".join(package.relative_to(ROOT).parts))
    assert pure == (package.name in PURE)


def test_every_name_it_gives_is_in_its_file() -> None:
    """`FAULTS`, `FIELDS`, `Head` and the like, each with the file that follows it or that it stands in."""
    named = re.findall(r"`(\w+)`(?: in|,| of)\s+`(mockserver/[\w/]+\.py)`", PAGE)
    assert len(named) >= 7
    for name, path in named:
        assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), (name, path)


@pytest.mark.parametrize("module", [name for name in FLOORS if name.count(".") == 1])
def test_every_floor_is_shown(module: str) -> None:
    """Packages in rows of their own, the modules beside them by name; `__main__` only calls the command line."""
    path = module.replace(".", "/")
    assert module.endswith("__main__") or f"`{path}/`" in PAGE or f"`{path}.py`" in PAGE
