"""Which stage finds which wrong server? Run it: `python tools/mutants/run.py` (`make mutants`).

With `--source N` also N servers that were made wrong by a small change of their source. Exit code 1 if one is not
found, or not by what must find it. With `--permitted` none may be found: right servers that differ in what is theirs to
choose.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mockserver.verify.rules.reading import DIALECTS
from mockserver.verify.run import STAGES, Plan
from tools.mutants.expected import BY_RULE, BY_THE_MODEL
from tools.mutants.harness import Mutant, Outcome, run_all, warmed
from tools.mutants.permitted import PERMITTED
from tools.mutants.planned import PLANNED
from tools.mutants.planned_caches import CACHES
from tools.mutants.planned_calls import ALL_CALLS, EDGES, LIFE
from tools.mutants.planned_http import HTTP
from tools.mutants.planned_operations import OPERATIONS
from tools.mutants.planned_subtle import SUBTLE
from tools.mutants.planned_values import VALUES
from tools.mutants.source import sample


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each mutant with the stages that kill it; return 1 if one survives, or survives what must find it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planned", action=argparse.BooleanOptionalAction, default=True, help="the planned mutants")
    parser.add_argument("--source", type=int, default=0, metavar="N", help="as many mutants of the source")
    parser.add_argument("--seed", type=int, default=1, help="which mutants of the source")
    parser.add_argument("--max-examples", type=int, default=30, help="as of mockserver verify")
    parser.add_argument("--thin", type=int, default=1, help="keep one generated case of so many")
    parser.add_argument("--first-only", action="store_true", help="stop at the first stage that kills")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only these stages")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only one planned mutant of so many")
    parser.add_argument("--only", action="append", metavar="ID", help="only these planned mutants")
    parser.add_argument("--rule", action="append", default=[], metavar="RULE", help="only these rules")
    parser.add_argument("--permitted", action="store_true", help="right servers instead, which nothing may find")
    options = parser.parse_args(arguments)
    if options.permitted:
        stages = tuple(options.stage or STAGES)
        return report_alarms(Plan(max_examples=options.max_examples, thin=options.thin), stages, options.every)
    edits = (*OPERATIONS, *VALUES, *CACHES, *LIFE, *EDGES)
    planned = [*PLANNED, *HTTP, *SUBTLE, *ALL_CALLS, *(edit.mutant() for edit in edits)]
    chosen = planned[:: options.every] if options.planned else []
    if options.only:
        chosen = [mutant for mutant in planned if mutant.id in options.only]
    mutants: list[Mutant] = [*chosen, *sample(options.source, options.seed)]
    stages = tuple(stage for stage in STAGES if stage in (options.stage or STAGES))
    plan = Plan(max_examples=options.max_examples, thin=options.thin, only=tuple(options.rule))
    if "generated" in stages:
        warmed(plan)
    code = report(mutants, plan, stages, first_only=options.first_only)
    with_a_rule = [mutant for mutant in mutants if mutant.id in BY_RULE and "rules" in stages]
    for line in missed_by_rules(with_a_rule) if with_a_rule else ():
        print(f"found by another rule: {line}")
        code = 1
    return code


def report_alarms(plan: Plan, stages: Sequence[str], every: int = 1) -> int:
    """Print what raises an alarm though it is permitted, in each dialect; return 1 if anything does."""
    alarms, right = 0, [replace(one, dialect=dialect) for dialect in DIALECTS for one in PERMITTED[::every]]
    if "generated" in stages:
        warmed(plan)
    for done, outcome in enumerate(run_all(right, plan, stages), start=1):
        found = " ".join(f"{stage}: {case}" for stage, case in outcome.killed_by.items() if case)
        alarms += bool(found)
        where = f"[{done}/{len(right)}] {outcome.mutant.dialect:<8} {outcome.seconds:5.1f} s"
        print(f"{where}  {outcome.mutant.id}: {found or 'quiet'}", flush=True)
    print(f"\n{alarms} of {len(right)} permitted differences raise an alarm")
    return 1 if alarms else 0


def missed_by_rules(mutants: Sequence[Mutant]) -> list[str]:
    """Return what is not found by the rule for it, when such rules alone are asked."""
    plan = Plan(only=tuple(BY_RULE[mutant.id] for mutant in mutants))
    found = {outcome.mutant.id: outcome.killed_by["rules"] for outcome in run_all(mutants, plan, ("rules",))}
    return [
        f"{name}: {rule or 'no rule'}, not {BY_RULE[name]}" for name, rule in found.items() if rule != BY_RULE[name]
    ]


def survives(outcome: Outcome) -> bool:
    """Say whether nothing found it, or the model was asked and did not find what it must."""
    by_model = outcome.killed_by.get("model")
    return not outcome.killed or (outcome.mutant.id in BY_THE_MODEL and by_model == "")


def report(mutants: list[Mutant], plan: Plan, chosen: tuple[str, ...], *, first_only: bool) -> int:
    """Run, print a line for each, and the totals."""
    started, survivors, totals = time.monotonic(), list[Mutant](), dict.fromkeys(STAGES, 0)
    for done, outcome in enumerate(run_all(mutants, plan, chosen, first_only=first_only), start=1):
        stages = [stage for stage in STAGES if outcome.killed_by.get(stage)]
        for stage in stages:
            totals[stage] += 1
        mark = " ".join(f"{stage if stage in stages else '-':<9}" for stage in STAGES)
        killer = next((outcome.killed_by[stage] for stage in stages), "")
        if killer.startswith("HARNESS"):
            sys.exit(killer)
        survivors += [outcome.mutant] if survives(outcome) else []
        where = f"[{done}/{len(mutants)}] {mark} {outcome.seconds:5.1f} s"
        print(f"{where}  {outcome.mutant.id}: {outcome.mutant.title} [{killer}]", flush=True)
    killed, seconds = len(mutants) - len(survivors), time.monotonic() - started
    print(f"\n{killed} of {len(mutants)} killed in {seconds:.0f} s; by stage: {totals}")
    for mutant in survivors:
        print(f"survives: {mutant.id}: {mutant.title}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
