"""Log lines: nobody waits for them, none is lost unless it is counted."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from mockserver.commands import server_log
from mockserver.commands.server_log import LogWriter

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, None, None)


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    lines = LogWriter(pipe[1], lambda: None)
    for number in range(500):
        lines.emit(record(f"line {number} \udcff"))
    lines.flush()
    assert os.read(pipe[0], 65536).decode().splitlines() == [f"line {number} \\udcff" for number in range(500)]


def test_a_full_pipe_drops_and_counts(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written and what is counted make the whole; who reads again is told how much is missing."""
    monkeypatch.setattr(server_log, "FLUSH_S", 0.01)
    dropped: list[None] = []
    lines = LogWriter(pipe[1], lambda: dropped.append(None))
    for number in range(10_000):
        lines.emit(record(f"{number:1000}"))
    assert dropped
    lines.flush()
    text = ""
    while "dropped here" not in text:
        text += os.read(pipe[0], 1 << 20).decode()
    while text.count("\n") < 10_000 - len(dropped) + text.count("dropped here"):
        text += os.read(pipe[0], 1 << 20).decode()
    said = sum(int(line.split()[0]) for line in text.splitlines() if "dropped here" in line)
    assert said == len(dropped)


def test_nobody_reads_any_more(pipe: Pipe) -> None:
    """A closed pipe is no error."""
    reader, writer = os.pipe()
    os.close(reader)
    dropped: list[None] = []
    lines = LogWriter(writer, lambda: dropped.append(None))
    lines.emit(record("a"))
    lines.flush()
    assert dropped == [None]
    os.close(writer)
