"""`mockserver fixtures generate`: as many invented profiles as wanted."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, cast

from mockserver.cli import add_json, print_json
from mockserver.commands.progress import progress_bar
from mockserver.errors import UsageError
from mockserver.fixtures.generator import generate
from mockserver.formats.json_write import write_json

EXAMPLES = """examples:
  mockserver fixtures generate --count 1000 --out fixtures/profiles/ACME01.ndjson
  mockserver fixtures generate --count 100000 --seed 7 --locale en-US --locale fr-CA --out big.ndjson.gz
  mockserver fixtures generate --count 3"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `fixtures`."""
    parser.add_argument("action", choices=("generate",), help="what to do")
    parser.add_argument("--count", type=int, default=100, metavar="N", help="how many profiles (default: 100)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="the same seed gives the same profiles (default: 0)"
    )
    parser.add_argument(
        "--locale", action="append", metavar="LOCALE", help="of names and places; repeatable (default: en-US)"
    )
    parser.add_argument(
        "--client", default="ACME01", metavar="ID", help="client whose profiles they are (default: ACME01)"
    )
    parser.add_argument("--with-inactive", action="store_true", help="make about one profile in twenty inactive")
    parser.add_argument("--out", type=Path, metavar="FILE", help="NDJSON file, .gz to compress (default: the terminal)")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write the profiles, one a line."""
    locales = tuple(options.locale or ("en-US",))
    profiles = generate(options.count, options.seed, locales, options.client, with_inactive=options.with_inactive)
    try:
        written = _write(profiles, options)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise UsageError(f"can't write: {problem.strerror}", place=str(options.out or "the terminal")) from problem
    # Without a file the profiles themselves are the output: JSON already, one a line.
    if options.json and options.out is not None:
        print_json({"written": written, "file": str(options.out)})
    return 0


def _write(profiles: Iterable[dict[str, Any]], options: argparse.Namespace) -> int:
    written = 0
    with _opened(options.out) as file:
        for profile in _watched(profiles, options.count):
            file.write(write_json(profile) + b"\n")
            written += 1
    return written


def _opened(path: Path | None) -> Any:
    if path is None:
        return nullcontext(sys.stdout.buffer)
    return cast(BinaryIO, gzip.open(path, "wb", compresslevel=6)) if path.suffix == ".gz" else path.open("wb")


def _watched(profiles: Iterable[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    draw = progress_bar("generating")
    for number, profile in enumerate(profiles, 1):
        yield profile
        if draw and (number % 1000 == 0 or number == total):
            draw(number, total)
