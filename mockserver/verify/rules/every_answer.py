"""What is wrong with every answer of a real target: told once, by a case of its own, and not again by each rule."""

from __future__ import annotations

from time import monotonic

from mockserver.verify.calls import Bench, Call, Verdict
from mockserver.verify.contract import Contract
from mockserver.verify.conversation import PATCH_TYPE, Conversation, Unanswered, next_world
from mockserver.verify.events import CaseFinished
from mockserver.verify.target.session import NotSent, Throttled

CASE = "every-answer"
TITLE = "Whatever is asked, the answer is what the contract says: status, headers, members, types and their order"
FACT = ("resources.UserProfile.json", "response.media_types.application/json")
_BODIES = (b"[]", b'[{"op":"test","path":"/NoSuchMember","value":""}]')


def look_at_answers(bench: Bench, contract: Contract) -> CaseFinished:
    """Ask for nothing, and for something that is refused; the problems of these answers are those of all of them."""
    started, verdict = monotonic(), Verdict.HELD
    talk = Conversation(bench, contract, next_world("every"))
    talk.problems += [f"a patch that changes nothing left a new stamp on {name}" for name in bench.altered]
    try:
        for body in _BODIES:
            headers = (("Content-Type", PATCH_TYPE), ("Accept", "application/json"))
            talk.send(Call("PATCH", bench.profiles[0], headers, body, refused=body != b"[]"))
    except (Unanswered, NotSent, Throttled) as end:
        talk.problems.append(str(end).partition("\n")[0])
        verdict = Verdict.INCONCLUSIVE
    if verdict is Verdict.HELD and talk.problems:
        verdict = Verdict.BROKEN
    problems = tuple(dict.fromkeys(talk.problems))
    return CaseFinished(
        stage="rules",
        id=CASE,
        title=TITLE,
        verdict=verdict,
        problems=problems,
        why="The page's sample of an answer and its list of media types are those of every answer.",
        source="page",
        fact=FACT,
        tags=("read",),
        seconds=monotonic() - started,
        exchanges=tuple(talk.exchanges),
    )
