"""`mockserver verify`: does a server do what the contract and the vendor's page promise?"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from mockserver.cli import add_json, add_settings, print_json, settings_of
from mockserver.commands.report_files import Attempts, add_report_flag, make_folders
from mockserver.commands.targets_cli import add_target_flags, open_session, run_recover
from mockserver.errors import Inconclusive, SafetyRefusal, UsageError
from mockserver.settings import Settings
from mockserver.verify.calls import Bench, Call
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.events import CaseFinished, Event, RunFinished
from mockserver.verify.http_session import HttpSession
from mockserver.verify.mock_bench import MockFixtures, read_fixtures
from mockserver.verify.mock_process import Starting, starting
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.html import HtmlReport
from mockserver.verify.reports.json import JsonReport
from mockserver.verify.reports.junit import JunitReport
from mockserver.verify.reports.terminal import TerminalReport
from mockserver.verify.reports.text import TextReport
from mockserver.verify.rules.reading import DIALECTS, TAGS
from mockserver.verify.run import DEFAULT_EXAMPLES, DEFAULT_SEED, STAGES, Plan, verify
from mockserver.verify.target.rehearsal import DryRun
from mockserver.verify.target.targets import is_loopback

EXAMPLES = """examples:
  mockserver verify
  mockserver verify --target mock --dialect library --report junit.xml --report report.html
  mockserver verify --only 'auth-*' --verbose
  mockserver verify --target http://127.0.0.1:8080 --stage rules
  mockserver verify --target sandbox --live --tag read --tag auth

exit codes: 0 all held, 1 something is broken, 2 wrong usage, 3 inconclusive, 4 refused for safety or left unrestored,
130 interrupted (Ctrl-C)"""
_WRITERS: Mapping[str, Callable[[Path, Shown], Callable[[Event], None]]] = {
    ".html": HtmlReport,
    ".json": JsonReport,
    ".xml": JunitReport,
    ".txt": TextReport,
}
_JSON = (("Content-Type", "application/json"),)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    add_target_flags(parser)
    add_settings(parser, "dialect", "fixtures", "contract")
    parser.add_argument("--stage", action="append", choices=STAGES, help="a stage to run; may be given several times")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="seed of everything random (default: %(default)s)"
    )
    parser.add_argument(
        "--max-examples",
        type=int,
        default=DEFAULT_EXAMPLES,
        metavar="N",
        help="size of the random part; above %(default)s also all systematic cases",
    )
    parser.add_argument("--only", action="append", default=[], metavar="RULE", help="one rule, or 'prefix*'")
    parser.add_argument("--tag", action="append", default=[], choices=TAGS, help="rules with this tag")
    parser.add_argument("--verbose", action="store_true", help="also list what held")
    add_report_flag(parser)
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML, one testcase for each case")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Verify the mock, a server on this machine, or a listed target."""
    if options.recover:
        return run_recover(options)
    settings = settings_of(options)
    contract = load_contract(settings.contract)
    target = options.target or "mock"
    if target == "mock":
        fixtures = read_fixtures(settings.fixtures)
        # Which dialect is meant is the user's to say; where nothing is said, the rules of each must hold.
        asked = hasattr(options, "dialect")
        others = [] if asked else [replace(settings, dialect=name) for name in DIALECTS if name != settings.dialect]
        with contextlib.ExitStack() as stack:
            mocks = {one.dialect: stack.enter_context(_mock(one)) for one in (settings, *others)}
            urls = {dialect: mock.url() for dialect, mock in mocks.items()}
            return _verify_mock(options, settings, contract, fixtures, urls, "mock")
    if "://" in target:
        _require_loopback(target)
        return _verify_mock(
            options, settings, contract, read_fixtures(settings.fixtures), {settings.dialect: target}, target
        )
    with open_session(options, contract=contract) as guarded:
        plan = _plan(options, default_stages=("rules",))
        if isinstance(guarded, DryRun):
            # Nothing is sent, so nothing can be said; the plan is printed when the session ends.
            verify(guarded.bench(), contract, plan, lambda event: None, target=target)
            return 0
        return _run(options, contract, [guarded.bench()], plan, target, guarded.target.base_url)


