"""The floors: imports only go downward, the pure packages are pure, and only one module reads the clock."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mockserver"

# A module imports its own floor or lower ones. The longest name that fits a module says where it stands.
FLOORS = {
    "mockserver": 0,
    "mockserver.errors": 0,
    "mockserver.nearest": 0,
    "mockserver.package": 0,
    "mockserver.settings": 1,
    "mockserver.profile": 1,
    "mockserver.auth": 1,
    "mockserver.patch": 2,
    "mockserver.faults": 2,
    "mockserver.story": 2,
    "mockserver.formats": 3,
    "mockserver.journal": 4,
    "mockserver.state": 5,
    "mockserver.fixtures": 6,
    "mockserver.service": 7,
    "mockserver.web": 8,
    "mockserver.server": 9,
    "mockserver.commands": 10,
    "mockserver.testing": 10,
    "mockserver.cli": 10,
    "mockserver.__main__": 10,
    "mockserver.pytest_plugin": 10,
    "mockserver.verify": 2,
    "mockserver.drift": 3,
}
PURE = ("profile", "patch", "auth", "faults", "story")
IMPURE = {"flask", "os", "time", "random", "socket", "pathlib", "logging", "secrets", "uuid", "threading"}
# The tower beside the house: it trusts nothing of the serving side, request signing included.
VERIFIER_MAY_IMPORT = (
    "mockserver.verify",
    "mockserver.drift",
    "mockserver.errors",
    "mockserver.nearest",
    "mockserver.package",
    "mockserver.settings",
)
MODULES = sorted(PACKAGE.rglob("*.py"))
TOWER = [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in ("verify", "drift")]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def floor_of(module: str) -> int:
    for length in range(module.count(".") + 1, 0, -1):
        prefix = ".".join(module.split(".")[:length])
        if prefix in FLOORS and (prefix != "mockserver" or module == "mockserver"):
            return FLOORS[prefix]
    raise AssertionError(f"{module} stands on no floor")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (imported module, whether only type checkers see it)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in guarded) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in guarded
            if node.module.startswith("mockserver"):
                for alias in node.names:
                    if (ROOT / f"{node.module.replace('.', '/')}/{alias.name}.py").exists():
                        yield f"{node.module}.{alias.name}", id(node) in guarded


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_go_downward(path: Path) -> None:
    """A module imports its own floor or lower ones."""
    own = floor_of(name_of(path))
    upward = [
        imported for imported, _ in imports(path) if imported.startswith("mockserver.") and floor_of(imported) > own
    ]
    assert upward == []


@pytest.mark.parametrize("path", [p for p in MODULES if p.relative_to(PACKAGE).parts[0] in PURE], ids=name_of)
def test_the_core_is_pure(path: Path) -> None:
    """The pure packages know no framework, files, clock, randomness or threads."""
    assert {imported.split(".")[0] for imported, _ in imports(path)} & IMPURE == set()


@pytest.mark.parametrize("path", TOWER, ids=name_of)
def test_the_verifier_does_not_trust_the_mock(path: Path) -> None:
    """Verification imports nothing of the serving side."""
    ours = {imported for imported, _ in imports(path) if imported.startswith("mockserver.")}
    assert [name for name in ours if not name.startswith(VERIFIER_MAY_IMPORT)] == []


@pytest.mark.parametrize("path", [p for p in MODULES if "web" not in p.parts], ids=name_of)
def test_flask_lives_in_web_alone(path: Path) -> None:
    """No other package imports Flask or Werkzeug."""
    assert {imported.split(".")[0] for imported, _ in imports(path)} & {"flask", "werkzeug"} == set()


def clock_readings(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    forbidden = ("datetime.now", "datetime.utcnow", "datetime.today", "time.time", "time.time_ns", "date.today")
    return [call for call in calls if call in forbidden]


@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if name_of(p) != "mockserver.state.clock" and p not in TOWER],
    ids=name_of,
)
def test_only_the_clock_reads_the_system_clock(path: Path) -> None:
    """Everything on the serving side follows a world's clock."""
    assert clock_readings(path) == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_stay_small(path: Path) -> None:
    """400 lines are the limit."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_say_something(path: Path) -> None:
    """No catch-all module names."""
    assert path.stem not in {"utils", "util", "helpers", "common", "manager", "misc"}


def test_no_circles() -> None:
    """No file imports, directly or through others, what imports it; imports for type checkers alone count."""
    names = {name_of(path) for path in MODULES}
    graph = {name_of(path): {name for name, _ in imports(path) if name in names - {"mockserver"}} for path in MODULES}
    TopologicalSorter(graph).prepare()


def test_prometheus_is_imported_by_its_view_alone() -> None:
    """Few runs are scraped: neither a start nor the first use of the control surface waits for the library."""
    code = "import sys, mockserver.web.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
