"""`mockserver fixtures`: as many invented profiles as wanted, and very many in one file."""

from __future__ import annotations

import argparse
import gzip
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from mockserver.cli import add_settings, print_json, settings_of
from mockserver.commands.progress import progress_bar
from mockserver.errors import UsageError
from mockserver.fixtures.generator import generate
from mockserver.fixtures.loading import Source
from mockserver.fixtures.ndjson import SUFFIXES
from mockserver.fixtures.whole_file import whole_file
from mockserver.formats.json_write import write_json
from mockserver.service.assembly import load_members
from mockserver.state.clock import stopwatch

EXAMPLES = """examples:
  mockserver fixtures generate --count 1000 --out fixtures/profiles/ACME01.ndjson
  mockserver fixtures generate --count 100000 --seed 7 --locale en-US --locale fr-CA --out big.ndjson.gz
  mockserver fixtures generate --count 3
  mockserver fixtures pack fixtures --out big.packed
  mockserver fixtures pack big.ndjson.gz --client ACME01 --clients fixtures/clients.toml --out big.packed"""

_OF_ONE = {
    "generate": ("count", "seed", "locale", "with_inactive"),
    "pack": ("source", "clients", "config", "contract", "max_profile"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("generate", "pack"), help="invent profiles, or check and pack them")
    parser.add_argument("source", type=Path, nargs="?", help="pack: a directory of fixtures, or an NDJSON file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="NDJSON (.gz) or packed file (default: the terminal)")
    parser.add_argument("--client", metavar="ID", help="whose profiles they are (default: ACME01, or the file's name)")
    parser.add_argument("--count", type=int, metavar="N", help="generate: how many profiles (default: 100)")
    parser.add_argument("--seed", type=int, metavar="S", help="generate: the same gives the same profiles (default: 0)")
    parser.add_argument(
        "--locale", action="append", metavar="LOCALE", help="generate: of names and places; repeatable (default: en-US)"
    )
    parser.add_argument("--with-inactive", action="store_true", default=None, help="generate: one in twenty inactive")
    parser.add_argument(
        "--clients", type=Path, metavar="FILE", help="pack: clients.toml of an NDJSON file (default: near it)"
    )
    add_settings(parser, "contract", "max_profile")


def run(options: argparse.Namespace) -> int:
    for action, names in _OF_ONE.items():
        if action != options.action and (given := [name for name in names if vars(options).get(name) is not None]):
            raise UsageError(f"{given[0].replace('_', '-')} is for `fixtures {action}`", hint="leave it out")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it leaves no half file either
    return (_pack if options.action == "pack" else _generate)(options)


def _pack(options: argparse.Namespace) -> int:
    from mockserver.fixtures.packing import pack

    if options.source is None or options.out is None:
        raise UsageError("pack what, and where to?", hint="write mockserver fixtures pack DIR --out FILE")
    own = {name: value for name in _OF_ONE["pack"] if (value := getattr(options, name, None)) is not None}
    settings = settings_of(argparse.Namespace(**{"config": None, **own}))
    _, tree = load_members(settings.contract)
    started, bar = stopwatch(), progress_bar("packing")
    packed = pack(_source(options), options.out, tree, max_profile=settings.max_profile, progress=bar)
    seconds, size = stopwatch() - started, options.out.stat().st_size
    if options.json:
        print_json({"packed": packed, "file": str(options.out), "bytes": size, "seconds": round(seconds, 3)})
    else:
        print(f"{options.out}: {packed:,} profiles, {size:,} bytes, in {seconds:.1f} s ({packed / seconds:,.0f}/s)")
    return 0


def _source(options: argparse.Namespace) -> Source:
    path: Path = options.source
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), None)
    if path.is_dir() or suffix is None:
        if options.clients or options.client:
            raise UsageError("a directory has its own clients.toml", place="pack", hint="leave out --client, --clients")
        return Source(path)
    beside, above = (folder / "clients.toml" for folder in (path.parent, path.parent / ".."))
    return Source(
        path,
        options.clients or (above if above.exists() and not beside.exists() else beside),
        options.client or path.name.removesuffix(suffix),
    )


def _generate(options: argparse.Namespace) -> int:
    count = 100 if options.count is None else options.count
    locales, client = tuple(options.locale or ("en-US",)), options.client or "ACME01"
    profiles = generate(count, options.seed or 0, locales, client, with_inactive=bool(options.with_inactive))
    try:
        written = _write(profiles, options.out, count)
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise UsageError(f"can't write: {problem.strerror}", place=str(options.out or "the terminal")) from problem
    # Without a file the profiles themselves are the output: JSON already, one a line.
    if options.json and options.out is not None:
        print_json({"written": written, "file": str(options.out)})
    return 0


def _write(profiles: Iterable[dict[str, Any]], out: Path | None, total: int) -> int:
    tell, written = progress_bar("generating", "profiles"), 0
    with _opened(out) as file:
        for written, profile in enumerate(profiles, 1):
            file.write(write_json(profile) + b"\n")
            if tell and (written % 1000 == 0 or written == total):
                tell(written, total)
    return written


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    if path is None:
        yield sys.stdout.buffer
        return
    with whole_file(path) as part:
        zipped = path.suffix == ".gz"
        with cast(BinaryIO, gzip.open(part, "wb", compresslevel=6)) if zipped else part.open("wb") as file:
            yield file
