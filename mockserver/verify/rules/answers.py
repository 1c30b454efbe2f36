"""Is one answer what its step of a rule says? Problems hold no values of a profile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.verify.calls import Reply
from mockserver.verify.checks import Unreadable, read_error
from mockserver.verify.conversation import is_now
from mockserver.verify.pointers import value_at
from mockserver.verify.rules.reading import Step

# Stands for the present time, as a server writes it.
NOW = "${now}"


def answer_problems(step: Step, reply: Reply, *, exactly: bool) -> Iterator[str]:
    """Yield what is wrong with an answer; unless `exactly`, blanks and escapes that mean nothing may differ."""
    if reply.status != step.expect:
        yield f"the answer was {reply.status}, {step.expect} was expected"
        return
    found, wanted = reply.headers.get("content-type", ""), step.type or ""
    if wanted and (found if exactly else _plain_type(found)) != wanted:
        yield f"Content-Type is {reply.headers.get('content-type')!r}, {step.type!r} was expected"
    for name, value in step.answer_headers.items():
        if reply.headers.get(name.lower()) != value:
            yield f"the header {name} is {reply.headers.get(name.lower())!r}, {value!r} was expected"
    wanted_text = step.contains or ""
    if not exactly:
        wanted_text = wanted_text.replace(" />", "/>")
    if wanted_text not in (_body_text(reply) if exactly else _plain_text(reply)):
        yield f"the answer does not contain {step.contains!r}"
    if step.message is not None or step.model_state is not None:
        yield from _error_problems(step, reply)


def _plain_type(content_type: str) -> str:
    media_type, _, charset = content_type.replace(" ", "").replace('"', "").lower().partition(";")
    return f"{media_type}; {charset}"


def _body_text(reply: Reply) -> str:
    return reply.body.decode("utf-8", "replace")


def _plain_text(reply: Reply) -> str:
    """Return the body as text; JSON in its shortest form, XML without a blank at the end of an empty element."""
    try:
        return json.dumps(json.loads(reply.body), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return _body_text(reply).replace(" />", "/>")


def _error_problems(step: Step, reply: Reply) -> Iterator[str]:
    try:
        error = read_error(reply)
    except Unreadable as problem:
        yield str(problem)
        return
    if step.message is not None and error.get("Message") != step.message:
        yield f"the message is not {step.message!r}"
    if step.model_state is not None and sorted(error.get("ModelState", {})) != sorted(step.model_state):
        yield f"ModelState does not name {', '.join(step.model_state) or 'nothing'}"


def shown_problems(wanted: Mapping[str, Any], document: Any) -> Iterator[str]:
    """Yield where the document of an answer does not hold what the rule says, by JSON pointer."""
    for pointer, value in wanted.items():
        found = value_at(document, pointer)
        if not is_now(found) if value == NOW else found != value:
            yield f"{pointer} of the answer is not what the rule says it is"
