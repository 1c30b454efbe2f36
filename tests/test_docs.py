"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.cli import COMMANDS
from mockserver.faults.rules import MAGIC_IDS
from mockserver.faults.text import Known, from_json, from_text
from mockserver.story.provenance import RULES, Mark
from tests.patch.test_dialect_table import ROWS as RECORDED_ROWS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = [path for path in (ROOT / "mockserver").rglob("*.py") if not {"verify", "drift"} & set(path.parts)]


@pytest.mark.parametrize(
    "script",
    [
        "docs/write_fidelity.py",
        "docs/write_calls.py",
        "docs/write_reasons.py",
        "docs/write_settings.py",
        "contracts/write_patch_operations.py",
        "contracts/write_signature_vectors.py",
    ],
)
def test_what_is_written_by_a_script_is_fresh(script: str) -> None:
    """Fidelity table, pages of reasons, settings page, operation branches and signature vectors."""
    done = subprocess.run([sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_rule_that_is_raised_has_a_provenance() -> None:
    """A reason code that nobody explained would be a guess in disguise."""
    used = {code for path in SOURCES for code in re.findall(r'rule="([a-z0-9-]+)"', path.read_text(encoding="utf-8"))}
    assert used - set(RULES) == set()


def test_every_assumed_rule_says_whose_choice_it_is() -> None:
    """Assumed and mock rules are our choice; documented ones name a page."""
    for rule in RULES.values():
        ours = rule.source == "our choice"
        assert ours == (rule.mark in (Mark.ASSUMED, Mark.MOCK)), rule.code


def test_the_first_screen_shows_what_matters() -> None:
    """What it is, what it is not, the two commands, one curl and its answer."""
    first = "\n".join(README.splitlines()[:42])
    for wanted in ("**What it is not**", "make serve", "make test", "curl -X PATCH", '{"ProfileId":70012345'):
        assert wanted in first


NAMED_FILES = {
    path
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "contracts" / "rules" / "README.md")
    for path in re.findall(r"`((?:mockserver|tests|tools|contracts|docs)/[\w/.-]+)`", page.read_text(encoding="utf-8"))
}


@pytest.mark.parametrize("path", sorted(NAMED_FILES))
def test_named_files_exist(path: str) -> None:
    """Whatever page names them."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str) -> None:
    """Help ends with examples that start with the command."""
    done = subprocess.run(
        [sys.executable, "-m", "mockserver", command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"mockserver {command}" in done.stdout.partition("examples:")[2]


def test_lock_files_name_no_hosts() -> None:
    """Versions and hashes only."""
    locks = dict.fromkeys(ROOT.glob("requirements*.lock"), "--hash=sha256:")
    locks |= dict.fromkeys((ROOT / "tools").rglob("package-lock.json"), '"integrity": "sha512-')
    assert len(locks) >= 4
    for lock, digest in locks.items():
        text = lock.read_text(encoding="utf-8")
        assert digest in text
        assert "://" not in text


def test_every_magic_id_is_documented() -> None:
    """And none that does not exist."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(fault-[a-z0-9-]+)`", page)) == set(MAGIC_IDS)


def test_every_fault_in_the_documents_can_be_used() -> None:
    """The table's texts and the JSON are read as they stand."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    table = page.partition("| text |")[2].partition("`reset`:")[0]
    texts = [
        text for row in table.splitlines()[2:] for text in re.findall(r"`([^`]+)`", row.split("|")[1] if row else "")
    ]
    assert len(texts) >= 10
    for text in texts:
        from_text(text.replace("user=… ", ""), known=Known())
    from_json(json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0]), known=Known())


DIALECT_PAGE = (ROOT / "docs" / "dialect.md").read_text(encoding="utf-8")
DIALECT_ROWS = re.findall(r"^\| ([A-Z]\d+) \|", DIALECT_PAGE, re.MULTILINE)


def cited_rows(text: str) -> set[str]:
    """Return the dialect page's rows that a text cites: "row P7", "rows A1, A6-A8 and M1"."""
    rows = set()
    for citation in re.findall(r"\brows?\s+([A-Z]\d+(?:(?:-|,\s+|\s+and\s+|\s+to\s+)[A-Z]\d+)*)\b", text):
        for first, last in re.findall(r"([A-Z]\d+)(?:(?:-|\s+to\s+)([A-Z]\d+))?", citation):
            until = int((last or first)[1:])
            assert first[0] == (last or first)[0]
            rows |= {f"{first[0]}{number}" for number in range(int(first[1:]), until + 1)}
    return rows


def test_every_cited_row_of_the_dialect_page_exists() -> None:
    """The code points at rows that a reader can look up, and only at documents that are here."""
    assert len(DIALECT_ROWS) == len(set(DIALECT_ROWS))
    for path in (ROOT / "mockserver").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert cited_rows(text) <= set(DIALECT_ROWS), path
        assert not re.search(r"\b(DIALECT|DESIGN)\b|\(library, section", text), path
        if cited_rows(text):
            assert "docs/dialect.md" in text, path


def test_the_dialect_page_names_real_tests() -> None:
    """Every recorded row has its line there, and every line's test can be run."""
    shown = {name for line in DIALECT_PAGE.splitlines() for name in re.findall(r"`([A-Z]\d+ [^`]+)`", line)}
    assert shown == set(RECORDED_ROWS) - {"move and copy"}
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", DIALECT_PAGE)):
        assert f"def {name}(" in tests, name
    for path in set(re.findall(r"`(tests/[\w/.]+)`", DIALECT_PAGE)):
        assert (ROOT / path).exists(), path
