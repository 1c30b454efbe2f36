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
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import orjson

from mockserver.cli import add_json, add_settings, as_started, config_of, settings_of
from mockserver.commands.progress import progress_bar
from mockserver.commands.running import make_server
from mockserver.commands.sample import sample_curl, sample_user
from mockserver.errors import UsageError
from mockserver.fixtures.watching import Watcher
from mockserver.server.server import Server
from mockserver.service.assembly import Mock, assemble, sign_command
from mockserver.service.reload import Reading, Reload, tell_skipped
from mockserver.settings import Settings

_COLLECTED_ALLOCATIONS = 10_000

EXAMPLES = """examples:
  mockserver serve
  mockserver serve --port 0 --ready-file ready.json
  mockserver serve --dialect library --auth off
  mockserver serve --fault '500 p=0.1' --fault 'delay=200..800 op=replace' --seed 7
  mockserver serve --store redis://127.0.0.1:6379/0 --workers 2"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`: one for each setting."""
    add_settings(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    settings = settings_of(options)
    if settings.ready_file:
        _check_ready_file(settings.ready_file)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    mock = assemble(settings, progress=progress_bar("loading profiles"))
    # What is here now stays: the collector need not look at it again, nor as often as its defaults make it look.
    gc.freeze()
    gc.set_threshold(_COLLECTED_ALLOCATIONS, 10, 10)

    def announce(url: str) -> None:
        _announce(mock, url, as_json=options.json)

    tell_skipped(mock.fixtures)
    reload = Reload(mock, lambda: settings_of(options), config_of(options))
    try:
        if settings.workers > 1:
            return serve_with_workers(mock, announce)
        _serve(mock, announce, reload)
    finally:
        if settings.ready_file and written_by_us(settings.ready_file):
            settings.ready_file.unlink(missing_ok=True)
    return 0


def _serve(mock: Mock, announce: Callable[[str], None], reload: Reload) -> None:
    def listens(server: Server) -> None:
        follow_files(mock, server, reload)
        announce(server.url)

    try:
        make_server(mock, listens, reload=reload).serve()
    except UsageError as refused:
        if isinstance(refused.__cause__, OSError):
            raise _cannot_listen(mock.settings, refused.__cause__) from refused
        raise


def follow_files(mock: Mock, server: Server, reload: Reload) -> None:
    """Read again when files change and, where no terminal could mean something else by it, at SIGHUP."""

    def read_again() -> None:
        found = reload.read()
        if isinstance(found, Reading):
            with contextlib.suppress(RuntimeError):  # the server ends just now
                server.loop.call_soon_threadsafe(reload.swap, found)

    if mock.settings.store != "memory":
        return
    if mock.settings.watch:
        reload.follow(Watcher(reload.paths, read_again))
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


def serve_with_workers(mock: Mock, announce: Callable[[str], None]) -> int:
    """Serve in several processes until SIGINT or SIGTERM; return the exit code."""
    from mockserver.commands.workers import Workers, listening_sockets

    settings = mock.settings
    try:
        sockets = listening_sockets(settings.host, settings.port, settings.workers)
    except OSError as problem:
        raise _cannot_listen(settings, problem) from problem

    def work(sock: socket.socket, on_listening: Callable[[Server], None]) -> None:
        make_server(mock, on_listening, sock).serve()

    # A connection to the store can't be shared with a fork.
    workers = Workers(sockets, work, before_fork=mock.worlds.disconnect)
    shared = make_server(mock)
    shared.port = sockets[0].getsockname()[1]
    return workers.run(lambda: announce(shared.url))


def _cannot_listen(settings: Settings, problem: OSError) -> UsageError:
    from mockserver.commands.address import cannot_listen, running_mock

    host, port = settings.host, settings.port
    return cannot_listen(host, port, problem, running_mock(host, port, problem))


def _announce(mock: Mock, url: str, *, as_json: bool) -> None:
    settings = mock.settings
    facts = {
        "url": url,
        "admin_url": f"{url}/__admin",
        "admin_token": mock.admin_token,
        "pid": os.getpid(),
    }
    if settings.ready_file:
        try:
            write_ready_file(settings.ready_file, orjson.dumps(facts))
        except OSError as problem:
            reason = f"{settings.ready_file}: {problem.strerror}"
            raise _ready_file_refused(reason) from None
    if as_json:
        print(orjson.dumps(facts).decode(), flush=True)
        return
    print(_banner(mock, settings, url), flush=True)


def _banner(mock: Mock, settings: Settings, url: str) -> str:
    lines = [
        f"MyPreferences mock on {url}   (dialect {settings.dialect}, auth {settings.auth}, seed {settings.seed})",
        f"  {mock.fixtures.size} from {settings.fixtures}",
        f"  control surface {url}/__admin, contract {url}/openapi.json; stop with Ctrl-C",
    ]
    if mock.admin_token and settings.admin_token is None:
        lines.append(f"  control surface token (X-Mock-Admin-Token): {mock.admin_token}")
    curl = sample_curl(mock, url)
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


def _check_ready_file(path: Path) -> None:
    """Raise UsageError before anything listens if the file could not be written then."""
    folder = path.parent
    if not folder.is_dir():
        raise _ready_file_refused(f"{path}: {'not a' if folder.exists() else 'no such'} directory")
    if path.is_dir():
        raise _ready_file_refused(f"{path}: is a directory")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _ready_file_refused(f"{path}: {folder} can't be written to")


def _ready_file_refused(problem: str) -> UsageError:
    return UsageError(
        problem, place="--ready-file", hint="name a file in a directory that exists and can be written to"
    )


def written_by_us(path: Path) -> bool:
    """Tell whether a ready file is this process's; another server may own it."""
    try:
        return bool(orjson.loads(path.read_bytes())["pid"] == os.getpid())
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return False


def write_ready_file(path: Path, content: bytes) -> None:
    """Write the file in one step, readable for its owner alone, so that nobody sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
