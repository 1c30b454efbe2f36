"""Every page for people: its commands parse, its examples run, its links lead somewhere, and nothing is told twice."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from mockserver import __version__
from mockserver.auth.signing import sign
from mockserver.cli import COMMANDS, _options, _parsers
from mockserver.commands.report_files import FORMATS
from mockserver.drift.compare import Kind, load_volatile
from mockserver.drift.known import load_known
from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.journal.lines import LogLines
from mockserver.profile.keys import fold
from mockserver.service.assembly import assemble
from mockserver.service.door import allowed_hosts
from mockserver.settings import Settings
from mockserver.story.provenance import RULES
from mockserver.verify.calls import Verdict
from mockserver.verify.run import STAGES
from mockserver.verify.target.targets import load_targets
from tests.conftest import Client

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "contracts" / "rules" / "README.md"])
}
README = PAGES["README.md"]
# What a page leaves to the reader, and what stands for it here.
ELLIPSIS = {"…": "x", "$HEADER": "x"}


def blocks(page: str, *languages: str) -> list[str]:
    """Return the fenced blocks in one of these languages."""
    return [text for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S) if language in languages]


def prose(page: str) -> str:
    """Return a page without its blocks, code and links' targets."""
    page = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", page)


def commands() -> Iterator[Any]:
    """Yield every command line of ours in a block of any page."""
    for name, page in PAGES.items():
        for block in blocks(page, "sh", "yaml"):
            for line in block.replace("\\\n", " ").splitlines():
                for command in re.findall(rf"mockserver ((?:{'|'.join(COMMANDS)})\b[^#)&]*)", line):
                    yield pytest.param(command.strip(), id=f"{name}: {command.strip()}")


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_can_be_given(command: str) -> None:
    """Its flags exist and take such values."""
    for shown, stands_for in ELLIPSIS.items():
        command = command.replace(shown, stands_for)
    words = shlex.split(command)
    assert _options(*_parsers(words[0]), words).run


