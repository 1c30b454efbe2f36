"""Lines of a file of JSON documents, one a line, plain or compressed."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

SUFFIXES: Final = (".ndjson", ".ndjson.gz")
# What reading a file may raise: the system's errors, and a compressed file that is damaged or cut short.
READ_ERRORS: Final = (OSError, EOFError, zlib.error)
_REPORTED_LINES: Final = 1000
_BUFFER: Final = 1 << 20


def read_lines(path: Path, at: Callable[[int], None]) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without white space around it) for each line that isn't blank.

    `at` is told now and then how many bytes of the file have been read, as they are on disk.
    Raises one of READ_ERRORS.
    """
    with path.open("rb", buffering=_BUFFER) as file:
        for number, line in enumerate(_unpacked(path, file), 1):
            if number % _REPORTED_LINES == 0:
                at(file.tell())
            if text := line.strip():
                yield number, text


def _unpacked(path: Path, file: BinaryIO) -> Iterator[bytes] | io.BufferedReader:
    if path.suffix != ".gz":
        return file
    return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)), _BUFFER)
