"""Run the verification against wrong servers, each in a process of its own, and note which stage finds out."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from mockserver.errors import UsageError
from mockserver.verify.authorization import signed_headers
from mockserver.verify.calls import Account, Bench, Call, Reply
from mockserver.verify.contract import Contract, load_contract
from mockserver.verify.drawn.schemathesis import Generated, generate
from mockserver.verify.events import CaseFinished, Event
from mockserver.verify.mock_bench import read_fixtures
from mockserver.verify.rules.reading import DIALECTS
from mockserver.verify.run import STAGES, Plan, verify

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "contracts" / "openapi.yaml"
FIXTURES = ROOT / "fixtures"
TIMEOUT_S = 120.0
# The verifying side, which a wrong server must not change under our hands.
KEPT = ("mockserver.verify", "mockserver.settings", "mockserver.package", "mockserver.nearest")


class Request(NamedTuple):
    """What reaches the server; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int = 0
    place: int = 0  # in its packet


class Response(NamedTuple):
    """What the server answers; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Server = Callable[[Request], Response]
Wrong = Callable[[Request, Server], Response]


@dataclass(frozen=True)
class Mutant:
    """One wrong server: a fault around a right one, or a small change of a source file."""

    id: str
    title: str
    wrong: Wrong | None = None
    module: str = ""
    source: str = ""
    dialect: str = "vendor"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: by stage, the first case that failed; empty if the stage held."""

    mutant: Mutant
    killed_by: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def killed(self) -> bool:
        return any(self.killed_by.values())


class ServerSession:
    """A session that calls a server in this process."""

    def __init__(self, server: Server, accounts: Mapping[str, Account]) -> None:
        self.used = 0
        self._server = server
        self._accounts = accounts

    def send(self, call: Call) -> Reply:
        """Answer a call without a socket; a crash of the server is a broken connection."""
        for place in range(call.copies):
            reply = self._answer(call, place)
        return reply

    def _answer(self, call: Call, place: int) -> Reply:
        self.used += 1
        headers = {name.lower(): value for name, value in signed_headers(call, self._accounts, datetime.now(UTC))}
        try:
            answer = self._server(Request(call.method, call.target, headers, call.body, call.connection, place))
        except Exception as problem:
            raise ConnectionError(f"the server crashed: {type(problem).__name__}") from problem
        body = b"" if call.method == "HEAD" else answer.body
        return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body, 0.0)


def right_server(dialect: str) -> Server:
    """Return the mock as a function; serving modules are imported here, so that a changed source counts."""
    from mockserver.service.assembly import assemble
    from mockserver.settings import Settings
    from mockserver.web.app import create_app

    settings = Settings(dialect=dialect, fixtures=FIXTURES, contract=CONTRACT, log="off", max_worlds=10**6)
    mock = assemble(settings)
    return wsgi_server(create_app(mock))


def wsgi_server(app: Any) -> Server:
    """Return a WSGI application as a function."""

    def answer(request: Request) -> Response:
        found: list[Any] = []
        path, _, query = request.target.partition("?")
        environ = {
            "REQUEST_METHOD": request.method, "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query,
            "RAW_URI": request.target, "REQUEST_URI": request.target, "SCRIPT_NAME": "", "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
            "wsgi.input": io.BytesIO(request.body), "wsgi.errors": sys.stderr, "wsgi.multithread": False,
            "wsgi.multiprocess": False, "wsgi.run_once": False, "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_HOST": "127.0.0.1",
        }  # fmt: skip
        body = request.body
        if request.headers.get("transfer-encoding") == "chunked":
            body = b"".join(_unchunked(body))
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            latin = value.encode().decode("latin-1")
            environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = latin
        if request.headers.get("transfer-encoding"):
            del environ["HTTP_TRANSFER_ENCODING"]
        content = b"".join(app(environ, lambda status, headers, exc_info=None: found.append((status, headers))))
        status, headers = found[0]
        return Response(int(status.split()[0]), {name.lower(): value for name, value in headers}, content)

    return answer


def _unchunked(body: bytes) -> Iterator[bytes]:
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        yield rest[:length]
        body = rest[length + 2 :]


