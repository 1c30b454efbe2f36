"""`mockserver drift`: send the same cases to two targets that hold the same profile, and list where they part."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mockserver.cli import print_json
from mockserver.commands.progress import progress_bar
from mockserver.commands.report_files import Attempts, add_report_flags, make_folders, write_reports
from mockserver.commands.targets_cli import add_target_flags, chosen_target, refuse_idle_flags, run_cases
from mockserver.drift.compare import Comparison, load_volatile
from mockserver.drift.drift import Drift, keys_of
from mockserver.drift.findings import DriftReport
from mockserver.drift.html import facts_of, lead_of
from mockserver.drift.known import Known, load_known
from mockserver.drift.page_facts import disagreements
from mockserver.drift.report import WRITERS, as_json, as_text, troubles
from mockserver.errors import Inconclusive, UsageError
from mockserver.package import shipped
from mockserver.state.clock import system_now
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.mock_process import local_mock
from mockserver.verify.rules.facts import shipped_facts
from mockserver.verify.rules.reading import Rule, chosen, load_rules
from mockserver.verify.target.guarded_run import GuardedRun
from mockserver.verify.target.redaction import Redactor
from mockserver.verify.target.request_plan import RequestPlan, rule_case
from mockserver.verify.target.targets import Target

MOCK = "mock"
EXAMPLES = """examples:
  mockserver drift --page                          the contract against the vendor's page
  mockserver drift --right sandbox                 list the requests, send nothing
  mockserver drift --right sandbox --live          compare what only reads
  mockserver drift --right sandbox --live --write --report drift.html --known known-drift.yaml
  mockserver drift --right http://127.0.0.1:9000 --profile CRM/C-1 --client ACME01 --unsigned

The mock of one's own ("mock", the default of --left) is started for the comparison and takes on the other side's
profile. exit codes: 0 no drift, 1 drift, 2 usage, 3 no answer, 4 refused, or a profile was left unrestored,
130 interrupted (Ctrl-C)"""


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--left", default=MOCK, metavar="NAME", help="one side (default: mock)")
    add("--right", metavar="NAME", help="the other side, a target of the targets file or a URL")
    add("--page", action="store_true", help="compare the contract with the vendor's page instead")
    add("--only", action="append", default=[], metavar="RULE", help="only this case, or name* (repeatable)")
    add("--tag", action="append", default=[], metavar="TAG", help="only cases with this tag (repeatable)")
    add("--known", type=Path, metavar="FILE", help="known drift, each entry with the day it expires")
    add("--volatile", type=Path, metavar="FILE", help="what may differ (default: the shipped one)")
    add_report_flags(parser)
    add("--contract", type=Path, metavar="FILE", help="OpenAPI document of the operation")
    add("--verbose", action="store_true", help="also list what does not count as drift")
    add_target_flags(parser, choose=False)


def run(options: argparse.Namespace) -> int:
    """Compare, print and write the reports; the exit code is the report's."""
    if options.page:
        return _compare_with_page(options)
    target, listed, is_left = _sides(options)
    make_folders(options)
    contract = load_contract(options.contract or shipped("contracts") / "openapi.yaml")
    volatile = load_volatile(options.volatile or shipped("contracts") / "volatile.yaml")
    today = system_now().date()
    known = load_known(options.known, today) if options.known else []
    expired = [entry for entry in known if entry.expires < today]
    rules = chosen(load_rules(shipped("contracts") / "rules", target.dialect), options.only, options.tag)

    def play(run: GuardedRun, plan: RequestPlan) -> int:
        comparison = Comparison(contract, target.dialect, volatile, Redactor(_names(contract)))
        with _mock(listed, target) as mock:
            report = DriftReport(options.left, options.right, expired=expired)
            drift = Drift(run, mock, comparison, report, mock_is_left=not is_left)
            return _finish(drift, plan, rules, [entry for entry in known if entry not in expired], options)

    cases = [rule_case(rule, contract, keys_of(rule, target)) for rule in rules]
    return run_cases(options, target, contract, cases, play)


def _compare_with_page(options: argparse.Namespace) -> int:
    contract = load_contract(options.contract or shipped("contracts") / "openapi.yaml")
    found = list(disagreements(shipped_facts(), contract))
    if options.json:
        print_json({"disagreements": found})
    else:
        print("\n".join(found) or "the contract says what the page says")
    return 1 if found else 0


def _finish(
    drift: Drift, plan: RequestPlan, rules: Sequence[Rule], known: Sequence[Known], options: argparse.Namespace
) -> int:
    report = drift.report
    attempt = Attempts()
    try:
        drift.compare(plan, rules, known, progress_bar("comparing", "cases"))
        if options.complete and plan.left:
            report.stopped = report.stopped or Inconclusive(f"{plan.words()}; {plan.too_small}")
    finally:
        # Also after Ctrl-C: what was found until then is worth keeping.
        report.notes += drift.run.notes
        report.stopped = report.stopped or drift.run.complaint()
        write_reports(
            options,
            attempt,
            text=lambda ending: WRITERS[ending](report),
            document=lambda: as_json(report),
            github=lambda output: output.tell(lead_of(report), facts_of(report), troubles(report)),
        )
    if options.json:
        attempt("the output", lambda: print_json(as_json(report)))
    else:
        attempt("the output", lambda: print(as_text(report, verbose=options.verbose)))
    return attempt.exit_code(report.exit_code)


def _sides(options: argparse.Namespace) -> tuple[Target, Target | None, bool]:
    """Return the side whose profile is used, the other side, and whether the former is the left one.

    The other side is a mock of the targets file, or None for one to start.
    """
    if not options.right:
        raise UsageError("the other side is missing", place="--right", hint="name a target of the targets file")
    if options.left == options.right:
        raise UsageError("both sides are the same", place="--right", hint="name a target of the targets file")
    refuse_idle_flags(options, options.left, options.right)
    sides = [None if name == MOCK else chosen_target(options, name) for name in (options.left, options.right)]
    real = [side for side in sides if side is not None and not side.mock]
    if len(real) == 2:
        raise UsageError("one side must be a mock, to take on the other's profile", hint="write --left mock")
    source = real[0] if real else next(side for side in reversed(sides) if side is not None)
    other = next((side for side in sides if side is not None and side is not source), None)
    return source, other, sides[0] is source


@contextmanager
def _mock(listed: Target | None, source: Target) -> Iterator[Target]:
    """Give the mock that is listed, or start one."""
    if listed is None:
        with local_mock(source) as started:
            yield started
        return
    if listed.client != source.client:
        raise UsageError(f"{listed.name} is a mock of another client", hint=f"give it the client of {source.name}")
    yield listed


def _names(contract: Contract) -> set[str]:
    """Return every name that the contract knows; these alone are shown in places."""
    names = {"Message", "MessageDetail", "ModelState", "ExceptionMessage", "ExceptionType", "StackTrace"}
    for schema in contract.schemas.values():
        names |= set(schema.get("properties", ()))
    return names
