"""`mockserver serve`: start the mock and say how to talk to it."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import orjson

from mockserver.cli import add_settings, as_started, config_of, settings_of
from mockserver.commands.progress import progress_bar
from mockserver.commands.running import make_server
from mockserver.commands.server_log import Redacting, start_log
from mockserver.errors import UsageError
from mockserver.fixtures.watching import Stamps, Watcher, stamps
from mockserver.server.server import Server, stop_signals
from mockserver.service.assembly import Mock, assemble, sign_command
from mockserver.service.metrics import Metrics
from mockserver.service.operations import ROUTES, listed
from mockserver.service.reload import Reading, Reload, tell_skipped
from mockserver.service.sample import sample_curl, sample_user
from mockserver.settings import Settings

if TYPE_CHECKING:
    from mockserver.commands.ready_file import ReadyFile
    from mockserver.server.tls import Tls

_COLLECTED_ALLOCATIONS = 10_000
_log = logging.getLogger(__name__)

EXAMPLES = """examples:
  mockserver serve
  mockserver serve --port 0 --ready-file ready.json
  mockserver serve --dialect library --auth off
  mockserver serve --fault '500 p=0.1' --fault 'delay=200..800 op=replace' --seed 7
  mockserver serve --tls --port 8443
  mockserver serve --store redis://127.0.0.1:6379/0 --workers 2"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`: one for each setting."""
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP."""
    settings = settings_of(options)
    ready_file = _ready_file(settings)
    tls = prepare_tls(settings)
    metrics = Metrics()
    to_log = start_log(settings.log, metrics.note_dropped_line)
    config = config_of(options)
    known = stamps([settings.fixtures, config]) if settings.watch else None
    # Where log lines are for machines, no others come between.
    bar = progress_bar("loading profiles") if settings.log_format == "text" else None
    mock = assemble(settings, progress=bar, metrics=metrics)
    to_log.setFormatter(Redacting(lambda: mock.service.secrets))
    # What is here now stays: the collector need not look at it again, nor as often as its defaults make it look.
    gc.freeze()
    gc.set_threshold(_COLLECTED_ALLOCATIONS, 10, 10)

    def announce(url: str) -> None:
        _announce(mock, url, tls, ready_file, as_json=options.json)

    def listens(server: Server) -> None:
        follow_files(mock, server, reload, known)
        announce(server.url)

    tell_skipped(mock.fixtures)
    reload = Reload(mock, lambda: settings_of(options), config)
    try:
        with ended_by_signals():
            if settings.workers > 1:
                return serve_with_workers(mock, announce, tls)
            make_server(mock, listens, reload=reload, tls=tls).serve()
    except UsageError as refused:
        if isinstance(refused.__cause__, OSError):
            raise _cannot_listen(settings, refused.__cause__) from refused
        raise
    finally:
        if ready_file is not None:
            ready_file.remove()
    return 0


def _ready_file(settings: Settings) -> ReadyFile | None:
    if not settings.ready_file:
        return None
    from mockserver.commands.ready_file import ReadyFile

    return ReadyFile(settings.ready_file)


def follow_files(mock: Mock, server: Server, reload: Reload, known: Stamps | None = None) -> None:
    """Read again when files change and, where no terminal could mean something else by it, at SIGHUP.

    `known` are the files' stamps from before the mock read them.
    """

    def read_again() -> None:
        try:
            found = reload.read()
        except Exception:  # a bug: told as those of requests are, and the next edit is followed all the same
            return _log.exception("internal error: not read again, everything stays as it was")
        if isinstance(found, Reading):
            with contextlib.suppress(RuntimeError):  # the server ends just now
                server.loop.call_soon_threadsafe(reload.swap, found)

    if mock.settings.store != "memory":
        return
    if mock.settings.watch:
        reload.follow(Watcher(reload.paths, read_again, known))
    if not _has_terminal():
        hang_up = lambda: threading.Thread(target=read_again, daemon=True).start()  # noqa: E731
        with contextlib.suppress(NotImplementedError, RuntimeError):  # no such signals, or not the main thread
            server.loop.add_signal_handler(signal.SIGHUP, hang_up)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return not hasattr(signal, "SIGHUP")
    return True


def prepare_tls(settings: Settings) -> Tls | None:
    """Return how to speak https, None for plain http, which loads nothing."""
    if not settings.https:
        return None
    from mockserver.server.tls import tls_of

    return tls_of(settings)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let signals that come before the server handles them, or after, end this as an exception does."""

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in stop_signals() if number != signal.SIGINT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_with_workers(mock: Mock, announce: Callable[[str], None], tls: Tls | None = None) -> int:
    """Serve in several processes until SIGINT, SIGTERM or SIGHUP; return the exit code."""
    from mockserver.commands.workers import Workers, listening_sockets

    settings = mock.settings
    sockets = listening_sockets(settings.host, settings.port, settings.workers)

    def work(own: Sequence[socket.socket], on_listening: Callable[[Server], None]) -> None:
        make_server(mock, on_listening, own, tls=tls).serve()

    # A connection to the store can't be shared with a fork.
    workers = Workers(sockets, work, before_fork=mock.worlds.disconnect)
    shared = make_server(mock, tls=tls)
    shared.host, shared.port = sockets[0][0].getsockname()[:2]
    return workers.run(lambda: announce(shared.url))