# Of curl, of pip, of uvx, of pytest, of Node, and of the benchmarks.
FOREIGN_FLAGS = {
    "--cacert", "--from", "--junit-xml", "--long", "--no-deps", "--noproxy", "--quick", "--test", "--wheel-dir",
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_every_flag_that_a_page_names_is_one_of_ours(name: str) -> None:
    """In any text that is set as code; the flags of the pytest plugin are tested with its page."""
    parsers = [parser for command in COMMANDS if (parser := _parsers(command)[1]) is not None]
    ours = {flag for parser in parsers for flag in parser._option_string_actions}
    code = " ".join(re.findall(r"`([^`\n]+)`", PAGES[name]))
    named = {flag for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", code) if "mypreferences" not in flag}
    assert named - ours - FOREIGN_FLAGS == set()


def targets_of_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


@pytest.mark.parametrize(
    "target", sorted({name for page in PAGES.values() for name in re.findall(r"(?:`|^)make ([a-z-]+)", page, re.M)})
)
def test_every_target_of_make_exists(target: str) -> None:
    assert target in targets_of_make()


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    """To a file of the repository, and to a heading in it if one is named."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[name]):
        path, _, anchor = link.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), link
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), link


def test_readme_answers_in_the_order_in_which_a_newcomer_asks() -> None:
    """Within 180 lines."""
    assert len(README.splitlines()) <= 180
    assert re.findall(r"^## (.+)$", README, re.M) == [
        "Install",
        "Your own profiles",
        "Sign from your language",
        "Tests that share a mock",
        "Failures on command",
        "One contract for the mock and the real API",
        "Commands and settings",
        "How sure are we?",
        "Security",
        "Development",
    ]


def test_readme_lists_every_command() -> None:
    table = README.partition("## Commands")[2].partition("## ")[0]
    assert set(re.findall(r"`mockserver (\w+)", table)) == set(COMMANDS)


def test_readme_signs_as_the_package_does() -> None:
    """The code runs as it stands."""
    (code,) = (block for block in blocks(README, "python") if "def authorization" in block)
    names: dict[str, Any] = {}
    exec(code, names)
    given = ("ACME01~my-test", "editor@acme.example", "a key", "2026-01-31T12:00:00Z")
    assert names["authorization"](*given) == sign(*given)


def test_readme_shows_the_log_line_that_is_written() -> None:
    """But for the ends of its lines and what `…` stands for; time and number are its own."""
    mock = assemble(Settings(log="off"))
    user, client = "editor@acme.example", mock.fixtures.clients[fold("ACME01")]
    signed = sign(
        "ACME01", user, client.users[user].secrets[0], f"{mock.worlds.default.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    )
    Client(mock)('[{"op": "replace", "path": "/Emails/0/EmailAdress", "value": "a@b.example"}]', authorization=signed)
    told = LogLines(mock.tree).text(*mock.worlds.default.journal)
    (shown,) = re.findall(r"^[\d:.]+ \w{8} (default .*?)```", README, re.M | re.S)
    assert re.fullmatch(r"[\d:.]+ \w{8} " + re.escape(" ".join(shown.split())).replace("…", ".+"), told)


SPEAKING = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "mockserver").rglob("*.py")}


@pytest.mark.parametrize("name", [*PAGES, *(name for name, text in SPEAKING.items() if "install" in text)])
def test_nobody_is_told_to_install_from_an_index_that_lacks_the_package(name: str) -> None:
    """Installers are given a file or a folder of ours, never the bare name."""
    text = {**PAGES, **SPEAKING}[name]
    for words in re.findall(r"(?:pip install|pipx install|uvx --from|uvx|pipx run) ([^\n`]+)", text):
        what = words.split()[0].strip("'\"")
        assert not what.startswith(("mypreferences", "mockserver")), words


@pytest.mark.parametrize("name", [name for name, text in SPEAKING.items() if "hint" in text or "help=" in text])
def test_no_message_names_a_file_that_is_elsewhere_once_installed(name: str) -> None:
    """A checkout has contracts/ and docs/ beside it, a wheel has not."""
    for told in re.findall(r'(?:hint|help) ?= ?f?"([^"]*)"', SPEAKING[name]):
        assert not re.search(r"(?<![\w./])(?:contracts|docs|fixtures|tests|tools)/\w", told), told


def test_the_wheel_is_named_as_it_is_built() -> None:
    names = {name for page in PAGES.values() for name in re.findall(r"mypreferences_mockserver-[\w.-]+\.whl", page)}
    assert names == {f"mypreferences_mockserver-{__version__}-py3-none-any.whl"}


@pytest.mark.parametrize("name", ["README.md", "docs/troubleshooting.md"])
def test_the_hosts_that_pass_are_those_that_are_told(name: str) -> None:
    """Loopback's, and the very address that was bound: 0.0.0.0 adds no other."""
    assert allowed_hosts("0.0.0.0", ()) == {"localhost", "127.0.0.1", "::1", "0.0.0.0"}
    told = " ".join(PAGES[name].split())
    assert "`localhost`, `127.0.0.1`, `[::1]`" in told
    assert "the very address of `--host`" in told


def test_verify_names_stages_verdicts_formats_and_exit_codes() -> None:
    page = PAGES["docs/verify.md"]
    assert re.findall(r"^\| `(\w+)` \|", page.partition("## Stages")[2].partition("## ")[0], re.M) == list(STAGES)
    verdicts = set(re.findall(r"(?<!\*)\*([a-z ]+)\*(?!\*)", page))
    assert verdicts == {verdict.value.replace("-", " ") for verdict in Verdict}
    assert [ending for ending in FORMATS if f"`{ending}`" not in page] == []
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page.partition("## Exit codes")[2], re.M)}
    assert codes == {0, 1, UsageError.exit_code, Inconclusive.exit_code, SafetyRefusal.exit_code, 130}
    told = " ".join(README.split())
    assert "0 ok · 1 failed or drift · 2 usage or bad configuration · 3 inconclusive · 4 safety refusal" in told
    assert "130 interrupted" in told


