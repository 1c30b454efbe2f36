"""`mockserver doctor`: look for what could be wrong on this machine, and say how to mend it."""

from __future__ import annotations

import argparse
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mockserver import __version__
from mockserver.cli import add_settings, as_started, print_json, settings_and_problems_of
from mockserver.commands.address import cannot_listen, running_mock, shown_address
from mockserver.errors import UsageError
from mockserver.fixtures.loading import check_fixtures
from mockserver.package import pip_install
from mockserver.service.assembly import load_members
from mockserver.settings import Settings
from mockserver.state.clock import system_now
from mockserver.testing.proxies import proxies_in_the_way

EXAMPLES = """examples:
  mockserver doctor
  mockserver doctor --port 9000 --json"""
_PATIENCE_S = 5.0
PACKAGE = "mypreferences-mockserver"
OPTIONAL = {
    "redis[hiredis]>=5.2": "--store redis://",
    "greenlet>=3.0": "--store redis:// under load",
    "faker>=33": "fixtures generate",
    "lmdb>=3.0": "fixtures pack and --fixtures FILE",
    "schemathesis>=4.32": "verify",
    "trustme>=1.2": "--tls",
}


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    hint: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if something is wrong."""
    settings, problems = settings_and_problems_of(options)
    findings = [Finding("settings", False, f"{row.place}: {row.problem}", row.hint) for row in problems]
    findings += [finding for look in _LOOKS for finding in look(settings)]
    if options.json:
        print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            print(f"{'ok  ' if finding.ok else 'BAD '} {finding.what}: {finding.detail}")
            if finding.hint and not finding.ok:
                print(f"       {as_started(finding.hint)}")
    return 0 if all(finding.ok for finding in findings) else 1


def _python(settings: Settings) -> Iterator[Finding]:
    enough = sys.version_info >= (3, 11)
    yield Finding("python", enough, platform.python_version(), "install Python 3.11 or newer")
    yield Finding("mockserver", True, f"{__version__} in {sys.prefix}")


def _packages(settings: Settings) -> Iterator[Finding]:
    try:
        needed = [line for line in requires(PACKAGE) or () if "extra ==" not in line]
    except PackageNotFoundError:
        yield Finding(
            "package", False, "not installed", "install it: make serve in a checkout, else pip install and the wheel"
        )
        return
    for line in needed:
        name = line.split(">")[0].split("=")[0].split(";")[0].strip()
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "missing", pip_install(line))


def _extras(settings: Settings) -> Iterator[Finding]:
    for requirement, purpose in OPTIONAL.items():
        module = requirement.partition(">")[0].partition("[")[0]
        absent = f"absent; only {purpose} needs it: {pip_install(requirement)}"
        yield Finding(f"{module} (optional)", True, "there" if find_spec(module) is not None else absent)


def _contract(settings: Settings) -> Iterator[Finding]:
    try:
        _, tree = load_members(settings.contract)
    except UsageError as problem:
        yield Finding("contract", False, problem.problem, problem.hint)
        return
    yield Finding("contract", True, str(settings.contract))
    problems = check_fixtures(settings.fixtures, tree, max_profile=settings.max_profile)
    detail = f"{len(problems)} problems in {settings.fixtures}" if problems else str(settings.fixtures)
    yield Finding("fixtures", not problems, detail, "run mockserver check")


def _port(settings: Settings) -> Iterator[Finding]:
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family):
            yield Finding("port", True, f"{shown_address(host, port)} is free")
    except OSError as problem:
        running = running_mock(host, port, problem)
        refused = cannot_listen(host, port, problem, running)
        detail = f"{shown_address(host, port)} is in use by a running mock" if running else refused.problem
        yield Finding("port", running is not None, detail, refused.hint)


def _https(settings: Settings) -> Iterator[Finding]:
    if not settings.https:
        return
    from mockserver.server.server import Server
    from mockserver.server.tls import tls_of

    try:
        tls = tls_of(settings)
    except UsageError as problem:
        yield Finding("https", False, f"{problem.place}: {problem.problem}", problem.hint)
        return
    with Server(lambda environ, start_response: [], tls=tls) as server:
        refused = _handshake(server.port, tls.ca if tls else None)
    wanted = settings.tls_flaw == "none"
    told = "a handshake succeeds" if refused is None else f"a handshake fails: {refused}"
    yield Finding("https", (refused is None) == wanted, told, f"with --tls-flaw {settings.tls_flaw} that is wrong")


def _handshake(port: int, ca: Path | None) -> str | None:
    """Return why a client of this machine, which trusts our CA, does not come through; None if it does."""
    import ssl

    context = ssl.create_default_context(cafile=ca)
    if ca is None:  # whom others trust, and by what name, can't be known here
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return None
    except OSError as problem:
        return getattr(problem, "verify_message", None) or problem.strerror or str(problem)


def _clock(settings: Settings) -> Iterator[Finding]:
    now = system_now()
    yield Finding("clock", now.year >= 2024, f"{now:%Y-%m-%dT%H:%M:%SZ} UTC", "set the clock: signatures carry it")


def _exposure(settings: Settings) -> Iterator[Finding]:
    detail = (
        "loopback only" if settings.loopback else f"{settings.host}: others can reach it; the token guards /__admin"
    )
    yield Finding("exposure", True, detail)


def _proxies(settings: Settings) -> Iterator[Finding]:
    yield Finding("proxies", True, proxies_in_the_way() or "none in the way of requests to this machine")


_LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python, _packages, _extras, _contract, _port, _https, _clock, _exposure, _proxies,
)  # fmt: skip
