"""Where the microseconds of one PATCH go, without HTTP. Prints one JSON object."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from itertools import cycle
from typing import Any, Final, NamedTuple

import orjson

from mockserver.commands.running import make_server
from mockserver.formats.profile_body import open_profile
from mockserver.patch.apply import apply_patch
from mockserver.service.assembly import Mock, assemble
from mockserver.service.body import read_operations
from mockserver.service.door import VendorDoor, respond
from mockserver.service.life import stamped
from mockserver.service.request import Request
from mockserver.settings import Settings
from mockserver.state.clock import system_now
from mockserver.state.profiles import Changed
from tools.bench import page, signed_patch
from tools.bench.in_process import best_us, environ_of, wsgi_call

WHAT: Final = {
    "head": "the head is found among those that were read before",
    "body": "bytes to operations",
    "patch": "the profile opened, two operations applied, stamped, written",
    "store": "the profile found, its new bytes put in place of the old ones",
    "journal": "the exchange appended, the oldest dropped",
    "answer": "the profile in the format that was asked for, status and headers",
    "door": "what holds them together: world, faults, signature, permission, story, counters",
}


class Stage(NamedTuple):
    """What a request is made of once it has been answered, to do each part of it again."""

    mock: Mock
    environ: dict[str, Any]
    request: Request
    profile: bytes


def parts(answer: str, rounds: int) -> dict[str, float]:
    """Return microseconds of processor time by part, and of the whole."""
    stage = _stage(answer)
    whole = best_us(wsgi_call(make_server(stage.mock).app, answer), rounds)
    found = {name: best_us(make(stage), rounds) for name, make in _PARTS.items()}
    return {**found, "door": whole - sum(found.values()), "whole": whole}


def _stage(answer: str) -> Stage:
    mock = assemble(Settings())
    environ = environ_of(answer)
    request = Request(VendorDoor(mock).head(environ), signed_patch.BODIES[0])
    mock.service.answer(request, mock.worlds.default)
    profile = mock.worlds.default.journal.entries(limit=1)[0].after
    assert profile is not None, "the patch was applied"
    return Stage(mock, environ, request, profile)


def _head(stage: Stage) -> Callable[[], object]:
    door = VendorDoor(stage.mock)
    return lambda: door.head(stage.environ)


def _body(stage: Stage) -> Callable[[], object]:
    return lambda: read_operations(stage.request, stage.mock.service.policy, stage.mock.tree)


def _patch(stage: Stage) -> Callable[[], object]:
    tree, dialect, now = stage.mock.tree, stage.mock.service.policy.dialect, system_now()
    patches, profile = cycle([orjson.loads(body) for body in signed_patch.BODIES]), stage.profile

    def patch() -> None:
        nonlocal profile
        document = open_profile(profile)
        apply_patch(next(patches), document, tree, dialect, set(), document.reach)
        if document.changed():
            document["Edited"] = stamped(document.reach("Edited"), tree, now, "somebody")
            profile = document.write()

    return patch


def _store(stage: Stage) -> Callable[[], object]:
    key, profiles = stage.request.head.route.key, stage.mock.worlds.default.profiles
    assert key is not None, "the URL names a profile"
    bodies = cycle([stage.profile, stage.profile + b" "])
    return lambda: profiles.update(key, lambda before: Changed(next(bodies)))


def _journal(stage: Stage) -> Callable[[], object]:
    journal = stage.mock.worlds.default.journal
    exchange = journal.entries(limit=1)[0]
    return lambda: journal.append(exchange, 500)


def _answer(stage: Stage) -> Callable[[], object]:
    service, form = stage.mock.service, stage.request.head.form
    answer = service.answer(stage.request, stage.mock.worlds.default)
    profiles = cycle([open_profile(stage.profile).write() for _ in range(2)])

    def give() -> None:
        if form.is_xml:
            service.write_xml(next(profiles))
        respond(answer, stage.environ, lambda status, headers, exc_info=None: lambda data: None)

    return give


_PARTS: Final[dict[str, Callable[[Stage], Callable[[], object]]]] = {
    "head": _head,
    "body": _body,
    "patch": _patch,
    "store": _store,
    "journal": _journal,
    "answer": _answer,
}


def table(seen: dict[str, dict[str, float]]) -> str:
    """Return the parts and the whole as Markdown."""
    what = {**WHAT, "whole": "environment to answer"}
    rows = [[name, does, *(f"{seen[answer][name]:.1f}" for answer in ("JSON", "XML"))] for name, does in what.items()]
    return page.table(["part", "what is done", "JSON µs", "XML µs"], rows)


def main(rounds: int) -> None:
    """Measure and print everything."""
    logging.disable()
    print(orjson.dumps({answer: parts(answer, rounds) for answer in ("JSON", "XML")}).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
