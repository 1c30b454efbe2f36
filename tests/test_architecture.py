"""The house rules: imports only go downward and never in a circle, the pure packages are pure, files stay small.

Each rule is one test, which lists every offender.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

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
    "mockserver.recording": 3,
}
PURE = ("profile", "patch", "auth", "faults", "story")
IMPURE = {"flask", "os", "time", "random", "socket", "pathlib", "logging", "secrets", "uuid", "threading"}
# The tower beside the house: it trusts nothing of the serving side.
TOWER = ("verify", "drift", "recording")
TOWER_MAY_IMPORT = ("verify", "drift", "recording", "errors", "nearest", "package", "settings")
CLOCK_READINGS = {"datetime.now", "datetime.utcnow", "datetime.today", "time.time", "time.time_ns", "date.today"}
SAYS_NOTHING = {"utils", "util", "helpers", "common", "manager", "misc"}
MOST_LINES = 400
MOST_FILES = 20
MOST_MODULES_AT_THE_ROOT = 8

FILES = sorted(path for folder in ("mockserver", "tests", "tools") for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES if PACKAGE in path.parents}


def under(module: str, packages: Iterable[str]) -> bool:
    """Say whether a module is one of the packages directly below mockserver, or inside one."""
    return module.partition(".")[2].partition(".")[0] in packages


def floor_of(module: str) -> int:
    for length in range(module.count(".") + 1, 0, -1):
        prefix = ".".join(module.split(".")[:length])
        if prefix in FLOORS and (prefix != "mockserver" or module == "mockserver"):
            return FLOORS[prefix]
    raise AssertionError(f"{module} stands on no floor")


@cache
def nodes(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))))


@cache
def imports(module: str) -> set[str]:
    """Return every module that one imports, also late and also for type checkers alone."""
    found = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {name for alias in node.names if (name := f"{node.module}.{alias.name}") in MODULES}
    return found


def own_imports(module: str) -> set[str]:
    return {name for name in imports(module) if name.partition(".")[0] == "mockserver"}


def foreign_imports(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)} - {"mockserver"}


def test_imports_only_go_downward() -> None:
    """A module imports its own floor or lower ones."""
    pairs = [(module, imported) for module in MODULES for imported in sorted(own_imports(module))]
    assert [f"{one} imports {other}" for one, other in pairs if floor_of(other) > floor_of(one)] == []


def test_no_imports_go_in_a_circle() -> None:
    """Between files, imports for type checkers counted."""
    graph = {module: own_imports(module) - {module} for module in MODULES}
    circles = []
    while circle := first_circle(graph):
        circles.append(" is imported by ".join(circle))
        graph[circle[1]].discard(circle[0])
    assert circles == []


def first_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return a circle, each name imported by the next; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        circle: list[str] = found.args[1]
        return circle
    return []


def test_a_circle_would_be_found() -> None:
    assert first_circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    circle = first_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert len(circle) == 4
    assert (circle[1], circle[0]) in {("a", "b"), ("b", "c"), ("c", "a")}


def test_the_core_is_pure() -> None:
    """The pure packages know no framework, files, clock, randomness or threads."""
    offenders = {module: foreign_imports(module) & IMPURE for module in MODULES if under(module, PURE)}
    assert {module: names for module, names in offenders.items() if names} == {}


def test_the_verifier_does_not_trust_the_mock() -> None:
    """Verification imports nothing of the serving side, signing included."""
    pairs = [(module, imported) for module in MODULES if under(module, TOWER) for imported in own_imports(module)]
    outside = [pair for pair in pairs if pair[1] != "mockserver" and not under(pair[1], TOWER_MAY_IMPORT)]
    assert [f"{module} imports {imported}" for module, imported in sorted(outside)] == []


def test_flask_lives_in_web_alone() -> None:
    """No other package imports Flask or Werkzeug."""
    outside = [module for module in MODULES if not under(module, ["web"])]
    assert [module for module in outside if foreign_imports(module) & {"flask", "werkzeug"}] == []


def test_only_the_clock_reads_the_system_clock() -> None:
    """Everything on the serving side follows a world's clock."""
    serving = [module for module in MODULES if module != "mockserver.state.clock" and not under(module, TOWER)]
    calls = [(module, node) for module in serving for node in nodes(module) if isinstance(node, ast.Call)]
    read = [(module, name) for module, call in calls if (name := ast.unparse(call.func)) in CLOCK_READINGS]
    assert [f"{module} calls {name}" for module, name in read] == []


def test_files_stay_small() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert [f"{path.relative_to(ROOT)}: {size} lines" for path, size in sizes.items() if size > MOST_LINES] == []


def test_folders_stay_small() -> None:
    sizes = Counter(path.parent for path in FILES)
    assert [f"{path.relative_to(ROOT)}/: {size} files" for path, size in sizes.items() if size > MOST_FILES] == []


def test_few_modules_lie_at_the_root() -> None:
    """What has a subject stands in its package."""
    at_the_root = [path.name for path in FILES if path.parent == PACKAGE]
    assert len(at_the_root) <= MOST_MODULES_AT_THE_ROOT, at_the_root


def test_names_say_something() -> None:
    """No catch-all module names."""
    assert [str(path.relative_to(ROOT)) for path in FILES if path.stem in SAYS_NOTHING] == []