def changed_import(module: str, source: str) -> None:
    """Let the next import of a module read other source; forget what was imported of the serving side."""
    for name in [name for name in sys.modules if name.startswith("mockserver") and not name.startswith(KEPT)]:
        if name != "mockserver":
            del sys.modules[name]
    sys.meta_path.insert(0, _Finder(module, source))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, source: str) -> None:
        self._module = module
        self._source = source

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        file = ROOT / f"{fullname.replace('.', '/')}.py"
        loader = _Loader(fullname, str(file))
        loader.changed = self._source.encode()
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    changed = b""

    def get_data(self, path: str) -> bytes:
        return self.changed if path.endswith(".py") else super().get_data(path)

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError  # no cached bytecode


def judge(mutant: Mutant, plan: Plan, stages: Sequence[str] = STAGES, *, first_only: bool = False) -> Mapping[str, str]:
    """Return for each stage that was played the first case that failed against the mutant; in this process.

    As `mockserver verify` does it: a changed source is asked in every dialect for the rules, and in its own for all.
    """
    found = dict[str, str]()
    dialects = [mutant.dialect, *(name for name in DIALECTS if mutant.module and name != mutant.dialect)]
    try:
        if mutant.module:
            changed_import(mutant.module, mutant.source)
        bench, *further = [_bench(mutant, dialect) for dialect in dialects]
    except (Exception, SystemExit) as problem:
        return found | {"rules": f"does not start: {type(problem).__name__}: {problem}"[:200]}
    contract = load_contract(CONTRACT)
    for stage in stages:
        found[stage] = first_failure(bench, contract, plan, stage, further)
        if first_only and found[stage]:
            break
    return found


def _bench(mutant: Mutant, dialect: str) -> Bench:
    right, wrong = right_server(dialect), mutant.wrong
    server = right if wrong is None else (lambda request: wrong(request, right))
    fixtures = read_fixtures(FIXTURES)
    return fixtures.bench(ServerSession(server, fixtures.editors), dialect)


class _Enough(Exception):
    pass


def first_failure(bench: Bench, contract: Contract, plan: Plan, stage: str, further: Sequence[Bench] = ()) -> str:
    """Return the first case of a stage that failed, and stop there; empty if all held."""

    def report(event: Event) -> None:
        if isinstance(event, CaseFinished) and event.verdict.value != "held":
            raise _Enough(event.id)

    try:
        code = verify(bench, contract, replace(plan, stages=(stage,)), report, further=further)
    except _Enough as failure:
        return str(failure)
    return "" if code == 0 else f"exit code {code}"


def warmed(plan: Plan) -> list[Generated]:
    """Generate the cases once, for every process that is forked from this one."""
    import flask  # noqa: F401 - so that no child pays for it
    import jsonpatch  # noqa: F401

    import mockserver.verify.run as stages

    contract, key = load_contract(CONTRACT), read_fixtures(FIXTURES).profiles[0]
    cases = generate(contract, key, plan.seed, plan.max_examples)
    vars(stages)["generate"] = lambda *_: cases
    return cases


def run_all(
    mutants: Sequence[Mutant],
    plan: Plan,
    stages: Sequence[str] = STAGES,
    *,
    processes: int = 2,
    first_only: bool = False,
) -> Iterator[Outcome]:
    """Yield the outcome of each mutant, a few at a time; one that hangs is killed, in both senses."""
    waiting, running = list(mutants), dict[int, tuple[int, Mutant, float]]()
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop(0)
            pipe, pid = _forked(mutant, plan, stages, first_only)
            running[pipe] = (pid, mutant, time.monotonic())
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for pipe in ready:
            pid, mutant, started = running.pop(pipe)
            yield Outcome(mutant, _result(pipe, pid, stages), time.monotonic() - started)
        for pid, _, started in running.values():
            if time.monotonic() - started > TIMEOUT_S:
                os.kill(pid, signal.SIGKILL)


def _forked(mutant: Mutant, plan: Plan, stages: Sequence[str], first_only: bool) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return reading, pid
    code = 1
    try:
        os.close(reading)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            found = judge(mutant, plan, stages, first_only=first_only)
        except UsageError as problem:
            found = {stages[0]: f"HARNESS: {problem}"}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(dict(found)))
        code = 0
    finally:
        os._exit(code)


def _result(pipe: int, pid: int, stages: Sequence[str]) -> Mapping[str, str]:
    with os.fdopen(pipe, "rb") as file:
        content = file.read()
    os.waitpid(pid, 0)
    if content:
        result: Mapping[str, str] = pickle.loads(content)
        return result
    return dict.fromkeys(stages, "") | {stages[0]: "hangs, or takes the process down"}
