"""What a PATCH costs as the work grows, without HTTP. `python -m tools.bench.growth WHAT ROUNDS MOST` prints curves."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from mockserver.commands.running import make_server
from mockserver.service.assembly import assemble
from mockserver.settings import Settings
from tools.bench import loading, signed_patch
from tools.bench.apps.stock import stock_app
from tools.bench.in_process import best_us, wsgi_call

Curves = dict[str, list[tuple[float, float]]]
Charts = dict[str, Curves]
OURS, STOCK, FOLDER, PACKED = "mockserver", "tuned Flask view", "NDJSON in memory", "packed file"
DRAWS: Final = 2_000  # requests to random profiles
BLOCK: Final = 200  # requests between two readings of the journal's cost
MOST_IN_MEMORY: Final = 100_000  # about 400 MB


def steps(first: int, most: int, factors: tuple[int, ...] = (1, 2, 5)) -> list[int]:
    """Return the steps of a logarithmic axis, `most` included."""
    found = [first * factor * 10**power for power in range(7) for factor in factors]
    return [step for step in found if step < most] + [most]


def operations(rounds: int, most: int) -> Charts:
    """Return microseconds by the number of operations in one patch."""
    ours = make_server(assemble(Settings())).app
    stock = stock_app(orjson.loads(signed_patch.PROFILE_FILE.read_bytes()))
    curves: Curves = {OURS: [], STOCK: []}
    for count in steps(1, most):
        bodies = [_long_patch(number, count) for number in range(8)]
        for name, app in ((OURS, ours), (STOCK, stock)):
            curves[name].append((count, best_us(wsgi_call(app, sent=bodies), rounds)))
    return {"operations": curves}


def _long_patch(number: int, count: int) -> bytes:
    rows = [orjson.loads(signed_patch.BODIES[(number + turn) % 8]) for turn in range(count // 2 + 1)]
    return orjson.dumps([operation for pair in rows for operation in pair][:count])


def size(rounds: int, most: int) -> Charts:
    """Return microseconds by the bytes of the profile, whose custom fields grow."""
    curves: Curves = {OURS: [], STOCK: []}
    for wanted in steps(1_000, most, (1, 3)):
        profile = _profile_of(wanted)
        with tempfile.TemporaryDirectory() as name:
            _write_one(Path(name), profile)
            ours = make_server(assemble(Settings(fixtures=Path(name), max_profile=2 * most))).app
        for curve, app in ((OURS, ours), (STOCK, stock_app(orjson.loads(profile)))):
            curves[curve].append((len(profile), best_us(wsgi_call(app), rounds)))
    return {"size": curves}


def _profile_of(wanted: int) -> bytes:
    profile = orjson.loads(signed_patch.PROFILE_FILE.read_bytes())
    kept = ("ProfileId", "IsActive", "CustomerType", "AlternateIds", "Emails")
    small: dict[str, Any] = {name: profile[name] for name in kept}
    field = {"Name": "Field000000", "Value": "text " * 8}
    count = max(0, wanted - len(orjson.dumps(small)) - 20) // (len(orjson.dumps(field)) + 1)
    small["CustomFields"] = [{**field, "Name": f"Field{number:06d}"} for number in range(count)]
    return orjson.dumps(small)


def _write_one(directory: Path, profile: bytes) -> None:
    loading.write_fixtures(directory, 0)
    (directory / "profiles" / "ACME01.ndjson").write_bytes(profile + b"\n")


def profiles(rounds: int, most: int) -> Charts:
    """Return what a PATCH and a start cost by the number of profiles.

    The PATCH is of a random profile, in a world where none was changed before.
    """
    charts: Charts = {chart: {FOLDER: [], PACKED: []} for chart in ("profiles", "start")}
    assemble(Settings())  # the first imports more
    for count, name, fixtures in _sets(_room(most)):
        began = time.process_time()
        app = make_server(assemble(Settings(fixtures=fixtures))).app
        charts["start"][name].append((count, (time.process_time() - began) * 1000))
        draws = random.Random(count).choices(range(count), k=DRAWS)
        paths = [signed_patch.path(number) for number in draws]
        best = min(_pass_us(app, paths, f"round-{number}") for number in range(rounds))
        charts["profiles"][name].append((count, best))
    return charts


def _room(most: int) -> int:
    """Return how many profiles there is room for on the disk, as NDJSON and packed."""
    return most if shutil.disk_usage(tempfile.gettempdir()).free > 12_000 * most else min(most, MOST_IN_MEMORY)


def _pass_us(app: Any, paths: list[str], world: str) -> float:
    call = wsgi_call(app, paths=paths, HTTP_X_MOCK_NAMESPACE=world)
    started = time.process_time()
    for _ in range(DRAWS - 1):
        call()
    return (time.process_time() - started) / (DRAWS - 1) * 1e6


def _sets(most: int) -> Iterator[tuple[int, str, Path]]:
    """Yield fixtures of growing number, in a folder and packed, as far as each goes."""
    for count in (step for step in (20, 1_000, 10_000, 100_000, 1_000_000) if step <= most):
        with tempfile.TemporaryDirectory() as name:
            loading.write_fixtures(Path(name), count)
            found = {FOLDER: Path(name)} if count <= MOST_IN_MEMORY else {}
            for kind, path in (found | _packed(Path(name))).items():
                yield count, kind, path


def _packed(directory: Path) -> dict[str, Path]:
    out = directory / "all.packed"
    command = [sys.executable, "-m", "mockserver", "fixtures", "pack", str(directory), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"  not packed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}", file=sys.stderr)
        return {}
    return {PACKED: out}


def journal(rounds: int, most: int) -> Charts:
    """Return microseconds of a PATCH by the entries that the journal holds, up to its limit and beyond."""
    best: dict[int, float] = {}
    for _ in range(rounds):
        call = wsgi_call(make_server(assemble(Settings(journal_entries=most))).app)
        for number in range(2 * most // BLOCK):
            started = time.process_time()
            for _ in range(BLOCK):
                call()
            seen = (time.process_time() - started) / BLOCK * 1e6
            best[number] = min(best.get(number, seen), seen)
    return {"journal": {OURS: [((number + 1) * BLOCK, seen) for number, seen in best.items()]}}


WORK: Final[dict[str, Callable[[int, int], Charts]]] = {
    "operations": operations,
    "size": size,
    "profiles": profiles,
    "journal": journal,
}


def main(what: str, rounds: int, most: int) -> None:
    """Measure and print the charts of one kind of work."""
    print(orjson.dumps(WORK[what](rounds, most)).decode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
