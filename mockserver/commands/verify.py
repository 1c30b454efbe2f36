"""`mockserver verify`: does a server do what the contract and the vendor's page promise?"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from mockserver.cli import add_settings, print_json, settings_of
from mockserver.commands.progress import progress_bar
from mockserver.commands.report_files import Attempts, add_report_flags, make_folders, report_file, write_reports
from mockserver.commands.targets_cli import add_target_flags, chosen_target, refuse_idle_flags, run_cases, run_recover
from mockserver.errors import UsageError
from mockserver.settings import Settings
from mockserver.verify.calls import Bench
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.events import CaseFinished, Event, RunFinished
from mockserver.verify.http_session import HttpSession
from mockserver.verify.mock_bench import MockFixtures, read_fixtures
from mockserver.verify.mock_process import differing, is_mock, lacks, starting, told
from mockserver.verify.reports.exchange import Shown
from mockserver.verify.reports.github import troubles
from mockserver.verify.reports.html import as_html
from mockserver.verify.reports.json import as_json
from mockserver.verify.reports.junit import as_junit
from mockserver.verify.reports.terminal import TerminalReport, as_text
from mockserver.verify.reports.whole_run import WholeRun
from mockserver.verify.rules.reading import DIALECTS, TAGS
from mockserver.verify.run import DEFAULT_EXAMPLES, DEFAULT_SEED, STAGES, Plan, Report, cases_of, verify, verify_target
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.request_plan import RequestPlan
from mockserver.verify.target.targets import Target, is_loopback

EXAMPLES = """examples:
  mockserver verify
  mockserver verify --target mock --dialect library --report junit.xml --report report.html
  mockserver verify --only 'auth-*' --verbose
  mockserver verify --target http://127.0.0.1:8080 --stage rules
  mockserver verify --target http://127.0.0.1:9000 --profile CRM/C-1 --client ACME01 --unsigned
  mockserver verify --target sandbox --live --tag read --tag auth