def test_the_targets_file_of_verify_can_be_read(tmp_path: Path) -> None:
    (example,) = blocks(PAGES["docs/verify.md"], "toml")
    (tmp_path / "targets.toml").write_text(example, encoding="utf-8")
    assert load_targets(tmp_path / "targets.toml")["sandbox"].budget == 3400


def test_the_files_of_drift_can_be_read(tmp_path: Path) -> None:
    """Known drift and volatile values, each as its example stands."""
    known, volatile = blocks(PAGES["docs/drift.md"], "yaml")
    (tmp_path / "known.yaml").write_text(known, encoding="utf-8")
    (tmp_path / "volatile.yaml").write_text(volatile, encoding="utf-8")
    (entry,) = load_known(tmp_path / "known.yaml", yaml.safe_load(known)["known"][0]["expires"])
    assert entry.covers("add-at-end", "body", "/ProfileTags/0")
    assert entry.expires > date(2026, 1, 1)
    assert load_volatile(tmp_path / "volatile.yaml").covers("/CustomFields/3/Value")


def test_drift_names_every_kind_of_difference() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", PAGES["docs/drift.md"], re.M)
    assert [kind for kind, _ in rows] == [kind.value for kind in Kind]


def test_troubleshooting_names_real_reasons() -> None:
    """And every one that has to do with who asks."""
    named = set(re.findall(r"`((?:auth|oauth|host|admin|profile)-[a-z0-9-]+)`", PAGES["docs/troubleshooting.md"]))
    assert named - set(RULES) == set()
    assert {"host-not-allowed", "auth-signature-mismatch", "auth-date-too-old", "auth-header-missing"} <= named


UNITS = "µs|ms|s|seconds?|minutes?|MiB|MB|kB|GB|bytes|requests|requests/s|times|profiles|%"
FIGURE = re.compile(rf"(?<![\w.,])(\d[\d.,]*\d|\d) ({UNITS})(?!\w)")


def test_a_figure_has_one_page() -> None:
    """A number with a unit is stated once, or one of two will be forgotten; the changelog tells what was."""
    stated = defaultdict(set)
    for name, page in PAGES.items():
        for figure in FIGURE.findall(prose(page)) if name != "CHANGELOG.md" else ():
            stated[figure].add(name)
    assert len(stated) > 20
    assert {figure: names for figure, names in stated.items() if len(names) > 1} == {}


@pytest.mark.parametrize("name", [name for name in PAGES if name != "docs/benchmarks.md"])
def test_what_was_measured_is_on_the_page_of_benchmarks_alone(name: str) -> None:
    """No other page has a table of ratios, or says how many requests a second or microseconds something takes."""
    text = prose(PAGES[name])
    assert re.findall(r"\|\s*\d*\.\d+\s*(?=\|)", text) == []
    assert re.findall(r"\d (?:µs|ms|requests/s|requests a second|microseconds)(?!\w)", text) == []


def test_the_changelog_says_what_is_to_come_and_what_came_in_this_version() -> None:
    """First "Unreleased", then this version with its day; each of four headings once, and no line repeats its own."""
    page = PAGES["CHANGELOG.md"]
    headings = re.findall(r"^## (.+)$", page, re.M)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", headings[1])
    known = ("Added", "Changed", "Fixed", "For contributors")
    for version in re.split(r"^## .+\n", page, flags=re.M)[1:]:
        headings = re.findall(r"^### (.+)$", version, re.M)
        assert headings == [heading for heading in known if heading in headings]
        assert not re.search(rf"^- (?:{'|'.join(known)}): ", version, re.M)
