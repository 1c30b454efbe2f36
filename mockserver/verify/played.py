"""A case that is played under the guard of a run: what ends it before its time, and what that makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mockserver.verify.calls import Verdict
from mockserver.verify.checks import Unreadable
from mockserver.verify.conversation import SHAPELESS, Conversation, Denied, Unanswered
from mockserver.verify.target.session import NotSent, Throttled


def played(
    talk: Conversation, case_id: str, play: Callable[[], Verdict | None], everyday: Collection[str] = ()
) -> tuple[Verdict | None, bool]:
    """Return the verdict, None where the problems noted make it, and whether the case came to its end.

    Never raises for what the target does; `everyday` are problems of every answer.
    """
    with talk.bench.guard(case_id):
        try:
            return play(), True
        except SHAPELESS as end:
            talk.problems.append(f"a profile is not as the contract has it ({type(end).__name__})")
            return None, False
        except (NotSent, Throttled, Unanswered, Denied, Unreadable) as end:
            talk.problems.append(str(end).partition("\n")[0])
            return _ended_by(end, talk, everyday), False


def _ended_by(end: Exception, talk: Conversation, everyday: Collection[str]) -> Verdict | None:
    if isinstance(end, NotSent):
        return Verdict.NOT_VERIFIABLE
    if isinstance(end, Unreadable):
        # Nothing more can be said of this case; what is wrong with every answer is another case's to say.
        return Verdict.INCONCLUSIVE if str(end) in everyday else None
    unanswered = isinstance(end, (Unanswered, Denied)) and talk.bench.is_mock
    return Verdict.BROKEN if unanswered else Verdict.INCONCLUSIVE