exit codes: 0 all held, 1 something is broken, 2 wrong usage, 3 inconclusive, 4 refused for safety or left unrestored,
130 interrupted (Ctrl-C)"""
_WRITERS: Mapping[str, Callable[[WholeRun, Shown], str]] = {
    ".html": as_html,
    ".json": lambda run, shown: json.dumps(as_json(run, shown), indent=1, ensure_ascii=False),
    ".xml": as_junit,
    ".txt": as_text,
}


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_target_flags(parser)
    add_settings(parser, "dialect", "fixtures", "contract")
    add("--stage", action="append", choices=STAGES, help="a stage to run; may be given several times")
    add("--seed", type=int, default=DEFAULT_SEED, help="seed of everything random (default: %(default)s)")
    told = "size of the random part; above %(default)s also all systematic cases"
    add("--max-examples", type=int, default=DEFAULT_EXAMPLES, metavar="N", help=told)
    add("--only", action="append", default=[], metavar="RULE", help="one rule, or 'prefix*'")
    add("--tag", action="append", default=[], choices=TAGS, help="rules with this tag")
    told = "on a target: a rule, or 'prefix*', that it need not keep (repeatable)"
    add("--tolerate", action="append", default=[], metavar="RULE", help=told)
    add("--verbose", action="store_true", help="also list what held")
    add_report_flags(parser)
    as_junit_xml, as_page = partial(report_file, ending=".xml"), partial(report_file, ending=".html")
    told = "write JUnit XML, one testcase for each case"
    add("--junit", type=as_junit_xml, action="append", dest="report", metavar="FILE", help=told)
    told = "write one self-contained page"
    add("--html", type=as_page, action="append", dest="report", metavar="FILE", help=told)


def run(options: argparse.Namespace) -> int:
    """Verify the mock, a server on this machine, or a listed target."""
    if options.recover:
        return run_recover(options)
    refuse_idle_flags(options, options.target)
    settings = settings_of(options)
    contract = load_contract(settings.contract)
    target = options.target or "mock"
    if target == "mock":
        fixtures = read_fixtures(settings.fixtures)
        # Which dialect is meant is the user's to say; where nothing is said, the rules of each must hold.
        asked = hasattr(options, "dialect")
        others = [] if asked else [replace(settings, dialect=name) for name in DIALECTS if name != settings.dialect]
        flags = ("--contract", str(settings.contract), "--max-worlds", "1000000")
        with contextlib.ExitStack() as stack:
            starts = {one.dialect: starting(one.fixtures, one.dialect, *flags) for one in (settings, *others)}
            mocks = {dialect: stack.enter_context(start) for dialect, start in starts.items()}
            urls = {dialect: mock.url() for dialect, mock in mocks.items()}
            return _verify_mock(options, settings, contract, fixtures, urls)
    if is_loopback(urlsplit(target).hostname or "") and is_mock(target):
        running = told(target, "settings", settings.admin_token)
        if unusual := differing(target, running):
            print(f"note: it runs with {', '.join(unusual)}: rules that speak of that are broken", file=sys.stderr)
        if not hasattr(options, "dialect"):
            settings = replace(settings, dialect=running.get("dialect", settings.dialect))
        fixtures = read_fixtures(settings.fixtures)
        return _verify_mock(options, settings, contract, fixtures, {settings.dialect: target})
    return _verify_target(options, contract, chosen_target(options, target))


def _verify_target(options: argparse.Namespace, contract: Contract, target: Target) -> int:
    """Show the plan of a run on a target, or play it."""
    asked = _plan(options, default_stages=("rules",))

    def play(run: GuardedRun, requests: RequestPlan) -> int:
        verified = partial(verify_target, run, requests, contract, asked)
        return _reported(options, contract, run.bench(), target.base_url, verified)

    return run_cases(options, target, contract, cases_of(target, contract, asked), play)


def _verify_mock(
    options: argparse.Namespace, settings: Settings, contract: Contract, fixtures: MockFixtures, urls: Mapping[str, str]
) -> int:
    """Verify the mocks at these URLs, one for each dialect; the first is asked everything."""
    plan = _plan(options, default_stages=STAGES)
    lacking = lacks(urls[settings.dialect], settings.admin_token)
    contract = Contract(contract.document, alone="around" in lacking)
    with contextlib.ExitStack() as stack:
        benches = []
        for dialect, url in urls.items():
            session = HttpSession(url, fixtures.editors, time_s=options.time)
            stack.callback(session.close)
            benches.append(replace(fixtures.bench(session, dialect), lacks=lacking))
        name = options.target or "mock"
        play = partial(verify, benches[0], contract, plan, target=name, further=benches[1:])
        return _reported(options, contract, benches[0], urls[settings.dialect], play)


def _reported(
    options: argparse.Namespace, contract: Contract, bench: Bench, url: str, play: Callable[[Report], int]
) -> int:
    """Tell each event of a run to the terminal, and the whole to every report asked for; return the exit code."""
    make_folders(options)
    shown = Shown(contract, openly=bench.is_mock, url=url)
    stream = sys.stderr if options.json else sys.stdout
    terminal = TerminalReport(shown, stream, verbose=options.verbose, bar=progress_bar)
    attempt, events = Attempts(), list[Event]()

    def report(event: Event) -> None:
        event = shown.told(event) if isinstance(event, CaseFinished) else event
        events.append(event)
        attempt("the output", partial(terminal, event))
        if isinstance(event, RunFinished):
            _write(options, attempt, WholeRun(events), shown)

    return attempt.exit_code(play(report))


def _write(options: argparse.Namespace, attempt: Attempts, run: WholeRun, shown: Shown) -> None:
    write_reports(
        options,
        attempt,
        text=lambda ending: _WRITERS[ending](run, shown),
        document=lambda: as_json(run, shown),
        github=lambda output: output.tell(run.lead, run.facts, troubles(run, shown)),
    )
    if options.json:
        attempt("the document", lambda: print_json(as_json(run, shown)))


def _plan(options: argparse.Namespace, *, default_stages: tuple[str, ...]) -> Plan:
    if options.max_examples < 1:
        raise UsageError("--max-examples must be at least 1", hint=f"leave it out for {DEFAULT_EXAMPLES}")
    return Plan(
        stages=tuple(stage for stage in STAGES if stage in (options.stage or default_stages)),
        seed=options.seed,
        max_examples=options.max_examples,
        time_s=options.time,
        only=tuple(options.only),
        tags=tuple(options.tag),
        # Half of the two thousand systematic cases keep the everyday run short; the other half comes with other seeds.
        thin=1 if options.max_examples > DEFAULT_EXAMPLES else 2,
        complete=options.complete,
        tolerated=tuple(options.tolerate),
    )
