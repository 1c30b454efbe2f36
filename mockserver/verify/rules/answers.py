"""Is an answer what the rule says of it: its status, headers, words, and what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.verify.calls import Reply
from mockserver.verify.checks import Unreadable, read_error
from mockserver.verify.pointers import value_at
from mockserver.verify.rules.reading import Step


def answer_problems(step: Step, reply: Reply, state: Mapping[str, Any]) -> Iterator[str]:
    """Yield where an answer is not what the step says of it."""
    if reply.status != step.expect:
        yield f"the answer was {reply.status}, {step.expect} was expected"
        return
    if step.type is not None and reply.headers.get("content-type") != step.type:
        yield f"Content-Type is {reply.headers.get('content-type')!r}, {step.type!r} was expected"
    for name, value in step.answer_headers.items():
        if reply.headers.get(name.lower()) != value:
            yield f"the header {name} is {reply.headers.get(name.lower())!r}, {value!r} was expected"
    if step.contains is not None and step.contains.encode() not in reply.body:
        yield f"the answer does not contain {step.contains!r}"
    if step.message is not None or step.model_state is not None:
        yield from _error_problems(step, reply)


def _error_problems(step: Step, reply: Reply) -> Iterator[str]:
    try:
        error = read_error(reply)
    except Unreadable as problem:
        yield str(problem)
        return
    if step.message is not None and error.get("Message") != step.message:
        yield f"the message is not {step.message!r}"
    if step.model_state is not None and list(error.get("ModelState", {})) != list(step.model_state):
        yield f"ModelState does not name {', '.join(step.model_state) or 'nothing'}"


def shown_problems(wanted: Mapping[str, Any], document: Any) -> Iterator[str]:
    """Yield where the document of an answer does not hold what the rule says, by JSON pointer."""
    for pointer, value in wanted.items():
        if value_at(document, pointer) != value:
            yield f"{pointer} of the answer is not what the rule says it is"