def _verify_mock(
    options: argparse.Namespace,
    settings: Settings,
    contract: Contract,
    fixtures: MockFixtures,
    urls: Mapping[str, str],
    name: str,
) -> int:
    """Verify the mocks at these URLs, one for each dialect; the first is asked everything."""
    plan = _plan(options, default_stages=STAGES)
    with contextlib.ExitStack() as stack:
        sessions = {
            dialect: HttpSession(url, fixtures.roles.editors, time_s=options.time) for dialect, url in urls.items()
        }
        benches = [fixtures.bench(session, dialect) for dialect, session in sessions.items()]
        for session in sessions.values():
            stack.callback(session.close)
        url = urls[settings.dialect]
        try:
            sessions[settings.dialect].send(Call("PATCH", benches[0].profiles[0], _JSON, b"[]"))
        except OSError as problem:
            raise Inconclusive(f"{url} can't be reached: {problem}", hint="start it with mockserver serve") from problem
        return _run(options, contract, benches, plan, name, url)


def _run(
    options: argparse.Namespace, contract: Contract, benches: Sequence[Bench], plan: Plan, target: str, url: str
) -> int:
    bench, *further = benches
    shown = Shown(contract, openly=bench.is_mock, url=url)
    document = JsonReport(None, shown)
    terminal = TerminalReport(shown, sys.stderr if options.json else sys.stdout, verbose=options.verbose)
    reports: dict[str, Callable[[Event], None]] = {
        "the output": terminal,
        "the document": document,
        **dict(_files(options, shown)),
    }
    attempt = Attempts()

    def report(event: Event) -> None:
        event = shown.told(event) if isinstance(event, CaseFinished) else event
        for name, one in reports.items():
            attempt(name, partial(one, event))
        if options.json and isinstance(event, RunFinished):
            attempt("the document", lambda: print_json(document.document))

    return attempt.exit_code(verify(bench, contract, plan, report, target=target, further=further))


def _files(options: argparse.Namespace, shown: Shown) -> Iterator[tuple[str, Callable[[Event], None]]]:
    """Yield a writer for each file that was asked for, after the file's name."""
    asked = [(path, path.suffix) for path in options.report]
    asked += [(path, ending) for path, ending in ((options.junit, ".xml"), (options.html, ".html")) if path]
    make_folders(path for path, _ in asked)
    for path, ending in asked:
        yield str(path), _WRITERS[ending](path, shown)


def _plan(options: argparse.Namespace, *, default_stages: tuple[str, ...]) -> Plan:
    if options.max_examples < 1:
        raise UsageError("--max-examples must be at least 1", hint=f"leave it out for {DEFAULT_EXAMPLES}")
    chosen = tuple(stage for stage in STAGES if stage in (options.stage or default_stages))
    # Half of the two thousand systematic cases keep the everyday run short; the other half comes with other seeds.
    thin = 1 if options.max_examples > DEFAULT_EXAMPLES else 2
    only, tags = tuple(options.only), tuple(options.tag)
    return Plan(chosen, options.seed, options.max_examples, options.time, only, tags, thin)


def _require_loopback(url: str) -> None:
    if not is_loopback(urlsplit(url).hostname or ""):
        raise SafetyRefusal(
            "a URL names a mock on this machine; it would be changed without restraint",
            place=f"--target {url}",
            hint="describe a real system in targets.toml and give its name",
        )


@contextlib.contextmanager
def _mock(settings: Settings) -> Iterator[Starting]:
    """Start a mock with the user's settings; it is stopped at the end."""
    more = ("--contract", str(settings.contract), "--max-worlds", "1000000")
    with (
        tempfile.TemporaryDirectory(prefix="mockserver-verify-") as home,
        starting(Path(home), settings.fixtures, settings.dialect, *more) as mock,
    ):
        yield mock
