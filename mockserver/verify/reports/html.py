"""The run as one page: the verdict, each fact of the vendor's page, each failure with what is needed to act on it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from mockserver.verify.calls import Verdict
from mockserver.verify.reports.exchange import Shown, last_patch
from mockserver.verify.reports.page import rendered
from mockserver.verify.reports.sentences import again, todo
from mockserver.verify.reports.whole_run import ORDER, WholeRun

# Of a long walk the end is what failed.
_MOST_EXCHANGES = 12


def as_html(run: WholeRun, shown: Shown) -> str:
    """Return the page, which needs nothing else."""
    start, end = run.start, run.end
    held = [case for case in run.cases if case.verdict is Verdict.HELD]
    others = [case for case in run.cases if case.verdict is not Verdict.HELD]
    return rendered(
        Path(__file__).with_name("run.html"),
        title=f"Verification of {start.target}",
        lead=run.lead,
        meta=(
            f"dialect {start.dialect}",
            f"seed {start.seed}",
            f"{end.requests} requests in {end.seconds:.1f} s",
            end.words,
        ),
        facts=run.facts,
        verdicts=ORDER,
        good=(Verdict.HELD,),
        run=start,
        end=end,
        stages=run.stages,
        counts=Counter((case.stage, case.verdict) for case in run.cases),
        entries=sorted(others, key=lambda case: ORDER.index(case.verdict)),
        entry_counts=Counter(case.verdict for case in others),
        held_cases={one.stage: [case for case in held if case.stage == one.stage] for one in run.stages},
        shown=shown,
        todo=todo,
        again=again,
        last_patch=last_patch,
        most=_MOST_EXCHANGES,
    )
