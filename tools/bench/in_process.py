"""What the code costs without HTTP: the patch engine, the door to the service, a world. Prints one JSON object."""

from __future__ import annotations

import gc
import io
import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle
from typing import Any

import orjson
from jsonpatch import JsonPatch

from mockserver.commands.running import make_server
from mockserver.formats.profile_body import open_profile, write_profile
from mockserver.patch.apply import apply_patch
from mockserver.patch.dialect import DIALECTS
from mockserver.service.assembly import Mock, assemble
from mockserver.settings import Settings
from tools.bench import signed_patch
from tools.bench.apps.stock import stock_app

WORLDS = 900  # below the default of --max-worlds
PROFILE = orjson.dumps(orjson.loads(signed_patch.PROFILE_FILE.read_bytes()))


def best_us(action: Callable[[], object], rounds: int) -> float:
    """Return one call's processor time in the best of some rounds of 0.2 s, garbage collection included."""
    timer = timeit.Timer(action, setup=gc.enable, timer=time.process_time)
    calls, _ = timer.autorange()
    return min(timer.repeat(rounds, calls)) / calls * 1e6


def engine(mock: Mock, rounds: int) -> dict[str, float]:
    """Return microseconds from a profile's bytes to its patched bytes, without any server."""
    bodies, stock_bodies = cycle(signed_patch.BODIES), cycle(signed_patch.BODIES)
    dialect = DIALECTS[mock.settings.dialect]

    def ours() -> bytes:
        operations = orjson.loads(next(bodies))
        document = open_profile(PROFILE)
        return write_profile(apply_patch(operations, document, mock.tree, dialect, reach=document.reach))

    def stock() -> bytes:
        patch = JsonPatch(orjson.loads(next(stock_bodies)))
        return orjson.dumps(patch.apply(orjson.loads(PROFILE), in_place=True))

    return {"engine": best_us(ours, rounds), "engine_stock": best_us(stock, rounds)}


def doors(mock: Mock, rounds: int) -> dict[str, float]:
    """Return microseconds from a WSGI environment to an answer: of the mock, and of a view that only patches."""
    ours, flask = make_server(mock).app, stock_app(orjson.loads(PROFILE))
    return {
        "door_json": best_us(wsgi_call(ours, "JSON"), rounds),
        "door_xml": best_us(wsgi_call(ours, "XML"), rounds),
        "flask_stock": best_us(wsgi_call(flask, "JSON"), rounds),
    }


def worlds(rounds: int) -> dict[str, float]:
    """Return microseconds and bytes of one new world over the demo fixtures."""
    fastest = min(_fill(assemble(Settings())) for _ in range(rounds))
    mock = assemble(Settings())
    tracemalloc.start()
    _fill(mock)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {"world_us": fastest / WORLDS * 1e6, "world_bytes": held / WORLDS}


def _fill(mock: Mock) -> float:
    names = [f"test-{number}" for number in range(WORLDS)]
    started = time.process_time()
    for name in names:
        mock.worlds.create(name)
    return time.process_time() - started


def wsgi_call(
    app: Any,
    answer: str = "JSON",
    sent: Sequence[bytes] = signed_patch.BODIES,
    paths: Sequence[str] = (signed_patch.PATH,),
    **more: str,
) -> Callable[[], bytes]:
    """Return what sends bodies to paths of a WSGI application, one at a call; `more` goes into the environment."""
    environs, bodies = cycle([{**environ_of(answer, path), **more} for path in paths]), cycle(sent)
    seen: list[str] = []

    def start_response(status: str, headers: Iterable[tuple[str, str]], exc_info: object = None) -> None:
        seen[:] = [status]

    def call() -> bytes:
        body = next(bodies)
        own = {**next(environs), "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return b"".join(app(own, start_response))

    call()
    if not seen[0].startswith("200"):
        raise RuntimeError(f"expected 200, got {seen[0]}")
    return call


def environ_of(answer: str, path: str = signed_patch.PATH) -> dict[str, Any]:
    """Return the request's WSGI environment, without its body."""
    sent = signed_patch.headers(answer)
    return {
        "REQUEST_METHOD": "PATCH",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "RAW_URI": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_AUTHORIZATION": sent["Authorization"],
        "HTTP_ACCEPT": sent["Accept"],
        "CONTENT_TYPE": sent["Content-Type"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def main(rounds: int) -> None:
    """Measure and print everything."""
    mock = assemble(Settings())
    figures = engine(mock, rounds) | doors(mock, rounds) | worlds(rounds)
    print(orjson.dumps(figures).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
