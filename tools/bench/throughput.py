"""Throughput and latency of the signed PATCH, each candidate in turn, round by round."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tools.bench import abilities, load, machine, server_process
from tools.bench.candidates import Candidate
from tools.bench.load import Load
from tools.bench.server_process import ServerProcess, Unavailable

CONNECTIONS = (1, 8, 32)


class Place(NamedTuple):
    """One figure's place in the table."""

    candidate: str
    answer: str
    connections: int


class Running(NamedTuple):
    """A candidate that serves."""

    candidate: Candidate
    server: ServerProcess


class Throughput(NamedTuple):
    """The best load of each place, what each candidate's first answer took and then held, and what was left out.

    `abilities` are each one's answers to the questions of that module, if they were asked.
    """

    loads: dict[Place, Load]
    start_up_s: dict[str, float]
    rss_bytes: dict[str, int]
    skipped: dict[str, str]
    abilities: Mapping[str, list[bool]] = MappingProxyType({})


def measure(
    candidates: Iterable[Candidate],
    *,
    rounds: int,
    seconds: int,
    warm_up_s: int = 0,
    cores: list[int] = machine.SERVER_CORE,
    ask: bool = False,
) -> Throughput:
    """Start all, then measure each in turn, `rounds` times, so that a busy moment of the machine hits all alike."""
    with contextlib.ExitStack() as stack:
        running, skipped = _start(candidates, stack, cores)
        known = {each.candidate.name: abilities.asked(each.server.port) for each in running if ask}
        for each in running if warm_up_s else ():
            load.run_wrk(each.server.port, max(CONNECTIONS), warm_up_s)
        loads = _loads(running, rounds, seconds)
        start_up = {each.candidate.name: each.server.start_up_s for each in running}
        rss = {each.candidate.name: each.server.rss_bytes() for each in running}
    return Throughput(loads, start_up, rss, skipped, known)


def _loads(running: list[Running], rounds: int, seconds: int) -> dict[Place, Load]:
    places = [place for each in running for place in _places(each.candidate)]
    servers = {each.candidate.name: each.server for each in running}
    loads: dict[Place, list[Load]] = {place: [] for place in places}
    for number, place in enumerate(places * rounds, 1):
        seen = _load(servers[place.candidate], place, seconds)
        loads[place].append(seen)
        machine.say(f"  [{number}/{len(places) * rounds}] {_line(place, seen)}")
    return {place: load.best(seen) for place, seen in loads.items()}


def _load(server: ServerProcess, place: Place, seconds: int) -> Load:
    before = server.cpu_s()
    seen = load.run_wrk(server.port, place.connections, seconds, place.answer)
    return seen._replace(cpu_us=(server.cpu_s() - before) / max(seen.requests, 1) * 1e6)


def _start(
    candidates: Iterable[Candidate], stack: contextlib.ExitStack, cores: list[int]
) -> tuple[list[Running], dict[str, str]]:
    running, skipped = [], {}
    for candidate in candidates:
        try:
            running.append(_started(candidate, stack, cores))
        except Unavailable as reason:
            skipped[candidate.name] = str(reason)
            machine.say(f"  left out: {candidate.name}: {reason}")
    return running, skipped


def _started(candidate: Candidate, stack: contextlib.ExitStack, cores: list[int]) -> Running:
    candidate.check()
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    port = server_process.free_port()
    server = stack.enter_context(ServerProcess(candidate.command(port, directory), port, cores=cores))
    for answer in candidate.answers:
        _check_answer(candidate, port, answer)
    return Running(candidate, server)


def _check_answer(candidate: Candidate, port: int, answer: str) -> None:
    """Raise Unavailable if the candidate does not do what it is measured for."""
    for number in (1, 2):
        reply = server_process.send_patch(port, answer, number)
        changed = f"Prospect {number}".encode() in reply.body
        if reply.status != 200 or changed != candidate.patches:
            raise Unavailable(f"unexpected answer, status {reply.status}: {reply.body[:200]!r}")
        if reply.body.startswith(b"<") != (answer == "XML"):
            raise Unavailable(f"it does not answer in {answer}, but {reply.body[:40]!r}")


def _places(candidate: Candidate) -> Iterator[Place]:
    for answer in candidate.answers:
        for connections in CONNECTIONS:
            yield Place(candidate.name, answer, connections)


def _line(place: Place, seen: Load) -> str:
    text = f"{place.candidate}, {place.answer}, {place.connections} connections: {seen.requests_per_s:,.0f} requests/s"
    return f"{text}, {seen.failed} FAILED" if seen.failed else text
