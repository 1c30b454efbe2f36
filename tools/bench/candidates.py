"""What the mock is measured as and beside: each a name and the command that serves it on a port."""

from __future__ import annotations

import getpass
import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

from tools.bench.server_process import Unavailable
from tools.bench.signed_patch import PROFILE_FILE

THREADS = 4
FACTORY = "mockserver.web.app:create_app"
BOTH = ("JSON", "XML")


class Candidate(NamedTuple):
    """One thing to measure; `needs` are the Python packages and programs without which it is left out."""

    name: str
    command: Callable[[int, Path], list[str]]
    answers: tuple[str, ...] = ("JSON",)
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    does: str = ""
    patches: bool = True

    def check(self) -> None:
        """Raise Unavailable for the first thing that is missing."""
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                raise Unavailable(f"the Python package {package} is not installed")
        for program in self.programs:
            if shutil.which(program) is None:
                raise Unavailable(f"the program {program} is not installed")


def python(*arguments: str) -> list[str]:
    """Return a command of this Python."""
    return [sys.executable, *arguments]


def serve(port: int, *more: str) -> list[str]:
    """Return the command that starts the mock as its users do."""
    return python("-m", "mockserver", "serve", "--port", str(port), *more)


def _gunicorn(port: int, _: Path) -> list[str]:
    options = ["--worker-class", "gthread", "--threads", str(THREADS), "--bind", f"127.0.0.1:{port}"]
    return python("-m", "gunicorn", *options, f"{FACTORY}()")


def _waitress(port: int, *app: str) -> list[str]:
    return python("-m", "waitress", "--host", "127.0.0.1", "--port", str(port), "--threads", str(THREADS), *app)


def _nginx(port: int, directory: Path) -> list[str]:
    (directory / "profile.json").write_bytes(orjson.dumps(orjson.loads(PROFILE_FILE.read_bytes())))
    configuration = directory / "nginx.conf"
    configuration.write_text(NGINX % {"directory": directory, "port": port, "user": getpass.getuser()}, "utf-8")
    return ["nginx", "-p", str(directory), "-e", str(directory / "error.log"), "-c", str(configuration)]


# A static file answers no PATCH: the 405 is turned into the file.
NGINX = """daemon off; worker_processes 1; user %(user)s; pid %(directory)s/nginx.pid;
events {}
http {
  access_log off; default_type application/json; keepalive_requests 100000000;
  client_body_temp_path %(directory)s/body; proxy_temp_path %(directory)s/proxy; fastcgi_temp_path %(directory)s/f;
  uwsgi_temp_path %(directory)s/u; scgi_temp_path %(directory)s/s;
  server { listen 127.0.0.1:%(port)d; root %(directory)s; error_page 405 =200 /profile.json; }
}
"""

EMPTY = Candidate(
    "empty WSGI application",
    lambda port, _: python("-m", "tools.bench.apps.empty", str(port)),
    does="answers `{}` on the mock's own server",
    patches=False,
)
NAIVE = Candidate(
    "naive Flask on waitress",
    lambda port, _: _waitress(port, "tools.bench.apps.naive:app"),
    packages=("waitress",),
    does="`jsonpatch.apply_patch`, `jsonify`, nothing else",
)
SERVE = Candidate(
    "mockserver serve",
    lambda port, _: serve(port),
    BOTH,
    does="own server, the door for the hot route",
)
CANDIDATES = (
    SERVE,
    Candidate(
        "mockserver, Flask view",
        lambda port, _: python("-m", "tools.bench.apps.flask_view", str(port)),
        BOTH,
        does="own server, every request through Flask",
    ),
    Candidate(
        "mockserver on gunicorn",
        _gunicorn,
        BOTH,
        packages=("gunicorn",),
        does=f"one gthread worker with {THREADS} threads",
    ),
    Candidate(
        "mockserver on waitress",
        lambda port, _: _waitress(port, "--call", FACTORY),
        BOTH,
        packages=("waitress",),
        does=f"{THREADS} threads",
    ),
    EMPTY,
    NAIVE,
    Candidate(
        "Connexion on uvicorn",
        lambda port, _: python("-m", "tools.bench.apps.contract_first", str(port)),
        packages=("connexion", "uvicorn"),
        does="the naive view behind the mock's contract",
    ),
    Candidate("nginx, static file", _nginx, programs=("nginx",), does="the profile as a file", patches=False),
)
