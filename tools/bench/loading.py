"""Loading very many profiles from one NDJSON file. Prints one JSON object."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

from mockserver.fixtures.loading import load_fixtures
from mockserver.profile.members import compile_members
from mockserver.service.assembly import load_contract
from mockserver.settings import Settings
from tools.bench import signed_patch
from tools.bench.server_process import resident_bytes


def write_fixtures(directory: Path, count: int) -> int:
    """Write a client with `count` profiles of the usual size, the first under the demo's id; return the bytes."""
    (directory / "profiles").mkdir()
    shutil.copy(signed_patch.FIXTURES / "clients.toml", directory)
    profile = orjson.loads(signed_patch.PROFILE_FILE.read_bytes())
    path = directory / "profiles" / "ACME01.ndjson"
    with path.open("wb") as file:
        file.writelines(_line(profile, number) for number in range(count))
    return path.stat().st_size


def _line(profile: dict[str, Any], number: int) -> bytes:
    profile["ProfileId"] = number + 1
    for entry in profile["AlternateIds"]:
        entry["AlternateId"] = signed_patch.alternate_id(number)
    return orjson.dumps(profile) + b"\n"


def main(count: int) -> None:
    """Write, load, print."""
    tree = compile_members(load_contract(Settings().contract))
    with tempfile.TemporaryDirectory() as name:
        size = write_fixtures(Path(name), count)
        before, started = resident_bytes(os.getpid()), time.perf_counter()
        fixtures = load_fixtures(Path(name), tree)
        seconds = time.perf_counter() - started
    held = resident_bytes(os.getpid()) - before
    loaded = len(fixtures.bodies)
    print(orjson.dumps({"count": loaded, "seconds": seconds, "file_bytes": size, "held_bytes": held}).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
