"""What a report says in words: the verdict in one sentence, what to do about a case, how to ask it alone."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from mockserver.verify.calls import Verdict
from mockserver.verify.events import CaseFinished, RunStarted, StageFinished

SOURCES = {
    "page": "the vendor's page of this operation",
    "documented": "the vendor's other pages, or a standard",
    "library": "what the vendor's software did when it was run",
    "assumed": "our own assumption",
}
_TODO = {
    Verdict.TOLERATED: "Nothing, unless a client of yours relies on it: a server may do it in another way.",
    Verdict.INCONCLUSIVE: "Run it again: until it comes to an answer it says nothing, neither good nor bad.",
    Verdict.NOT_VERIFIABLE: "Nothing is wrong. To have it asked, give the target what the line above names.",
}


class Lead(NamedTuple):
    """The verdict of a run: its colour, the word for it, and the sentence that follows."""

    tone: str
    word: str
    sentence: str


def counted(amount: int, one: str) -> str:
    """Return an amount with its noun."""
    return f"{amount} {one}{'' if amount == 1 else 's'}"


def lead_of(run: RunStarted, cases: Sequence[CaseFinished], stages: Sequence[StageFinished], broken_facts: int) -> Lead:
    """Return the verdict of a run of `verify`, as its exit code says it."""
    amount = {verdict: sum(case.verdict is verdict for case in cases) for verdict in Verdict}
    total, held = counted(len(cases), "case"), amount[Verdict.HELD]
    if broken := amount[Verdict.BROKEN]:
        facts = f" and {counted(broken_facts, 'fact')} of the vendor's page" if broken_facts else ""
        return Lead("bad", "Broken.", f"{run.target} breaks {broken} of {total}{facts}.")
    if amount[Verdict.INCONCLUSIVE] or not held or any(stage.stopped for stage in stages):
        return Lead("warn", "No answer.", f"Nothing is broken, but {run.target} was not asked to the end: {held} held.")
    rest = [f"{count} {verdict}" for verdict, count in amount.items() if count and verdict is not Verdict.HELD]
    others = f"; {', '.join(rest)}" if rest else ""
    return Lead("ok", "Held.", f"{run.target} did in {held} of {total} what was expected{others}.")


def todo(case: CaseFinished, run: RunStarted) -> str:
    """Say what somebody who reads of a case should do."""
    if case.verdict is not Verdict.BROKEN:
        return _TODO.get(case.verdict, "Nothing.")
    if run.is_mock:
        return "Mend the mock, or the fixtures or the contract that it was started with: it breaks its own rule."
    word = SOURCES.get(case.source, "the contract")
    if_real = "change rule and mock, and until then start with --tolerate"
    return f"Mend the server: {word} wants it otherwise. If this is the real API, then that is no longer so: {if_real}."


def again(case: CaseFinished, run: RunStarted) -> str:
    """Return what to add to the same command so that it asks this case alone, or its stage."""
    stage, _, dialect = case.stage.partition("-")
    words = ["--only", case.id] if stage == "rules" else ["--stage", stage, "--seed", str(run.seed)]
    return shlex.join([*words, *(["--dialect", dialect] if dialect else [])])