def _cannot_listen(settings: Settings, problem: OSError) -> UsageError:
    from mockserver.commands.address import cannot_listen, running_mock

    host, port = settings.host, settings.port
    return cannot_listen(host, port, problem, running_mock(host, port, problem))


def _announce(mock: Mock, url: str, tls: Tls | None, ready_file: ReadyFile | None, *, as_json: bool) -> None:
    settings = mock.settings
    facts = {"url": url, "admin_url": f"{url}/__admin", "admin_token": mock.admin_token, "pid": os.getpid()}
    if tls is not None and tls.ca is not None:
        facts["ca"] = str(tls.ca)
    if ready_file is not None:
        ready_file.write(orjson.dumps(facts))
    if as_json:
        print(orjson.dumps(facts).decode(), flush=True)
        return
    print(_banner(mock, settings, url, tls), flush=True)


def _banner(mock: Mock, settings: Settings, url: str, tls: Tls | None) -> str:
    lines = [
        f"MyPreferences mock on {url}   (dialect {settings.dialect}, auth {settings.auth}, seed {settings.seed})",
        f"  {mock.fixtures.size} from {settings.fixtures}",
        *(f"  {line}" for line in listed(ROUTES[settings.operations])),
        f"  workbench {url}/__admin/ui (open it in a browser: requests as they come, each with its story)",
        f"  control surface {url}/__admin, contract {url}/openapi.json; stop with Ctrl-C",
    ]
    if mock.admin_token and settings.admin_token is None:
        lines.append(f"  control surface token (X-Mock-Admin-Token): {mock.admin_token}")
    if tls is not None:
        lines += _https_lines(tls, settings.tls_flaw)
    curl = sample_curl(mock, url, tls.ca if tls else None)
    if curl:
        lines += [
            "",
            as_started(f"Try it (the signature is valid for 15 minutes; `{_sign(mock)}` makes a new one):"),
            "",
            curl,
            "",
        ]
    return "\n".join(lines)


def _sign(mock: Mock) -> str:
    """Return the command that signs as the sample is signed, with the client where it is not the demo's."""
    command, found = sign_command(mock.settings), sample_user(mock)
    return f"{command} --client {shlex.quote(found[0].client_id)}" if found and "--fixtures" in command else command


def _https_lines(tls: Tls, flaw: str) -> list[str]:
    lines = [f"  every handshake has a flaw that clients must refuse: {flaw}"] if flaw != "none" else []
    if tls.ca is not None:
        lines.append(f"  its CA is {tls.ca}; to trust it:")
    return [*lines, *(f"    {client:<7} {line}" for client, line in tls.trust.items())]
