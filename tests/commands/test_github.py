"""What GitHub Actions is told: errors at the line of their rule, a summary that stays text, and nothing unasked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.commands.running import make_server
from mockserver.drift.compare import Difference, Kind
from mockserver.drift.findings import CaseResult, DriftReport, Finding, ShownExchange
from mockserver.drift.report import troubles
from mockserver.package import shipped
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from mockserver.verify.reports.github import Trouble, summary, workflow_commands
from mockserver.verify.reports.matrix import fact_rows
from mockserver.verify.reports.sentences import Lead
from tests.commands.calling import Done
from tests.verify.reports.test_pages import Tags
from tools.mutants.harness import CONTRACT, FIXTURES, ROOT

HOSTILE = "::set-env::x\n\n::error::<script>\r\n\n# [a](b), 100%"
RULES = shipped("contracts") / "rules"


def trouble(case: str, level: str = "error", problem: str = "it differs") -> Trouble:
    return Trouble(level, case, "a title", (problem,), "mend it")


def test_an_annotation_stands_at_the_line_of_its_rule() -> None:
    (line,) = workflow_commands([trouble("remove-text")], ROOT)
    found = re.fullmatch(
        r"::error file=(\S+\.yaml),line=(\d+),title=remove-text%3A a title::it differs%0AWhat to do: mend it", line
    )
    assert found, line
    text = (ROOT / found[1]).read_text(encoding="utf-8").splitlines()
    assert text[int(found[2]) - 1].strip() == "- id: remove-text"


@pytest.mark.parametrize(
    ("case", "workspace"),
    [("remove-text", Path("/elsewhere")), ("walk-3", ROOT)],
    ids=["of an installed package", "no rule"],
)
def test_what_has_no_line_in_the_repository_is_told_without(case: str, workspace: Path) -> None:
    (line,) = workflow_commands([trouble(case)], workspace)
    assert line.startswith(f"::error title={case}%3A a title::")


def test_as_many_annotations_as_are_shown_with_the_errors_first() -> None:
    """The last says how many more there are."""
    lines = list(workflow_commands([trouble("w", "warning"), *(trouble(f"e{number}") for number in range(12))], ROOT))
    assert len(lines) == 10
    assert all(line.startswith("::error") for line in lines)
    assert "and 4 more" in lines[-1]


def test_no_value_of_a_server_is_a_command_of_the_runner() -> None:
    (line,) = workflow_commands([Trouble("error", HOSTILE, HOSTILE, (HOSTILE,), HOSTILE)], ROOT)
    assert len(line.splitlines()) == 1
    assert line.count("100%25") == 4
    assert "," not in line.split("::")[1]


def test_a_summary_is_one_block_of_html() -> None:
    """An empty line would end it, and what follows would be read as Markdown."""
    found = Trouble("error", HOSTILE, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE)
    text = summary(Lead("bad", "Broken.", HOSTILE), fact_rows((), (), ""), [found])
    assert "\n\n" not in text
    assert "\r" not in text
    page = Tags(text)
    assert set(page.names) == {
        "h3",
        "table",
        "tr",
        "th",
        "td",
        "details",
        "summary",
        "b",
        "code",
        "ul",
        "li",
        "p",
        "pre",
    }
    assert page.text.count("<script>") == 6


def test_each_drift_that_counts_is_told(tmp_path: Path) -> None:
    """With the request that shows it."""
    row = Difference(Kind.DIFFERS, "status", "", "200", "400")
    findings = (Finding(row, ("add-at-end",), "page", "mock"),)
    exchange = ShownExchange("PATCH", "200", "400", "curl -i")
    case = CaseResult("add-at-end", "add", "page", findings=findings, exchanges=(exchange,))
    (found,) = troubles(DriftReport("mock", "sandbox", [case]))
    assert (found.level, found.case, found.title, found.curl) == ("error", "add-at-end", "differs: status", "curl -i")
    assert "Ask whether sandbox means it" in found.todo


@pytest.mark.parametrize("asked", [True, False], ids=["there", "elsewhere"])
def test_a_run_on_github_tells_it(
    run: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    """Where the runner's variables say so, and on its own otherwise."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true" if asked else "false")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(ROOT))
    settings = Settings(fixtures=FIXTURES, contract=CONTRACT, port=0, log="off", dialect="library")
    with make_server(assemble(settings)) as server:
        done = run("verify", "--target", server.url, "--dialect", "vendor", "--only", "atomic-move")
    assert done.code == 1
    assert ("::error file=contracts/rules/" in done.out) is asked
    assert path.exists() is asked
    if asked:
        assert "breaks 1 of 1 case" in path.read_text(encoding="utf-8")
